#include "actors/configuration.hpp"

#include "actors/flat_message.hpp"
#include "schema/txn.capnp.h"

namespace troupe {
namespace {
EnsembleConfig parse(capnp::Text::Reader text) { return parse_configuration({text.begin(), text.size()}); }
}  // namespace

std::shared_ptr<const zab::Quorum> Configuration::quorum() const {
  auto quorum = current.quorum();
  return next ? std::make_shared<zab::JointQuorum>(std::move(quorum), next->quorum()) : quorum;
}

bool Configuration::is_voter(PeerId peer) const {
  return current.voters().contains(peer) || (next && next->voters().contains(peer));
}

std::map<PeerId, Member> Configuration::members() const {
  if (!next) return current.members;
  auto members = next->members;
  members.insert(current.members.begin(), current.members.end());
  return members;
}

std::map<PeerId, Member> Configuration::reachable(Zxid settled) const {
  auto all = members();
  if (since > settled) all.insert(before.begin(), before.end());
  return all;
}

std::shared_ptr<const Configuration> Configuration::of_file(EnsembleConfig config) {
  auto configuration = std::make_shared<Configuration>();
  configuration->current = std::move(config);
  return configuration;
}

std::shared_ptr<const Configuration> Configuration::of_txn(const Bytes& bytes) {
  const FlatReader<schema::Txn> reader(bytes);
  const auto txn = reader.root();
  auto configuration = std::make_shared<Configuration>();
  configuration->since = {txn.getZxid()};
  configuration->txn = bytes;
  configuration->asker = {{txn.getSession()}, txn.getNumber(), txn.getNumbered(), txn.getAnswered()};
  switch (txn.which()) {
    case schema::Txn::FOUND:
      configuration->current = parse(txn.getFound().getConfiguration());
      break;
    case schema::Txn::RECONFIGURE:
      configuration->current = parse(txn.getReconfigure().getFrom());
      configuration->next = parse(txn.getReconfigure().getTo());
      break;
    case schema::Txn::ACTIVATE:
      configuration->current = parse(txn.getActivate().getConfiguration());
      if (txn.getActivate().hasBefore()) configuration->before = parse(txn.getActivate().getBefore()).members;
      break;
    case schema::Txn::REFOUND:
      configuration->current = parse(txn.getRefound().getConfiguration());
      break;
    default:
      throw BadConfiguration("transaction " + to_string(configuration->since) + " sets no configuration");
  }
  return configuration;
}

}  // namespace troupe
