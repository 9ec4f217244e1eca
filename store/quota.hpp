// Quotas as they stand in the tree: the znode zookeeper_limits under /zookeeper/quota<path> says what
// the subtree of <path> may hold, zookeeper_stats beside it what it holds. The text format and its
// oddities are ZooKeeper's: its shell reads and writes these znodes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::store::quota {

inline constexpr std::string_view root = "/zookeeper/quota";
inline constexpr std::string_view limits_name = "zookeeper_limits", stats_name = "zookeeper_stats";

/// "count=5,bytes=100=;byteHardLimit=200": znodes and bytes of data, soft limits or what there is, and
/// the hard limits. -1 is no limit.
class Record {
 public:
  /// Nothing for a text that cannot be read. The empty text is a record without entries.
  static std::optional<Record> parse(std::string_view text);
  std::string text() const;

  std::int64_t count() const { return get("count"); }
  std::int64_t bytes() const { return get("bytes"); }
  std::int64_t hard_count() const { return get("countHardLimit"); }
  std::int64_t hard_bytes() const { return get("byteHardLimit"); }
  void set_count(std::int64_t value) { values_["count"] = value; }
  void set_bytes(std::int64_t value) { values_["bytes"] = value; }

 private:
  std::int64_t get(std::string_view name) const;
  std::map<std::string, std::int64_t, std::less<>> values_;
};

/// The subtree whose statistics the znode at `path` shows: "/a" of "/zookeeper/quota/a/zookeeper_stats",
/// "/" of the one directly under /zookeeper/quota. Nothing of any other path.
std::optional<std::string_view> measured_by(std::string_view path);

/// The znode under /zookeeper/quota that holds the innermost quota of `path`, its own included: that
/// with a child zookeeper_limits. Nothing if there is none; a quota of the root is none. `exists` tells
/// whether there is a znode at a path.
template <class Exists>
std::optional<std::string> innermost(std::string_view path, const Exists& exists) {
  std::optional<std::string> found;
  if (path == "/") return found;
  std::string at;
  for (std::size_t end = 0; end != path.npos;) {
    end = path.find('/', end + 1);
    at.assign(root).append(path.substr(0, end));
    if (!exists(at)) break;
    const std::size_t size = at.size();
    at.append("/").append(limits_name);
    if (exists(at)) found = at.substr(0, size);
  }
  return found;
}

}  // namespace troupe::store::quota
