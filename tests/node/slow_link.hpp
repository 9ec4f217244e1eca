// A link to a port of this machine on which a server's bytes take their time: for what is longer under way than anybody
// would wait for silence.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/catch.hpp"

namespace troupe::testing {

class SlowLink {
 public:
  /// `rate`: bytes a millisecond from the server to the client.
  SlowLink(unsigned port, std::size_t rate) : port_(port), rate_(rate), listening_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = loopback(0);
    REQUIRE(bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listening_, 8) == 0);
    socklen_t size = sizeof address;
    REQUIRE(getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    name_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { run(); });
  }
  ~SlowLink() {
    shutdown(listening_, SHUT_RDWR);
    stop_ = true;
    thread_.join();
    close(listening_);
  }

  const std::string& address() const { return name_; }
  /// So far.
  unsigned connections() const { return connections_; }

 private:
  static sockaddr_in loopback(unsigned port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  /// One connection after the other.
  void run() {
    while (!stop_) {
      const int client = accept(listening_, nullptr, nullptr);
      if (client < 0) continue;
      const int server = socket(AF_INET, SOCK_STREAM, 0);
      const int room = 64 << 10;  // what waits in the system is not under way for long
      setsockopt(server, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
      const sockaddr_in address = loopback(port_);
      if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        ++connections_;
        forward(client, server);
      }
      close(client);
      close(server);
    }
  }

  void forward(int client, int server) {
    constexpr int interval_ms = 4;
    std::vector<char> buffer(rate_ * interval_ms);
    auto due = std::chrono::steady_clock::now();
    while (!stop_) {
      const bool ready = std::chrono::steady_clock::now() >= due;
      pollfd sockets[] = {{client, POLLIN, 0}, {server, static_cast<short>(ready ? POLLIN : 0), 0}};
      poll(sockets, 2, interval_ms);
      if (sockets[0].revents != 0) {
        const auto got = recv(client, buffer.data(), buffer.size(), 0);
        if (got <= 0 || send(server, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) return;
      }
      if (ready && sockets[1].revents != 0) {
        const auto got = recv(server, buffer.data(), buffer.size(), 0);
        if (got <= 0 || send(client, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) return;
        due += std::chrono::milliseconds(interval_ms);
      }
    }
  }

  const unsigned port_;
  const std::size_t rate_;
  const int listening_;
  std::string name_;
  std::atomic<unsigned> connections_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace troupe::testing
