// The statistics of quotas, which are znodes: they move with every change under their quota, in the same
// transaction, without a version, a time or an event of their own. Where there is no quota at all this
// costs a look at one cached znode.
#include "store/child_names.hpp"
#include "store/tree_batch.hpp"

namespace troupe::store {

void TreeBatch::count_in_quota(std::string_view path, std::int64_t znodes, std::int64_t bytes) {
  if (quotas_ == nullptr) quotas_ = &existing(quota::root);
  if (quotas_->value.header.num_children == 0) return;
  const auto quota = quota::innermost(path, [this](std::string_view at) { return load_copy(at).exists; });
  if (!quota) return;
  CachedNode& statistics = load_copy(*quota + "/" + std::string(quota::stats_name));
  if (!statistics.exists) return;
  // A client may have written what is no record: it is begun anew.
  auto record = quota::Record::parse(statistics.value.data).value_or(quota::Record());
  record.set_count(record.count() + znodes);
  record.set_bytes(record.bytes() + bytes);
  write_statistics(statistics, record);
}

void TreeBatch::start_statistics(std::string_view path) {
  const auto root = quota::measured_by(path);
  if (!root) return;
  std::int64_t znodes = 0, bytes = 0;
  add_subtree(*root, znodes, bytes);
  quota::Record record;
  record.set_count(znodes);
  record.set_bytes(bytes);
  write_statistics(existing(path), record);
}

void TreeBatch::write_statistics(CachedNode& statistics, const quota::Record& record) {
  statistics.changed = true;
  statistics.value.data = keep(record.text());
  statistics.value.header.has_data = true;
}

/// The subtree as it was before the batch, which is read from the store, and what the batch has changed.
void TreeBatch::add_subtree(std::string_view root, std::int64_t& znodes, std::int64_t& bytes) {
  const auto add = [&](std::string_view stored, int sign) {
    znodes += sign;
    bytes += sign * static_cast<std::int64_t>(decode_node(stored).data.size());
  };
  std::vector<std::string> left{std::string(root)};
  while (!left.empty()) {
    const std::string path = std::move(left.back());
    left.pop_back();
    const auto stored = before_->get(nodes_table, node_key(path));
    if (!stored) continue;
    add(*stored, 1);
    if (decode_node(*stored).header.num_children == 0) continue;
    ChildNames names(*before_, path);
    for (auto name = names.first(); name; name = names.next())
      left.push_back((path == "/" ? "/" : path + "/").append(*name));
  }
  for (const auto& [path, node] : nodes_) {
    const bool inside = root == "/" || path == root || (path.starts_with(root) && path[root.size()] == '/');
    if (!inside || !node.changed) continue;
    if (node.before) add(*node.before, -1);
    if (!node.exists) continue;
    ++znodes;
    bytes += static_cast<std::int64_t>(node.value.data.size());
  }
}

}  // namespace troupe::store
