#include "actors/new_ensemble.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

#include "actors/configuration.hpp"
#include "actors/flat_message.hpp"
#include "schema/check.hpp"
#include "schema/txn.capnp.h"

namespace troupe {
namespace {

constexpr std::size_t batch_bytes = 1 << 20;

Proposal refound(Zxid zxid, std::int64_t time_ms, const std::string& id, const std::string& configuration) {
  FlatMessage message(64 + (id.size() + configuration.size()) / sizeof(capnp::word));
  auto txn = message.initRoot<schema::Txn>();
  txn.setZxid(zxid.value);
  txn.setTime(time_ms);
  auto refound = txn.initRefound();
  refound.setEnsemble({reinterpret_cast<const kj::byte*>(id.data()), id.size()});
  refound.setConfiguration(configuration);
  return {zxid, message.finish()};
}

void apply_all(store::DataDir& data) {
  for (;;) {
    const auto proposals = data.log().read(data.tree().applied(), batch_bytes);
    if (proposals.empty()) return;
    data.tree().apply(proposals);
  }
}

}  // namespace

void force_new_ensemble(store::DataDir& data, const EnsembleConfig& members, std::int64_t time_ms,
                        const std::string& id) {
  TROUPE_CHECK(id.size() == 16, "an ensemble's id has 16 bytes");
  auto& log = data.log();
  if (log.last() == Zxid{}) {
    throw std::invalid_argument(
        "a new ensemble cannot be made of nothing: this node's data directory is empty. Force it "
        "at a node that has the data, and start this one without the flag");
  }
  const auto txn = log.configuration();
  const auto logged = txn.empty() ? nullptr : Configuration::of_txn(txn);
  if (!logged || (!logged->joint() && logged->current.decides_as(members))) {
    const bool half_done =
        logged && FlatReader<schema::Txn>(txn).root().isRefound() && data.tree().applied() < logged->since;
    if (!half_done) {
      spdlog::warn("no new ensemble is needed: the members that this node's file names are in force already");
      return;
    }
  } else {
    apply_all(data);  // for the time of the last transaction
    const auto epoch = std::max(log.accepted_epoch(), log.current_epoch()).next();
    auto next = members;
    next.version = Zxid::of(epoch, 1);
    log.set_accepted_epoch(epoch);
    log.set_current_epoch(epoch);
    log.append(refound(next.version, std::max(time_ms, data.tree().view()->time()), id, to_text(next)));
    log.commit();
  }
  apply_all(data);
  data.tree().kv().sync();
  log.set_checkpoint(data.write_checkpoint());
  log.commit();
  data.prune_checkpoints();
  spdlog::warn(
      "this node's history up to {} is now that of a new ensemble, of the members in its file. Nodes that have "
      "data of the old one need an empty data directory to join",
      to_string(log.last()));
}

}  // namespace troupe
