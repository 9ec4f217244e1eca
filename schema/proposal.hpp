// A transaction as it travels: from the leader into every log and every tree.
#pragma once

#include "schema/bytes.hpp"
#include "schema/types.hpp"

namespace troupe {

struct Proposal {
  Zxid zxid;
  Bytes txn;  ///< schema/txn.capnp, struct Txn
};

}  // namespace troupe
