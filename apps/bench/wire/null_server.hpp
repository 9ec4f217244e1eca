// A server of ZooKeeper's protocol that does nothing but answer at once: what the load generator costs
// by itself is measured against it, and whether it notices a server's faults.
//
// Owner: the event loop's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apps/bench/wire/event_loop.hpp"

namespace troupe::bench {

struct NullServerOptions {
  std::size_t value_size = 100;  ///< of what a get answers
  // Faults, on purpose. 0: none.
  unsigned swap_every = 0;  ///< each so many'th reply of a connection changes places with the next
  unsigned fail_every = 0;  ///< each so many'th reply is an error
  unsigned drop_after = 0;  ///< a connection is closed after so many requests
};

class NullServer : private EventLoop::Handler {
 public:
  /// Listens on a port of loopback; 0 is any that is free. Throws std::system_error.
  NullServer(EventLoop& loop, std::uint16_t port, NullServerOptions options = {});
  ~NullServer();

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::uint64_t requests() const { return requests_; }  ///< pings and closes apart
  std::uint64_t sessions() const { return sessions_; }

 private:
  class Connection;
  void ready(std::uint32_t events) override;
  void flush() override {}

  EventLoop& loop_;
  const NullServerOptions options_;
  int socket_;
  std::uint16_t port_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::uint64_t requests_ = 0, sessions_ = 0;
};

}  // namespace troupe::bench
