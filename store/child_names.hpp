// The children of one znode, name by name in byte order, as the table `nodes` holds them. The keys are
// in that order but for names that are long and begin alike: those are gathered and sorted when the
// first of them comes up.
//
// Internal to the store. Owner: who reads; valid as long as its reader.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/kv.hpp"
#include "store/tree_format.hpp"

namespace troupe::store {

class ChildNames {
 public:
  ChildNames(const KvReader& reader, std::string_view parent)
      : prefix_(children_prefix(parent)), cursor_(reader.cursor(nodes_table)) {}

  /// The first name after `after`; the empty name is before all.
  std::optional<std::string_view> first(std::string_view after = {});
  std::optional<std::string_view> next();

 private:
  std::string_view name_part() const { return at_->key.substr(prefix_.view().size()); }
  std::optional<std::string_view> current();
  void gather();

  KeyBuffer prefix_;
  std::unique_ptr<KvCursor> cursor_;
  std::optional<Entry> at_;
  bool ahead_ = false;  // at_ is already the entry after the last name
  std::vector<std::string_view> gathered_;
  std::size_t gathered_at_ = 0;
};

}  // namespace troupe::store
