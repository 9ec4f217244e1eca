#include "actors/listen.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

namespace troupe {

Listening listen_on(const std::string& address, std::uint16_t port, const std::string& purpose) {
  const std::string what = "cannot listen for " + purpose + " on " + address + " port " + std::to_string(port);
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const bool any = address.empty() || address == "*";
  const int failed = getaddrinfo(any ? nullptr : address.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failed != 0) {
    throw NetworkError(std::make_error_code(std::errc::address_not_available),
                       what + ": the address is unknown (" + gai_strerror(failed) + ")");
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);

  const auto fail = [&](int code) {
    const bool taken = code == EADDRINUSE;
    throw NetworkError(code, std::system_category(),
                       what + (taken ? " (end what uses it, or choose another port)" : ""));
  };
  kj::AutoCloseFd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) fail(errno);
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0) fail(errno);
  if (::listen(socket.get(), SOMAXCONN) != 0) fail(errno);

  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) fail(errno);
  const auto network_port = bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                                        : reinterpret_cast<const sockaddr_in&>(bound).sin_port;
  return {kj::mv(socket), ntohs(network_port)};
}

}  // namespace troupe
