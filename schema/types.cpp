#include "schema/types.hpp"

#include <cstdio>
#include <cstdlib>

#include "schema/check.hpp"

namespace troupe {
namespace {

std::string hex(unsigned long long value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", value);
  return text;
}

}  // namespace

std::string to_string(Zxid zxid) { return hex(zxid.value); }
std::string to_string(Epoch epoch) { return std::to_string(epoch.value); }
std::string to_string(PeerId peer) { return std::to_string(peer.value); }
std::string to_string(SessionId session) { return hex(static_cast<unsigned long long>(session.value)); }

void check_failed(const char* condition, const char* what, const char* file, int line) {
  std::fprintf(stderr, "troupe: broken invariant, this node stops: %s\n  %s, %s:%d\n", what, condition, file, line);
  std::abort();
}

}  // namespace troupe
