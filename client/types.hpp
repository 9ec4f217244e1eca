// What the client library hands out: values, results, events, options.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "schema/types.hpp"
#include "store/error.hpp"

namespace troupe::client {

/// What is known of a znode beside its data; schema/txn.capnp, struct Stat, says what the fields mean.
struct Stat {
  Zxid czxid, mzxid, pzxid;
  std::int64_t ctime = 0, mtime = 0;  ///< milliseconds since 1970
  std::int32_t version = 0, cversion = 0, aversion = 0;
  SessionId ephemeral_owner;
  std::int32_t data_length = 0, num_children = 0;
  bool operator==(const Stat&) const = default;
};

namespace perm {
inline constexpr std::uint32_t read = 1, write = 2, create = 4, remove = 8, admin = 16, all = 31;
}

struct Acl {
  std::uint32_t perms = perm::all;
  std::string scheme = "world", id = "anyone";
  bool operator==(const Acl&) const = default;
};

struct Identity {
  std::string scheme, id;
  bool operator==(const Identity&) const = default;
};

/// The ordinals are ZooKeeper's create flags.
enum class Kind : std::uint16_t {
  persistent,
  ephemeral,
  persistent_sequential,
  ephemeral_sequential,
  container,
  ttl,
  ttl_sequential
};

struct CreateOptions {
  Kind kind = Kind::persistent;
  std::vector<Acl> acl = {Acl{}};
  std::chrono::milliseconds ttl{0};  ///< for the ttl kinds alone
};

struct Created {
  std::string path;  ///< with the number, of a sequential znode
  Stat stat;
};

struct Value {
  std::string data;
  bool has_data = true;  ///< false: created without data, which is not the same as empty data
  Stat stat;
};

struct Children {
  std::vector<std::string> names;
  bool more = false;  ///< of a page: there are others
  Stat stat;          ///< of the parent
};

/// A page of children: begin behind the name `after`, at most `limit` names (0: all).
struct Page {
  std::string after;
  std::uint32_t limit = 0;
};

struct AclValue {
  std::vector<Acl> acl;
  Stat stat;
};

/// What one operation of a transaction answered.
struct OpResult {
  Error error = Error::ok;
  std::string path;  ///< of a create
  Stat stat;         ///< of create, set and set_acl
};

/// How the ensemble is to change, in ZooKeeper's texts: either `new_members`, all of them
/// ("server.1=host:2888:3888;2181,server.2=…"), or what joins (likewise) and what leaves ("1,2").
struct Reconfiguration {
  std::string joining, leaving, new_members;
  std::int64_t version = -1;  ///< only if the configuration is this one; -1: any
};

/// The configuration's text, as /zookeeper/config has it, and that znode's stat.
struct Configured {
  std::string configuration;
  Stat stat;
};

struct Nothing {};

/// An answer or an error.
template <class T>
class Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Error error, std::string message = {}) : error_(error), message_(std::move(message)) {}

  bool ok() const { return error_ == Error::ok; }
  explicit operator bool() const { return ok(); }
  Error error() const { return error_; }
  const std::string& message() const { return message_; }  ///< more than the error says; may be empty
  /// Only of a result that is ok().
  T& value() { return *value_; }
  const T& value() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  Error error_ = Error::ok;
  std::string message_;
  std::optional<T> value_;
};

/// Called once, on the client's thread, with the answer. Must not block and must not throw.
template <class T>
using Callback = std::function<void(Result<T>)>;

/// A callback and the future that it fulfils: `auto [done, future] = promised<Created>();`
template <class T>
std::pair<Callback<T>, std::future<Result<T>>> promised() {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  return {[promise](Result<T> result) { promise->set_value(std::move(result)); }, std::move(future)};
}

/// What the blocking calls throw.
class ClientError : public std::runtime_error {
 public:
  ClientError(Error error, const std::string& what) : std::runtime_error(what), error_(error) {}
  Error error() const { return error_; }

 private:
  Error error_;
};

enum class EventType : std::uint16_t {
  created = 1,
  deleted = 2,
  data_changed = 3,
  children_changed = 4,
  /// After a reconnection: changes happened below the path that no node can tell one by one any
  /// more. Persistent watches alone get it: read again what you follow.
  dropped = 5,
  /// The session is over and the watch with it.
  session_expired = 6,
};

struct Event {
  EventType type;
  std::string path;
  Zxid zxid;
};

/// Called on the client's thread, in the order of the changes. Must not block and must not throw.
using Watch = std::function<void(const Event&)>;

enum class WatchMode { persistent, recursive };

enum class State {
  connecting,  ///< to one node after the other; calls wait
  connected,
  expired,  ///< the ensemble has ended the session; every call fails. Make another Client
  closed,   ///< by close()
};

struct Options {
  /// Silence after which the ensemble ends the session; the servers bring it within their bounds.
  std::chrono::milliseconds session_timeout{10000};
  /// Calls that are unanswered when for so long no node could be reached, or every connection broke before
  /// it had answered anything, fail with connection_loss: whether they took effect is not known, and they
  /// are not repeated.
  std::chrono::milliseconds patience{60000};
  /// Calls made from other threads than the client's own wait while more than this is unanswered.
  std::size_t max_pending_bytes = 64 << 20;
  /// Called on the client's thread whenever the state changes.
  std::function<void(State)> on_state;
};

}  // namespace troupe::client
