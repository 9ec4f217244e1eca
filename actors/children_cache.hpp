// The names below the large parents that were listed last: a change of one is told to many, and each then lists it.
// A parent's children are as they were as long as its pzxid is.
//
// Owner: the gateway, through its ReadCalls; its thread is the only one here.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/tree.hpp"

namespace troupe {

class ChildrenCache {
 public:
  /// Lists of fewer names are not kept: they would take the places of those that are worth it.
  explicit ChildrenCache(std::size_t least = 64) : least_(least) {}

  /// All children of `parent`, in byte order; `stat` is what `view` has of it. Valid until the next call, and no longer
  /// than the view.
  std::span<const std::string_view> names(const store::View& view, std::string_view parent, const store::Stat& stat);

 private:
  /// Memory that one list may take, bytes: 150,000 names of ten. A longer one is read anew each time.
  static constexpr std::size_t max_list = 4 << 20;

  struct List {
    std::string parent;  // empty: none is kept here
    Zxid pzxid;
    std::unique_ptr<char[]> text;
    std::vector<std::string_view> names;  // in `text`
  };
  List& place_of(std::string_view parent);

  const std::size_t least_;
  std::array<List, 4> lists_;  // by the parent's hash
  std::vector<std::string_view> passing_;
};

}  // namespace troupe
