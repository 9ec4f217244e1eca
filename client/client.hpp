// The client library: a session at a Troupe ensemble, on a thread of its own.
//
//   troupe::Client client("node1:2182,node2:2182,node3:2182");
//   client.create("/app", "hello");
//   auto value = client.get("/app", [](const auto& event) { … });   // calls once when it changes
//
// A client connects to one node after the other until one serves it, keeps its session alive, and moves
// to another node when the connection breaks. Calls wait for that; writes that were unanswered are
// repeated under their numbers, so each takes effect once. Watches are set again, and what happened
// meanwhile is told. Calls fail only when the ensemble answers an error, when the session expires, or
// when no node answered anything for longer than Options::patience.
//
// Every call has two forms. The blocking one throws ClientError. The asynchronous one takes a callback,
// which runs on the client's thread and must neither block nor throw; promised<T>() makes one that
// fulfils a future. What is refused at once (a path without a slash, a closed client) calls back before the
// call returns, on the caller's thread. Calls of one thread take effect in the order in which they are made; an event
// is told before the data that it announces.
//
// Any thread may use a Client; callbacks may make asynchronous calls.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/types.hpp"

namespace troupe::client {

/// Operations that take effect together or not at all; for Client::commit.
class Multi {
 public:
  Multi();
  Multi(Multi&&) noexcept;
  Multi& operator=(Multi&&) noexcept;
  ~Multi();
  Multi& create(std::string path, std::string data = {}, CreateOptions options = {});
  Multi& remove(std::string path, std::int32_t version = -1);
  Multi& set(std::string path, std::string data, std::int32_t version = -1);
  Multi& set_acl(std::string path, std::vector<Acl> acl, std::int32_t version = -1);
  /// Only if the znode is there with this version.
  Multi& check(std::string path, std::int32_t version = -1);

  struct Operations;

 private:
  friend class Client;
  std::unique_ptr<Operations> operations_;
};

/// Whether a commit took effect, and what each operation answered.
struct Committed {
  Error error = Error::ok;        ///< of the operation that was at fault
  std::vector<OpResult> results;  ///< one for each operation
};

class Client {
 public:
  /// Starts to connect. `nodes` as in "host:port,host:port/chroot". Throws std::invalid_argument.
  explicit Client(std::string_view nodes, Options options = {});
  /// As close(), if the client was not closed or abandoned yet. Not from a callback.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Waits until there is a session; false if there is none after `limit`.
  bool wait_connected(std::chrono::milliseconds limit);
  State state() const;
  SessionId session() const;  ///< 0 before the first connection

  /// Ends the session, and with it its ephemerals. Waits a few seconds for the ensemble at most. Calls
  /// under way are answered first; later ones fail.
  void close();
  /// Ends the client but not the session, as a crash would.
  void abandon();

  // Writes. A version of -1 is any version.
  Created create(const std::string& path, std::string data = {}, CreateOptions options = {});
  void create(const std::string& path, std::string data, CreateOptions options, Callback<Created> done);
  void remove(const std::string& path, std::int32_t version = -1);
  void remove(const std::string& path, std::int32_t version, Callback<Nothing> done);
  Stat set(const std::string& path, std::string data, std::int32_t version = -1);
  void set(const std::string& path, std::string data, std::int32_t version, Callback<Stat> done);
  Stat set_acl(const std::string& path, std::vector<Acl> acl, std::int32_t version = -1);
  void set_acl(const std::string& path, std::vector<Acl> acl, std::int32_t version, Callback<Stat> done);
  /// Throws when it did not take effect.
  std::vector<OpResult> commit(Multi multi);
  void commit(Multi multi, Callback<Committed> done);

  /// Changes the ensemble; answered when the new configuration decides alone.
  Configured reconfig(const Reconfiguration& change);
  void reconfig(const Reconfiguration& change, Callback<Configured> done);

  // Reads. `watch` is called once, when what was read changes.
  std::optional<Stat> exists(const std::string& path, Watch watch = {});
  void exists(const std::string& path, Watch watch, Callback<std::optional<Stat>> done);
  Value get(const std::string& path, Watch watch = {});
  void get(const std::string& path, Watch watch, Callback<Value> done);
  Children children(const std::string& path, Watch watch = {}, Page page = {});
  void children(const std::string& path, Watch watch, Page page, Callback<Children> done);
  AclValue get_acl(const std::string& path);
  void get_acl(const std::string& path, Callback<AclValue> done);
  /// Reads that follow see everything that was acknowledged to anybody before.
  void sync();
  void sync(Callback<Nothing> done);

  // Watches that stay.
  void add_watch(const std::string& path, WatchMode mode, Watch watch);
  void add_watch(const std::string& path, WatchMode mode, Watch watch, Callback<Nothing> done);
  /// All watches of the session at the path, of whatever kind.
  void remove_watches(const std::string& path);
  void remove_watches(const std::string& path, Callback<Nothing> done);

  // Who the client is.
  /// Scheme "digest", credentials "user:password". Proved again on every connection.
  void add_auth(const std::string& scheme, const std::string& credentials);
  void add_auth(const std::string& scheme, const std::string& credentials, Callback<Nothing> done);
  std::vector<Identity> who_am_i();
  void who_am_i(Callback<std::vector<Identity>> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace troupe::client

namespace troupe {
using client::Client;
using client::ClientError;
}  // namespace troupe
