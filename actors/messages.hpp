// The messages between the actors of one node. interfaces.hpp says who takes which.
//
// They carry shared, immutable payloads: sending one never copies a transaction. None of them
// leaves the process; what does is in schema/peer.capnp.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>

#include <cstdint>
#include <memory>
#include <vector>

#include "schema/bytes.hpp"
#include "schema/types.hpp"
#include "store/error.hpp"
#include "store/tree.hpp"

namespace troupe {

/// Time passes. `now` is monotonic, in milliseconds; nobody reads a clock of his own.
struct Tick {
  std::int64_t now = 0;
};

// --- gateway → upstream (the leader or the learner of this node) ---

/// Writes of clients, each an encoded schema::Request, in the order in which they came.
struct Submit {
  std::vector<Bytes> requests;
};

/// An open session now has its connection at this gateway. Answered by Attached.
struct Attach {
  std::uint32_t gateway = 0;
  std::uint64_t ticket = 0;
  SessionId session;
};

/// "What is the latest?" Answered by Synced.
struct SyncRead {
  std::uint32_t gateway = 0;
  std::uint64_t ticket = 0;
};

/// Sessions whose clients were heard of since the last report.
struct Heard {
  std::vector<SessionId> sessions;
};

// --- upstream → gateway ---

/// `error` is ok, or session_expired. All that the session asked for before is applied once the
/// gateway's view has reached `barrier`; nothing of it comes later.
struct Attached {
  std::uint64_t ticket = 0;
  Error error = Error::ok;
  Zxid barrier;
};

/// All that was acknowledged before the question was asked is in a view at `barrier`.
struct Synced {
  std::uint64_t ticket = 0;
  Zxid barrier;
};

/// A request that was refused without becoming a transaction: its session is attached elsewhere.
struct Refused {
  SessionId session;
  std::uint64_t number = 0;
  Error error = Error::session_moved;
};

// --- applier → gateways and leader ---

/// The tree moved on. `view` is the receiver's own, at exactly batch->last. The first one that a
/// receiver gets may carry an empty batch: the tree as it is.
struct Applied {
  std::shared_ptr<const store::AppliedBatch> batch;
  std::shared_ptr<store::View> view;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Submit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Attach)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::SyncRead)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Heard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Attached)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Synced)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Refused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Applied)
