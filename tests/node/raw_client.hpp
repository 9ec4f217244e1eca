// A client of ZooKeeper's protocol over a socket, open or with TLS, that sends what the test likes. It has a minute's
// patience.
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/catch.hpp"
#include "tests/zk/frames.hpp"

namespace troupe::testing {

class RawClient {
 public:
  /// `tls`: with whose certificate, and trusting whom, it speaks TLS. `takes`: so many bytes wait here unread, if not
  /// 0.
  explicit RawClient(std::uint16_t port, SSL_CTX* tls = nullptr, int takes = 0)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (takes != 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &takes, sizeof takes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    if (tls == nullptr) return;
    const timeval patience{.tv_sec = patience_ms / 1000, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    tls_ = SSL_new(tls);
    SSL_set_fd(tls_, fd_);
    if (SSL_connect(tls_) != 1) refused_ = true;
  }
  ~RawClient() {
    SSL_free(tls_);
    close(fd_);
  }
  RawClient(const RawClient&) = delete;

  /// TLS did not come about. Of a client's certificate that may come to light with the first answer only.
  bool refused() const { return refused_; }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = tls_ != nullptr ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                                        : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0 && tls_ != nullptr) refused_ = true;
      if (refused_) return;
      REQUIRE(sent > 0);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Says in TLS that nothing more comes.
  void say_goodbye() { SSL_shutdown(tls_); }
  void end_sending() { shutdown(fd_, SHUT_WR); }
  /// The next frame; nothing when the server has closed the connection.
  std::optional<std::string> frame() {
    for (;;) {
      if (!frames_.empty()) {
        auto first = frames_.front();
        frames_.erase(frames_.begin());
        return first;
      }
      if (!receive()) return std::nullopt;
      frames_ = take_frames(bytes_);
    }
  }
  /// All until the server closes the connection.
  std::string rest() {
    while (receive()) {
    }
    return bytes_;
  }
  bool connect() {
    send(connect_frame());
    return frame().has_value();
  }
  Answer call(zk::Op op, const Record& body = {}) {
    send(request_frame(++xid_, op, body));
    const auto answer = frame();
    REQUIRE(answer.has_value());
    return read_answer(*answer).value();
  }

 private:
  static constexpr int patience_ms = 60'000;

  bool receive() {
    char buffer[65536];
    ssize_t got = 0;
    if (tls_ != nullptr) {
      got = SSL_read(tls_, buffer, sizeof buffer);
    } else {
      pollfd waiting{fd_, POLLIN, 0};
      REQUIRE(poll(&waiting, 1, patience_ms) == 1);
      got = recv(fd_, buffer, sizeof buffer, 0);
    }
    if (got <= 0) return false;
    bytes_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  const int fd_;
  SSL* tls_ = nullptr;
  bool refused_ = false;
  std::string bytes_;
  std::vector<std::string> frames_;
  std::int32_t xid_ = 0;
};

}  // namespace troupe::testing
