#include "schema/proposal.hpp"

#include <capnp/serialize.h>

#include <cstring>

#include "schema/txn.capnp.h"

namespace troupe {
namespace {

/// What `look` says of the transaction's root; false where there is none.
template <class Look>
bool holds(const Proposal& proposal, Look&& look) {
  try {
    capnp::FlatArrayMessageReader message(kj::arrayPtr(reinterpret_cast<const capnp::word*>(proposal.txn.data()),
                                                       proposal.txn.size() / sizeof(capnp::word)));
    return look(message.getRoot<schema::Txn>());
  } catch (const kj::Exception&) {
    return false;
  }
}

}  // namespace

std::size_t txn_size(std::string_view bytes) {
  const auto number = [&](std::uint64_t index) {
    std::uint32_t value;
    std::memcpy(&value, bytes.data() + index * sizeof value, sizeof value);
    return std::uint64_t{value};
  };
  // How many segments there are, less one; the words of each; padding to a whole word; the segments.
  if (bytes.size() < sizeof(capnp::word)) return 0;
  const std::uint64_t segments = number(0) + 1;
  std::uint64_t words = (segments + 2) / 2;
  if (words > bytes.size() / sizeof(capnp::word)) return 0;
  for (std::uint64_t segment = 1; segment <= segments; ++segment) words += number(segment);
  return words <= bytes.size() / sizeof(capnp::word) ? words * sizeof(capnp::word) : 0;
}

bool is_sound(const Proposal& proposal) {
  if (proposal.txn.empty() || txn_size(proposal.txn.view()) != proposal.txn.size()) return false;
  return holds(proposal, [&](schema::Txn::Reader txn) { return txn.getZxid() == proposal.zxid.value; });
}

bool sets_configuration(const Proposal& proposal) {
  return holds(proposal, [](schema::Txn::Reader txn) {
    return txn.isReconfigure() || txn.isActivate() || txn.isRefound() ||
           (txn.isFound() && txn.getFound().hasConfiguration());
  });
}

}  // namespace troupe
