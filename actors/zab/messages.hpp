// What nodes say to each other, as the protocol core sees it. schema/peer.capnp is how it looks on
// the wire, and says what each message means.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "schema/proposal.hpp"
#include "schema/types.hpp"

namespace troupe::zab {

/// Whether a node that knows of epochs up to `known` believes in `told`: no history of elections leads
/// much further, and who stored an absurd one could never follow a sane leader again. A node that knows
/// of none has nothing to judge by, but leaves a million for those that come.
inline bool is_plausible(Epoch told, Epoch known) {
  constexpr std::uint32_t leap = 1u << 20;
  const std::uint64_t last = known == Epoch{} ? ~std::uint32_t{0} - leap : std::uint64_t{known.value} + leap;
  return told.value <= last;
}

// --- election ---

enum class PeerState : std::uint8_t { looking, following, leading, observing };

/// Whom a node would follow, and what that node's history is: the order of preference is epoch,
/// then zxid, then id.
struct Vote {
  Epoch epoch;
  Zxid zxid;
  PeerId leader;
  auto operator<=>(const Vote&) const = default;
};

struct Notification {
  PeerId sender;
  PeerState state = PeerState::looking;
  std::uint64_t round = 0;
  Vote vote;
  Zxid configured;       ///< of the last configuration in the sender's log …
  Bytes configuration;   ///< … and the transaction that set it, committed or not
  std::string ensemble;  ///< the id of the sender's ensemble; empty where it knows none yet
  bool operator==(const Notification&) const = default;
};

// --- learner to leader ---

struct FollowerInfo {
  PeerId peer;
  bool observer = false;
  Epoch accepted_epoch;
  std::string ensemble;  ///< its ensemble's id, empty where its history has not begun
};
struct AckEpoch {
  /// The epoch of the learner's history; none if it had promised this epoch to another before:
  /// then it may follow, but its promise does not count.
  std::optional<Epoch> current_epoch;
  Zxid last;
};
struct AckNewLeader {
  Epoch epoch;
};
/// Everything up to `durable` is on the learner's disk.
struct Ack {
  Zxid durable;
};
struct ForwardedRequests {
  std::vector<Bytes> requests;
};
struct RevalidateSession {
  std::uint32_t gateway = 0;
  std::uint64_t ticket = 0;
  SessionId session;
  std::uint32_t timeout_ms = 0;
};
struct SyncRequest {
  std::uint32_t gateway = 0;
  std::uint64_t ticket = 0;
};
struct Pong {
  std::vector<SessionId> heard;
  std::uint64_t ordinal = 0;  ///< of the last Ping that asked for an answer
  bool installing = false;    ///< a snapshot is on its way to the learner's disk
};

// --- leader to learner ---

struct LeaderInfo {
  Epoch epoch;
};
/// The learner's history is a prefix of the leader's: the rest follows.
struct Diff {};
/// Drop what comes after `last`; the rest follows.
struct Trunc {
  Zxid last;
};
/// Start over from the tree at `zxid`: its entries follow, then the transactions after it.
struct SnapBegin {
  Zxid zxid;
};
struct SnapChunk {
  Bytes entries;
};
struct SnapEnd {};
/// The history of the epoch is complete.
struct NewLeader {
  Epoch epoch;
};
struct UpToDate {};
struct Proposals {
  std::vector<Proposal> proposals;
};
/// Everything up to `zxid` is committed, or is as soon as it is on the learner's disk.
struct Commit {
  Zxid zxid;
};
/// For observers: proposals that are committed already.
struct Inform {
  std::vector<Proposal> proposals;
};
struct Ping {
  Zxid zxid;  ///< the leader's tree had this digest at this transaction
  std::uint64_t digest = 0;
  std::uint64_t ordinal = 0;  ///< not 0: answer at once, so that the leader knows that it still leads
};
struct SessionRevalidated {
  std::uint32_t gateway = 0;
  std::uint64_t ticket = 0;
  std::int32_t error = 0;
  Zxid barrier;
};
struct SyncReply {
  std::uint32_t gateway = 0;
  std::uint64_t ticket = 0;
  Zxid barrier;
};
struct RequestRefused {
  std::uint32_t gateway = 0;
  SessionId session;
  std::uint64_t number = 0;
  std::int32_t error = 0;
};

using Message = std::variant<FollowerInfo, AckEpoch, AckNewLeader, Ack, ForwardedRequests, RevalidateSession,
                             SyncRequest, Pong, LeaderInfo, Diff, Trunc, SnapBegin, SnapChunk, SnapEnd, NewLeader,
                             UpToDate, Proposals, Commit, Inform, Ping, SessionRevalidated, SyncReply, RequestRefused>;

}  // namespace troupe::zab
