// A session's connection at a gateway, and the calls that wait for their turn.
//
// The queue holds, in the order of the calls, what cannot be answered yet: writes under way, syncs, and
// everything behind them. Its front part is issued (sent upstream). Behind a waiting read nothing
// is issued: a write that was submitted behind a read must not show in it, and the view moves in
// batches. Replies leave the front only, so they are in the order of the calls.
//
// Owner: the gateway, whose thread is the only one here. Doors hold a pointer, as a handle.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/calls.hpp"
#include "actors/client_identity.hpp"
#include "schema/bytes.hpp"

namespace troupe {

/// A copy of a call that is no write, for later.
class QueuedCall {
 public:
  explicit QueuedCall(const Call& call);
  QueuedCall(const QueuedCall&) = delete;
  QueuedCall& operator=(const QueuedCall&) = delete;

  const Call& call() const { return call_; }
  std::size_t size() const { return text_.size() + sizeof *this; }

 private:
  Call call_;
  std::string text_;                     // what the views of call_ point into
  std::vector<std::string_view> paths_;  // of rearm_
  Rearm rearm_;
  std::vector<ReadOp> reads_;
};

/// What waits in a session's queue.
struct Waiting {
  enum class Kind { write, replay, sync, read, refusal, farewell };  // farewell: the end of a local session
  Kind kind = Kind::read;
  std::uint64_t tag = 0;
  OpCode code = OpCode::exists;
  std::size_t bytes = 0;

  std::uint64_t number = 0;                       // write, replay
  Bytes request;                                  // write, until it is issued
  bool local = false;                             // write: the session was not the ensemble's when it was called
  bool upgrades = false;                          // such a write: the session's opening goes before it
  std::shared_ptr<const store::Outcome> outcome;  // write, when it has come; replay
  std::optional<Error> error;                     // of a refusal, or of a write that did not become a transaction
  std::uint64_t ticket = 0;                       // sync, when it is issued
  std::optional<Zxid> barrier;                    // sync, when upstream has answered
  std::unique_ptr<QueuedCall> call;               // read
};

struct Attachment {
  enum class State {
    waiting,      // for a leader
    opening,      // the session's opening is under way
    attaching,    // upstream has been asked
    catching_up,  // the view has yet to reach `barrier`
    ready,
    closed,
  };

  /// Whose the session is; see node_sessions.hpp.
  enum class Scope {
    global,     // the ensemble's
    local,      // this node's
    upgrading,  // becoming the ensemble's
    guest,      // this node's, which only reads
  };

  Attachment(SessionId session, ClientSink& sink, std::string_view address)
      : session(session), sink(&sink), identity(address) {}

  SessionId session;  // another one if the first could not be opened with the leader that was asked
  ClientSink* const sink;
  ClientIdentity identity;
  State state = State::waiting;
  Scope scope = Scope::global;
  bool is_new = false;        // the session is to be opened
  bool may_be_local = false;  // as in ConnectRequest
  std::uint32_t timeout_ms = 0;
  std::uint64_t ticket = 0;  // of the Attach
  Zxid last_seen;            // by the client, before
  Zxid barrier;              // the view must reach it first
  Zxid told;                 // of the last answer

  std::deque<Waiting> queue;
  std::size_t issued = 0;   // so many of the queue's front are sent upstream
  std::size_t writing = 0;  // so many of these are writes
  std::size_t queued_bytes = 0;
  bool stopped = false;            // the door was told that it is congested
  std::uint64_t last_number = 0;   // of the writes on this connection
  std::uint64_t replay_until = 0;  // numbered writes up to here were applied before this connection
  std::uint64_t heard_in = 0;      // the tick period in which the client was last noted as heard

  std::vector<Event> events;  // of the batch that is being fired
};

}  // namespace troupe
