// Ports for the nodes of a test.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <vector>

namespace troupe::testing {

/// Ports of 127.0.0.1 that nobody listens on. They lie below those that the system gives to outgoing connections, and
/// processes look in different places.
inline std::vector<std::uint16_t> free_ports(std::size_t count) {
  constexpr int lowest = 30'000, range = 2'700;
  static int next = static_cast<int>(getpid() * 31 % range);
  std::vector<std::uint16_t> ports;
  for (int tried = 0; ports.size() < count; ++tried) {
    const auto port = static_cast<std::uint16_t>(lowest + next++ % range);
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || tried == range) throw std::runtime_error("no free port");
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // as who listens there does
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) ports.push_back(port);
    ::close(fd);
  }
  return ports;
}

}  // namespace troupe::testing
