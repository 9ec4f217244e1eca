// A transaction as it travels: from the leader into every log and every tree.
#pragma once

#include "schema/bytes.hpp"
#include "schema/types.hpp"

namespace troupe {

struct Proposal {
  Zxid zxid;
  Bytes txn;  ///< schema/txn.capnp, struct Txn
};

/// Size in bytes of the transaction that `bytes` begin with, by its own word; 0 if they do not hold all of it.
/// https://capnproto.org/encoding.html#serialization-over-a-stream
std::size_t txn_size(std::string_view bytes);

/// Whether the bytes are one transaction and no more, and the one of this zxid. Looks at no more than its root.
bool is_sound(const Proposal& proposal);

/// Whether it sets the ensemble's configuration. Likewise.
bool sets_configuration(const Proposal& proposal);

}  // namespace troupe
