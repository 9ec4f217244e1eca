// What a client asks of a gateway and what it hears back, whatever protocol it speaks. The doors
// (Cap'n Proto RPC, ZooKeeper's wire protocol) translate. Nothing here owns what it points to:
//   a Call points into the door's input and is valid during Gateway::call()
//   a Reply and an Event point into the gateway's view and are valid during the callback, so a
//   door encodes at once
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "actors/passwords.hpp"
#include "actors/rearm.hpp"
#include "actors/watches.hpp"
#include "schema/txn.capnp.h"
#include "schema/types.hpp"
#include "store/error.hpp"
#include "store/tree.hpp"

namespace troupe {

/// ZooKeeper's numbers. A create of any kind is `create`.
enum class OpCode : std::int32_t {
  close = -11,
  create = 1,
  remove = 2,
  exists = 3,
  get_data = 4,
  set_data = 5,
  get_acl = 6,
  set_acl = 7,
  get_children = 8,
  sync = 9,
  ping = 11,
  check = 13,  ///< inside a multi alone
  multi = 14,
  reconfig = 16,
  check_watches = 17,
  remove_watches = 18,
  multi_read = 22,
  add_auth = 100,
  set_watches = 101,
  get_ephemerals = 103,
  all_children_number = 104,
  add_watch = 106,
  who_am_i = 107,
};

constexpr bool is_write(OpCode code) {
  switch (code) {
    case OpCode::create:
    case OpCode::remove:
    case OpCode::set_data:
    case OpCode::set_acl:
    case OpCode::multi:
    case OpCode::reconfig:
    case OpCode::close:
      return true;
    default:
      return false;
  }
}

struct AclView {
  std::uint32_t perms = 0;
  std::string_view scheme, id;
};

/// One operation of a write; the fields that its code uses, as in schema::Operation.
struct WriteOp {
  OpCode code = OpCode::create;  ///< create, remove, set_data, set_acl or check
  std::string_view path;
  std::optional<std::string_view> data;
  std::span<const AclView> acl;
  std::int32_t version = -1;
  schema::NodeKind kind = schema::NodeKind::PERSISTENT;
  std::int64_t ttl = 0;
};

/// One operation of a multi_read.
struct ReadOp {
  OpCode code = OpCode::get_data;  ///< get_data or get_children
  std::string_view path;
};

/// What a reconfiguration asks for; schema::Request says what each means.
struct ReconfigOp {
  std::optional<std::string_view> joining, leaving, new_members;
  std::int64_t version = -1;
};

struct Call {
  std::uint64_t tag = 0;  ///< the door's; comes back in the Reply
  OpCode code = OpCode::exists;
  Error refusal =
      Error::ok;  ///< not ok: the door refuses it itself; answered in its turn, and nothing else is looked at

  // Writes, close among them.
  std::uint64_t number = 0;      ///< with `numbered`: rising within the connection
  bool numbered = false;         ///< the client may repeat it after a lost connection; see schema::Request
  std::uint64_t answered = 0;    ///< with `numbered`: the client has the answers up to this one
  std::span<const WriteOp> ops;  ///< one, or those of a multi

  ReconfigOp reconfig;  ///< of reconfig; its result has the configuration where a create's has its path

  // Reads and watches.
  std::string_view path;
  bool watch = false;
  std::string_view after;         ///< get_children: begin behind this name
  std::uint32_t limit = 0;        ///< get_children: at most so many names, 0 for all
  std::optional<WatchKind> kind;  ///< of add_watch (persistent, recursive), check_ and remove_watches (none: any)
  const Rearm* rearm = nullptr;   ///< of set_watches
  std::span<const ReadOp> reads;  ///< of multi_read

  // add_auth: holds for all that is called from then on.
  std::string_view scheme, credentials;
  bool proven = false;  ///< the door has seen the proof: the credentials are the identity
};

/// What one operation of a multi_read found.
struct ReadResult {
  OpCode code = OpCode::get_data;
  Error error = Error::ok;
  std::optional<std::string_view> data;     ///< get_data
  store::Stat stat;                         ///< get_data
  std::span<const std::string_view> names;  ///< get_children
};

struct Reply {
  std::uint64_t tag = 0;
  OpCode code = OpCode::exists;
  Error error = Error::ok;            ///< of a multi always ok, unless it did not become a transaction: look at results
  Zxid zxid;                          ///< of a write its transaction, otherwise the view
  const store::Stat* stat = nullptr;  ///< of a read of one znode
  std::optional<std::string_view> data;              ///< get_data
  std::span<const std::string_view> names;           ///< get_children, get_ephemerals
  bool more = false;                                 ///< get_children with a limit: there are others
  std::uint64_t count = 0;                           ///< all_children_number
  std::span<const store::AclEntry> acl;              ///< get_acl
  std::span<const store::OpResult> results;          ///< writes: one, or one for each operation of a multi
  std::span<const ReadResult> reads;                 ///< multi_read: one for each operation
  capnp::List<schema::Identity>::Reader identities;  ///< who_am_i
};

struct Event {
  EventType type;
  Zxid zxid;
  std::string_view path;
};

struct ConnectRequest {
  SessionId session;                    ///< 0: a new one
  std::span<const std::byte> password;  ///< of the session to take up
  std::uint32_t timeout_ms = 0;         ///< wanted; 0 leaves that of a session that is taken up as it is
  Zxid last_seen;
  std::string_view address;   ///< the client's, for access control by ip; may be empty
  std::string_view subject;   ///< of the certificate that it has proved to own; empty: none
  bool read_only = false;     ///< the client takes a node that only reads, too
  bool may_be_local = false;  ///< the client numbers nothing and repeats nothing: a session of this node alone will do
};

struct Accepted {
  SessionId session;
  SessionPassword password;
  std::uint32_t timeout_ms = 0;
  bool read_only = false;  ///< the node only reads; the session is its own
};

/// Why a connection's attachment to its session ended.
enum class Closed {
  by_request,   ///< the session was closed, and the reply has said so
  expired,      ///< there is no such session any more, or the password is wrong
  moved,        ///< the session is attached elsewhere
  not_serving,  ///< the node has no leader
  overflow,     ///< the client does not take its events
  bad_request,  ///< the client broke the protocol
};

const char* describe(Closed why);

/// The door's side of one connection. The gateway calls it on its own thread, from inside its own
/// functions; none of these may call back into the gateway.
class ClientSink {
 public:
  virtual ~ClientSink() = default;
  /// The session is open and served. Calls may come from now on.
  virtual void on_accepted(const Accepted& accepted) = 0;
  /// The answer of a call; strictly in the order of the calls.
  virtual void on_reply(const Reply& reply) = 0;
  /// What watches set off, in the order of the changes. A batch holds all of a transaction's.
  virtual void on_events(std::span<const Event> events) = 0;
  /// Below `path`, which a recursive watch follows, changes happened that cannot be told one by one.
  virtual void on_events_lost(std::string_view path, Zxid zxid) = 0;
  /// The last call: the sink and its attachment are forgotten. Replies that are due never come.
  virtual void on_closed(Closed why) = 0;
  /// After Gateway::congested() was true: there is room again.
  virtual void on_uncongested() = 0;
  /// Bytes of events that the client has not taken yet.
  virtual std::size_t backlog() const = 0;
  /// The client has yet to take answers that were sent: reads wait until Gateway::drained(). Answers of
  /// writes come nevertheless; they are small, and the queue bounds them.
  virtual bool full() const { return false; }
  /// The client is known to have gone. One that waits for a leader then takes no session from where it has gone to.
  virtual bool has_gone() const { return false; }
};

}  // namespace troupe
