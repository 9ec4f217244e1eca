#include "store/child_names.hpp"

#include <algorithm>

namespace troupe::store {

std::optional<std::string_view> ChildNames::first(std::string_view after) {
  KeyBuffer from = prefix_;
  from.add(after.substr(0, name_head));  // names that begin with these bytes may lie in any order
  at_ = cursor_->seek(from);
  auto name = current();
  while (name && *name <= after) name = next();
  return name;
}

std::optional<std::string_view> ChildNames::next() {
  if (gathered_at_ < gathered_.size()) return gathered_[gathered_at_++];
  gathered_.clear();
  if (!ahead_) at_ = cursor_->next();
  return current();
}

/// The name that at_ stands for.
std::optional<std::string_view> ChildNames::current() {
  ahead_ = false;
  if (!at_ || !at_->key.starts_with(prefix_.view())) return std::nullopt;
  if (!is_shortened(name_part())) return name_part();
  gather();
  gathered_at_ = 1;
  return gathered_[0];
}

/// All names that begin with the same name_head bytes and are longer. Leaves the cursor behind them.
void ChildNames::gather() {
  const std::string head(at_->key.substr(0, prefix_.view().size() + name_head));
  for (; at_ && at_->key.starts_with(head); at_ = cursor_->next()) {
    gathered_.push_back(is_shortened(name_part()) ? decode_node(at_->value).name : name_part());
  }
  std::sort(gathered_.begin(), gathered_.end());
  ahead_ = true;
}

}  // namespace troupe::store
