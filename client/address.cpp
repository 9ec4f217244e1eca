#include "client/address.hpp"

#include <charconv>
#include <stdexcept>

namespace troupe::client {
namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw std::invalid_argument("\"" + std::string(text) + "\" is no list of nodes: " + why +
                              " (expected host:port,host:port/chroot)");
}

std::string server(std::string_view text, std::string_view item) {
  if (item.empty()) refuse(text, "a name is empty");
  // The port is behind the last colon, unless that colon is part of an IPv6 address.
  const auto colon = item.rfind(':');
  const auto bracket = item.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
    return std::string(item) + ":" + std::to_string(default_port);
  }
  if (bracket == std::string_view::npos && item.find(':') != colon) {
    refuse(text, "an IPv6 address goes in brackets");
  }
  const auto digits = item.substr(colon + 1);
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0 || port > 65535) {
    refuse(text, "\"" + std::string(digits) + "\" is no port");
  }
  if (colon == 0) refuse(text, "a name is empty");
  return std::string(item);
}

}  // namespace

ConnectString ConnectString::parse(std::string_view text) {
  ConnectString result;
  auto list = text;
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    list = text.substr(0, slash);
    auto chroot = text.substr(slash);
    if (chroot.find("//") != std::string_view::npos) refuse(text, "the chroot has an empty name");
    if (chroot.size() > 1 && chroot.back() == '/') refuse(text, "the chroot ends with a slash");
    if (chroot != "/") result.chroot = chroot;
  }
  for (;;) {
    const auto comma = list.find(',');
    result.servers.push_back(server(text, list.substr(0, comma)));
    if (comma == std::string_view::npos) return result;
    list = list.substr(comma + 1);
  }
}

}  // namespace troupe::client
