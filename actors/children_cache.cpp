#include "actors/children_cache.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "schema/check.hpp"

namespace troupe {

ChildrenCache::List& ChildrenCache::place_of(std::string_view parent) {
  return lists_[std::hash<std::string_view>()(parent) % lists_.size()];
}

std::span<const std::string_view> ChildrenCache::names(const store::View& view, std::string_view parent,
                                                       const store::Stat& stat) {
  if (stat.num_children == 0) return {};
  const auto count = static_cast<std::size_t>(stat.num_children);
  List& list = place_of(parent);
  if (list.parent == parent && list.pzxid == stat.pzxid) {
    TROUPE_CHECK(list.names.size() == count, "a znode's children do not change but with its pzxid");
    return list.names;
  }
  passing_.clear();
  std::size_t bytes = 0;
  view.children(parent, {}, [&](std::string_view name) {
    passing_.push_back(name);
    bytes += name.size();
    return true;
  });
  TROUPE_CHECK(passing_.size() == count, "a znode has as many children as it says");
  if (count < least_ || bytes + count * sizeof(std::string_view) > max_list) return passing_;

  List kept{std::string(parent), stat.pzxid, std::make_unique_for_overwrite<char[]>(bytes), {}};
  kept.names.reserve(count);
  char* at = kept.text.get();
  for (const auto name : passing_) {
    kept.names.push_back({at, name.size()});
    at = std::copy(name.begin(), name.end(), at);
  }
  list = std::move(kept);
  return list.names;
}

}  // namespace troupe
