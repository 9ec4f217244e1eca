// A transaction as it travels: from the leader into every log and every tree.
#pragma once

#include "schema/bytes.hpp"
#include "schema/types.hpp"

namespace troupe {

struct Proposal {
  Zxid zxid;
  Bytes txn;  ///< schema/txn.capnp, struct Txn
};

/// Whether the bytes are a transaction, and the one of this zxid. Looks at no more than its root.
bool is_sound(const Proposal& proposal);

/// Whether it sets the ensemble's configuration. Likewise.
bool sets_configuration(const Proposal& proposal);

}  // namespace troupe
