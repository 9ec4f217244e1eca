#include "apps/listen_check.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace troupe {

std::optional<std::string> why_not_listen(const std::string& address, std::uint16_t port) {
  addrinfo hints{.ai_flags = AI_PASSIVE, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  if (int error = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found))
    return gai_strerror(error);
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);

  int socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return std::strerror(errno);
  int on = 1;  // as the node itself does: a port that merely lingers from a node before is free
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  std::optional<std::string> problem;
  if (bind(socket, found->ai_addr, found->ai_addrlen) != 0 || listen(socket, 1) != 0) problem = std::strerror(errno);
  close(socket);
  return problem;
}

}  // namespace troupe
