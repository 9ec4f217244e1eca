#include "tests/processes/zk_socket.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace troupe::test {
namespace {

constexpr int patience_ms = 60'000;

void wait_for(int fd, short what) {
  pollfd waiting{.fd = fd, .events = what};
  if (poll(&waiting, 1, patience_ms) == 0) throw std::runtime_error("the node falls silent");
}

}  // namespace

ZkSocket::ZkSocket(const std::string& address) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in to{.sin_family = AF_INET,
                 .sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))))};
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    const int problem = errno;
    close(fd_);
    throw std::system_error(problem, std::generic_category(), address);
  }
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

ZkSocket::ZkSocket(ZkSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      xid_(other.xid_),
      received_(std::move(other.received_)),
      events_(std::move(other.events_)) {}

ZkSocket::~ZkSocket() {
  if (fd_ >= 0) close(fd_);
}

void ZkSocket::send(std::string_view bytes, std::size_t piece) {
  while (!bytes.empty()) {
    wait_for(fd_, POLLOUT);
    const ssize_t sent = ::send(fd_, bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return;  // it is closed, which is for receive() to say
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::size_t ZkSocket::send_some(std::string_view bytes) {
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

std::optional<std::string> ZkSocket::receive() {
  for (;;) {
    if (received_.size() >= zk::length_size) {
      const auto size = static_cast<std::size_t>(zk::Reader(received_).i32());
      if (received_.size() - zk::length_size >= size) {
        std::string frame = received_.substr(zk::length_size, size);
        received_.erase(0, zk::length_size + size);
        return frame;
      }
    }
    wait_for(fd_, POLLIN);
    char buffer[1 << 16];
    const ssize_t count = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count <= 0) return std::nullopt;
    received_.append(buffer, static_cast<std::size_t>(count));
  }
}

testing::Answer ZkSocket::next() {
  const auto frame = receive();
  if (!frame) throw std::runtime_error("the connection has ended");
  testing::Answer answer = testing::read_answer(*frame).value();
  if (answer.xid == zk::notification_xid) {
    zk::Reader event = answer.reader();
    event.i64();  // its type and state
    events_.emplace_back(event.string());
  }
  return answer;
}

testing::Answer ZkSocket::call(zk::Op op, const testing::Record& body) {
  const std::int32_t xid = op == zk::Op::ping ? zk::ping_xid : ++xid_;
  send(testing::request_frame(xid, op, body));
  for (;;)
    if (testing::Answer answer = next(); answer.xid == xid) return answer;
}

std::vector<std::string> ZkSocket::events(std::size_t count) {
  while (events_.size() < count) next();
  return events_;
}

ZkSession::ZkSession(std::string_view connected) {
  zk::Reader in(connected);
  in.i32();  // the protocol's version
  timeout_ms = in.i32();
  id = in.i64();
  password = in.string();
}

}  // namespace troupe::test
