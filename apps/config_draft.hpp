// What the two configuration parsers share: the configuration under construction with the lines that
// its parts came from, and the checks of the whole. Internal to troupe_config.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "apps/config.hpp"

namespace troupe::config {

struct Draft {
  std::string file;
  LoadedConfig result;
  std::map<std::string, int, std::less<>> lines;  ///< by the name of the key; members as "member 3"

  NodeConfig& node() { return result.node; }
  int line_of(std::string_view key) const;  ///< 0 where the file does not say it

  /// Throws ConfigError. Line 0 is the file as a whole.
  [[noreturn]] void fail(int line, const std::string& what) const;
  void warn(int line, const std::string& what);

 private:
  std::string at(int line) const;
};

/// The bounds of the values, both ends included; the same in both formats.
struct Range {
  std::uint64_t low, high;
};
namespace range {
inline constexpr Range id{1, 255};
inline constexpr Range port{1, 65535};
inline constexpr Range port_or_none{0, 65535};
inline constexpr Range tick_ms{1, 3'600'000};
inline constexpr Range ticks{1, 1'000'000};
inline constexpr Range timeout_ms{0, 0x7fffffff};
inline constexpr Range heartbeat_ms{10, 3'600'000};
inline constexpr Range interval_ms{10, 0x7fffffff};
inline constexpr Range per_minute{1, 1'000'000};
inline constexpr Range weight{0, 1'000'000};
inline constexpr Range group{0, 255};
inline constexpr Range checkpoint_txns{1, 1'000'000'000'000};
inline constexpr Range map_size{1 << 20, 1ull << 46};
inline constexpr Range gateways{0, 64};
inline constexpr Range idle_poll_us{0, 1000};
inline constexpr Range connections{0, 1'000'000};
inline constexpr Range jute_maxbuffer{1024, 64 << 20};
}  // namespace range

/// Fails where `value` is outside; `key` is as the user wrote it.
void check_range(const Draft& draft, int line, std::string_view key, std::int64_t value, Range range);

/// Fails for what cannot be the super user's "user:hash".
void check_super_digest(const Draft& draft, int line, std::string_view key, std::string_view digest);

/// "need", "want" or "none", in letters of any case: whether clients show certificates. Nothing for other texts.
std::optional<zk::TlsConfig::ClientAuth> client_auth(std::string_view text);
std::string to_text(zk::TlsConfig::ClientAuth auth);

/// "; did you mean tick_ms?" for a key that is not known, or "" where nothing is near.
std::string suggest(std::string_view unknown, std::span<const std::string_view> known);

/// Checks what no single value shows: the node is a member, addresses are distinct, somebody can vote.
void check_whole(Draft& draft);

/// The whole file. Throws ConfigError where it cannot be read.
std::string read_file(const std::string& path);

}  // namespace troupe::config
