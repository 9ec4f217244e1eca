// "host:port,host:port/chroot": the nodes that a client may use, and the path that its paths start at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::client {

inline constexpr unsigned default_port = 2182;

struct ConnectString {
  std::vector<std::string> servers;  ///< "host:port" each, IPv6 as "[::1]:2182"
  std::string chroot;                ///< "" or "/path"

  /// Throws std::invalid_argument, saying what is wrong. The port may be left out.
  static ConnectString parse(std::string_view text);
};

}  // namespace troupe::client
