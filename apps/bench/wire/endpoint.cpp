#include "apps/bench/wire/endpoint.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace troupe::bench {
namespace {

Endpoint resolve_one(const std::string& name) {
  const std::size_t colon = name.rfind(':');
  if (colon == std::string::npos) throw std::runtime_error(name + ": it is host:port");
  std::string host = name.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints{.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), name.substr(colon + 1).c_str(), &hints, &found))
    throw std::runtime_error(name + ": " + gai_strerror(error));
  Endpoint endpoint{.name = name, .size = found->ai_addrlen};
  std::memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return endpoint;
}

int connected_or_connecting(const Endpoint& endpoint, int flags) {
  const int socket = ::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (socket < 0) return -1;
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(socket, reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.size) == 0 || errno == EINPROGRESS)
    return socket;
  const int error = errno;
  ::close(socket);
  errno = error;
  return -1;
}

}  // namespace

std::vector<Endpoint> resolve(const std::vector<std::string>& addresses) {
  std::vector<Endpoint> endpoints;
  for (const std::string& address : addresses) endpoints.push_back(resolve_one(address));
  return endpoints;
}

int start_to_connect(const Endpoint& endpoint) { return connected_or_connecting(endpoint, SOCK_NONBLOCK); }

std::string ask(const Endpoint& endpoint, const std::string& question, int seconds) {
  const int socket = connected_or_connecting(endpoint, 0);
  if (socket < 0) return "";
  const timeval limit{.tv_sec = seconds, .tv_usec = 0};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::string answer;
  if (::send(socket, question.data(), question.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(question.size())) {
    char part[4096];
    for (ssize_t count; (count = recv(socket, part, sizeof part, 0)) > 0;) answer.append(part, count);
  }
  ::close(socket);
  return answer;
}

std::size_t raise_open_files() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace troupe::bench
