// The messages between the actors of one node. interfaces.hpp says who takes which.
//
// They carry shared, immutable payloads: sending one never copies a transaction. None of them
// leaves the process; what does is in schema/peer.capnp.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/configuration.hpp"
#include "actors/zab/elector.hpp"
#include "actors/zab/leader.hpp"
#include "actors/zab/messages.hpp"
#include "schema/bytes.hpp"
#include "schema/types.hpp"
#include "store/error.hpp"
#include "store/tree.hpp"

namespace troupe {

class Link;

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
  std::uint32_t timeout_ms = 0;  ///< the session's from now on; 0 leaves it
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

/// All that was acknowledged, to anybody, before the question was asked is in a view at `barrier`.
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

// --- network → the protocol's actors ---

struct NotificationReceived {
  zab::Notification notification;
};
/// Whether votes sent to a node are believed to arrive.
struct Reachable {
  PeerId peer;
  bool reachable = false;
};
/// A learner has connected; what it sends waits until somebody takes the link.
struct LearnerConnected {
  PeerId peer;
  std::shared_ptr<Link> link;
};
struct LinkUp {
  const Link* link = nullptr;  ///< names the link, here and below
};
struct LinkReceived {
  const Link* link = nullptr;
  std::vector<zab::Message> messages;
};
struct LinkDown {
  const Link* link = nullptr;
  std::string reason;
};
struct LinkDrained {};

// --- leader or learner → log writer ---

/// Answered by Durable, with the last one's zxid, after the flush.
struct Append {
  std::vector<Proposal> proposals;
};
struct Truncate {
  Zxid last;
};
/// Answered by the same message, after the flush.
struct StoreAcceptedEpoch {
  Epoch epoch;
};
struct StoreCurrentEpoch {
  Epoch epoch;
};
/// Of the tree at `zxid`. Any of the snapshot may be answered by SnapshotRejected.
struct BeginSnapshot {
  Zxid zxid;
};
/// Answered by SnapshotEntriesStored.
struct SnapshotEntries {
  Bytes entries;
};
/// Answered by SnapshotStored: the log is the snapshot's, on disk, and empty.
struct EndSnapshot {};

// --- log writer → leader or learner ---

struct Durable {
  Zxid zxid;
};
struct SnapshotEntriesStored {};
struct SnapshotStored {
  Zxid zxid;
};
/// The snapshot is none; the log is as it was, and takes nothing more from this role.
struct SnapshotRejected {
  std::string reason;
};

// --- peer, archivist ↔ log writer ---

/// "What do you hold, after all that you were given?" Answered by HistoryFacts.
struct AskHistory {};
struct HistoryFacts {
  Epoch accepted, current;
  Zxid last;
  Zxid settled;          ///< up to here it is committed: in a checkpoint, or given to the tree (by the peer)
  std::string ensemble;  ///< filled in by the peer: the ensemble's id, where the tree knows it
  /// The last that the log tells; null if it tells none. The peer then fills in that of the node's file.
  std::shared_ptr<const Configuration> configuration = nullptr;
};
/// The log's configuration is another one, on disk: after an append, a truncation or a snapshot.
struct ConfigurationLogged {
  std::shared_ptr<const Configuration> configuration;  ///< null: the log tells none
  std::string ensemble = {};  ///< from the peer to the elector: the ensemble's id, where it is known
};
/// The archivist has flushed a checkpoint: it is the one to recover from, and the log may be pruned.
/// Answered by the same message once that is on disk.
struct CheckpointWritten {
  Zxid zxid;
};

// --- leader, learner → applier ---

/// Everything up to here is committed and in this node's log.
struct Deliver {
  Zxid zxid;
};
/// The log's checkpoint is a snapshot from the leader: the tree is that. Answered by TreeReplaced.
struct ReplaceTree {};
struct TreeReplaced {
  Zxid zxid;
};
/// "Tell me of everything applied": answered by Applied, now and after every batch.
struct Subscribe {
  std::uint64_t subscriber = 0;  ///< unique; Unsubscribe names it
};
struct Unsubscribe {
  std::uint64_t subscriber = 0;
};
/// The tree up to here is frozen.
struct FlushState {
  Zxid zxid;
  std::uint64_t bytes = 0;  ///< of the transactions since the last time
  std::size_t znodes = 0;   ///< that the tree has
};
/// It is in state/.
struct StateFlushed : FlushState {};
/// The tree is to be the one of the log's checkpoint; who asks keeps off it until TreeExchanged.
struct ExchangeTree {};
struct TreeExchanged {};
/// For a snapshot to a learner. Answered by TreeView.
struct AskView {};
struct TreeView {
  std::shared_ptr<store::View> view;
};
/// The leader's tree had this digest at this transaction.
struct CompareDigest {
  Zxid zxid;
  std::uint64_t digest = 0;
};

// --- leader → sender ---

/// The first message to a sender: bring the learner up to date.
struct BeginStream {
  zab::SyncPlan plan;
  Zxid last;  ///< NEWLEADER comes behind this
  Epoch epoch;
  bool observer = false;
  Zxid durable;                     ///< the leader's log holds everything up to here …
  std::vector<Proposal> in_flight;  ///< … and these follow
};
/// Straight to the learner.
struct SendMessage {
  zab::Message message;
};
struct Stream {
  std::shared_ptr<const std::vector<Proposal>> proposals;
};
struct StreamCommit {
  Zxid zxid;
};
/// Committed once it is on the learner's disk: it may be told, unless it observes.
struct StreamCommitWith {
  Zxid zxid;
};
struct StreamAs {
  bool observer = false;
};
struct StreamDurable {
  Zxid zxid;
};

// --- session tracker ---

struct TrackSessions {
  std::vector<store::Session> opened;
  std::vector<SessionId> closed;
};
/// tracker → leader: these clients were not heard of for their timeout.
struct SessionsExpired {
  std::vector<SessionId> sessions;
};

// --- elector, peer, roles ---

/// peer → elector: look for a leader.
struct Look {
  HistoryFacts facts;
  std::optional<PeerId> for_nothing;  ///< who was elected last, if he did not come to lead
};
/// elector → peer.
struct Elected {
  zab::Vote vote;
  zab::PeerState role;
};
/// leader or learner → peer: this node serves clients, through me.
struct RoleActive {
  Epoch epoch;
};
/// leader or learner → peer: I am done; I quit after this.
struct RoleEnded {
  std::string reason;
  Zxid delivered;            ///< the tree was given everything up to here; 0: nothing
  bool for_nothing = false;  ///< who was elected has not come to lead: nobody was told an epoch
};
/// wiring → peer: stop playing.
struct Stop {};

/// What a node shows of itself.
struct NodeStatus {
  PeerId id;
  zab::PeerState role = zab::PeerState::looking;
  bool serving = false;
  PeerId leader;
  Epoch epoch;
  Zxid last_logged;  ///< leader: last proposed
  Zxid committed;
  struct Learner {
    PeerId peer;
    bool observer = false, active = false;
    Zxid acked;
  };
  std::vector<Learner> learners;  ///< leader alone
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
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::NotificationReceived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Reachable)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::LearnerConnected)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::LinkUp)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::LinkReceived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::LinkDown)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::LinkDrained)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Append)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Truncate)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::StoreAcceptedEpoch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::StoreCurrentEpoch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::BeginSnapshot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::SnapshotEntries)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::EndSnapshot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Durable)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::SnapshotEntriesStored)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::SnapshotStored)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::SnapshotRejected)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::AskHistory)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::HistoryFacts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ConfigurationLogged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::CheckpointWritten)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Deliver)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ReplaceTree)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::TreeReplaced)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Subscribe)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Unsubscribe)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::FlushState)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::StateFlushed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ExchangeTree)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::TreeExchanged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::AskView)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::TreeView)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::CompareDigest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::BeginStream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::SendMessage)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Stream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::StreamCommit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::StreamCommitWith)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::StreamAs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::StreamDurable)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::TrackSessions)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::SessionsExpired)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Look)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Elected)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RoleActive)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::RoleEnded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Stop)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::NodeStatus)
