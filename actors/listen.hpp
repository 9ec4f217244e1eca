// Opens the ports that a node listens on.
#pragma once

#include <kj/io.h>

#include <cstdint>
#include <string>
#include <system_error>

namespace troupe {

/// An address cannot be listened on. what() names it and says why and what to do.
class NetworkError : public std::system_error {
 public:
  using std::system_error::system_error;
};

struct Listening {
  kj::AutoCloseFd socket;  ///< non-blocking, closed in children
  std::uint16_t port = 0;  ///< the one chosen where 0 was asked for
};

/// Listens on `address` (a name, an IPv4 or IPv6 address) and `port`, 0 for a free one. `purpose`, for
/// people: "the other nodes". Throws NetworkError. Any thread; a name may block for its lookup.
Listening listen_on(const std::string& address, std::uint16_t port, const std::string& purpose);

}  // namespace troupe
