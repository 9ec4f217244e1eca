// A client's connection to a node's port for ZooKeeper's protocol, of which the test says what is sent
// and when, and when is read. Everything waits for a minute at most. Single thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/zk/frames.hpp"

namespace troupe::test {

class ZkSocket {
 public:
  /// "127.0.0.1:2181". Throws std::system_error if nobody listens there.
  explicit ZkSocket(const std::string& address);
  ~ZkSocket();
  ZkSocket(ZkSocket&& other) noexcept;
  ZkSocket& operator=(ZkSocket&&) = delete;

  /// In pieces of so many bytes, each of which is on its way before the next.
  void send(std::string_view bytes, std::size_t piece = 1 << 20);
  /// Sends what is taken at once; how much that was.
  std::size_t send_some(std::string_view bytes);
  /// The next frame; nothing if the node has closed the connection.
  std::optional<std::string> receive();
  bool closed() { return !receive(); }

  /// Sends it, and receives up to its answer. Events on the way are kept for events(). Throws
  /// std::runtime_error if the connection ends before.
  testing::Answer call(zk::Op op, const testing::Record& body = {});
  /// The paths of the events that came, once there are so many.
  std::vector<std::string> events(std::size_t count);

 private:
  testing::Answer next();

  int fd_;
  std::int32_t xid_ = 0;
  std::string received_;
  std::vector<std::string> events_;
};

/// A session's place in what a node answers to a connect request.
struct ZkSession {
  explicit ZkSession(std::string_view connected);

  std::int32_t timeout_ms;  ///< 0: refused
  std::int64_t id;
  std::string password;
};

}  // namespace troupe::test
