#include "schema/proposal.hpp"

#include <capnp/serialize.h>

#include "schema/txn.capnp.h"

namespace troupe {

bool is_sound(const Proposal& proposal) {
  try {
    capnp::FlatArrayMessageReader message(kj::arrayPtr(reinterpret_cast<const capnp::word*>(proposal.txn.data()),
                                                       proposal.txn.size() / sizeof(capnp::word)));
    return message.getRoot<schema::Txn>().getZxid() == proposal.zxid.value;
  } catch (const kj::Exception&) {
    return false;
  }
}

}  // namespace troupe
