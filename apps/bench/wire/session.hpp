// What the workloads see of a protocol: sessions that take requests and tell answers and events. A
// protocol implements Session; a workload is a Listener of sessions and does not know which protocol
// it loads.
//
// Owner: the event loop's thread, for all of it. Views in answers and events last as long as the call
// that tells them.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/bench/wire/endpoint.hpp"
#include "apps/bench/wire/event_loop.hpp"

namespace troupe::bench {

enum class Op : std::uint8_t { get, set, create, remove, exists, children, multi, add_watch };

/// The numbers are ZooKeeper's create flags.
enum class ZnodeKind : std::uint8_t { persistent = 0, ephemeral = 1, ephemeral_sequential = 3 };

/// What it refers to must live until send() returns.
struct Request {
  Op op;
  std::string_view path;
  std::string_view data{};                   ///< of set and create
  ZnodeKind kind = ZnodeKind::persistent;    ///< of create
  bool watch = false;                        ///< of get, exists, children: a one-shot watch
  std::span<const Request> operations = {};  ///< of multi: sets, creates and removes
};

/// ZooKeeper's numbers, for those that workloads tell apart.
namespace error {
inline constexpr int ok = 0, connection_loss = -4, no_node = -101, node_exists = -110, not_empty = -111;
}

struct Answer {
  std::uint64_t token;                           ///< as given to send()
  int error = error::ok;                         ///< ZooKeeper's numbers, or another protocol's, negative
  std::string_view data{};                       ///< of get; of create the path
  std::int32_t children_count = 0;               ///< of exists
  std::span<const std::string_view> names = {};  ///< of children
};

struct WatchEvent {
  enum class Type { created = 1, deleted = 2, data_changed = 3, children_changed = 4 };
  Type type;
  std::string_view path;
};

class Session;

class Listener {
 public:
  /// The session takes requests: for the first time, or again after a lost connection. `renewed`: as
  /// a new session, for the ensemble has ended the one before.
  virtual void connected(Session&, bool /*renewed*/) {}
  virtual void answered(Session&, const Answer&) = 0;
  virtual void happened(Session&, const WatchEvent&) {}
  /// The connection is gone, or there could be none. What was unanswered has been answered with
  /// connection_loss. A session that reconnects will be connected() again.
  virtual void disconnected(Session&) {}
  /// A close() has been answered.
  virtual void closed(Session&) {}

 protected:
  ~Listener() = default;
};

struct SessionOptions {
  std::chrono::milliseconds timeout{30'000};  ///< which the server brings within its bounds
  bool reconnect = false;                     ///< to the next node, with the same session
  /// How long a node may take to give the session before the connection is given up. A node that is
  /// frozen still takes connections.
  std::chrono::milliseconds handshake_patience{20'000};
};

class Session {
 public:
  explicit Session(Listener& listener) : listener_(&listener) {}
  virtual ~Session() = default;
  Session(const Session&) = delete;

  /// Only while connected(). Leaves with what else the turn brings.
  virtual void send(const Request& request, std::uint64_t token) = 0;
  /// Asks the server to end the session; closed() follows, or disconnected().
  virtual void close() = 0;
  /// Closes the socket without a word, and for good.
  virtual void abandon() = 0;
  /// Every second or so: keeps the session alive and gives up a connection that has fallen silent.
  virtual void tick() = 0;

  virtual bool connected() const = 0;
  virtual std::size_t under_way() const = 0;
  /// Answers out of order, of other requests than those sent, or that tell of an earlier state than one before.
  std::uint64_t order_errors() const { return order_errors_; }
  void listen(Listener& listener) { listener_ = &listener; }

  std::size_t number = 0;  ///< for the listener's use

 protected:
  Listener& listener() { return *listener_; }
  std::uint64_t order_errors_ = 0;

 private:
  Listener* listener_;
};

/// A protocol: how to make sessions. Any thread, each with a loop of its own.
class Driver {
 public:
  virtual ~Driver() = default;
  /// Starts to connect to nodes[first].
  virtual std::unique_ptr<Session> open(EventLoop& loop, const std::vector<Endpoint>& nodes, std::size_t first,
                                        const SessionOptions& options, Listener& listener) = 0;
};

}  // namespace troupe::bench
