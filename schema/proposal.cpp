#include "schema/proposal.hpp"

#include <capnp/serialize.h>

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

bool is_sound(const Proposal& proposal) {
  return holds(proposal, [&](schema::Txn::Reader txn) { return txn.getZxid() == proposal.zxid.value; });
}

bool sets_configuration(const Proposal& proposal) {
  return holds(proposal, [](schema::Txn::Reader txn) {
    return txn.isReconfigure() || txn.isActivate() || txn.isRefound() ||
           (txn.isFound() && txn.getFound().hasConfiguration());
  });
}

}  // namespace troupe
