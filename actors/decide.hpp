// Decides on one operation: checks it against the tree as it will be, in the order in which
// ZooKeeper checks, and either says why not or writes the change down, in the transaction and in the
// overlay. Pure but for the overlay.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "actors/acl.hpp"
#include "actors/overlay.hpp"
#include "schema/txn.capnp.h"
#include "store/error.hpp"

namespace troupe {

/// The longest time to live of a znode, milliseconds.
inline constexpr std::int64_t max_ttl_ms = (std::int64_t{1} << 40) - 1;

/// What the node's configuration says of requests. While it leads, it speaks for the ensemble.
struct Rules {
  bool enforce_quota = false;  ///< hard limits refuse and soft ones warn; otherwise quotas are only counted
  acl::Schemes schemes;
  std::int64_t never_used_ms = 0;  ///< after so long a container that never had a child is due; 0: never
  std::function<void(const std::string& what)> on_quota_exceeded;  ///< soft or hard; may be empty
};

/// Who asks, and when.
struct Asker {
  SessionId session;  ///< 0: the ensemble itself, which needs no permission
  acl::Identities identities;
  std::int64_t time_ms = 0;  ///< of the transaction
  bool local = false;        ///< the session is its node's alone and can own nothing
};

/// On an error, neither `change` nor the overlay is changed in a way that the caller need undo.
/// The ensemble itself may delete only what is due: a container whose last child is gone or, by
/// the rules, never came, or a TTL znode without children whose time is over; another is refused with not_empty or
/// bad_version.
Error decide(Overlay& overlay, const Rules& rules, const Asker& asker, schema::Operation::Reader operation,
             schema::Change::Builder change);

}  // namespace troupe
