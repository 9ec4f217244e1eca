#include "actors/overlay.hpp"

#include <algorithm>
#include <vector>

#include "schema/check.hpp"

namespace troupe {
namespace {

constexpr auto ignore = [](const auto&...) {};

NodeState state_of(const store::Node& node) {
  NodeState state;
  state.version = node.stat.version;
  state.aversion = node.stat.aversion;
  state.creations = node.stored_cversion;
  state.children = node.stat.num_children;
  state.kind = node.kind;
  state.owner = node.stat.ephemeral_owner;
  state.mtime = node.stat.mtime;
  state.ttl = node.ttl;
  state.mzxid = node.stat.mzxid;
  state.data_length = node.stat.data_length;
  if (!node.open_to_all()) state.acl = std::make_shared<const store::AclList>(node.acl());
  return state;
}

}  // namespace

std::shared_ptr<const std::optional<std::string>> limits_at(std::string_view path,
                                                            std::optional<std::string_view> data) {
  if (!path.starts_with(store::quota::root) || path::basename(path) != store::quota::limits_name) return nullptr;
  return std::make_shared<const std::optional<std::string>>(data);
}

void Overlay::index(const std::string& path, const PendingNode* before, const PendingNode* after) {
  const auto owner = [](const PendingNode* node) { return node != nullptr && *node ? (*node)->owner : SessionId{}; };
  const SessionId old_owner = owner(before);
  const SessionId new_owner = owner(after);
  if (old_owner == new_owner) return;
  if (old_owner != SessionId{}) {
    const auto it = ephemerals_.find(old_owner);
    it->second.erase(&path);
    if (it->second.empty()) ephemerals_.erase(it);
  }
  if (new_owner != SessionId{}) ephemerals_[new_owner].insert(&path);
}

void Overlay::keep() {
  nodes_.keep();
  sessions_.keep();
}

void Overlay::rollback() {
  nodes_.rollback(indexer());
  sessions_.rollback(ignore);
  for (; !uses_.empty() && uses_.back().zxid == zxid_; uses_.pop_back()) drop(uses_.back());
}

std::optional<NodeState> Overlay::find(std::string_view path) const {
  if (const PendingNode* pending = nodes_.find(path)) return *pending;
  const auto node = view_->get(path);
  if (!node) return std::nullopt;
  std::optional<NodeState> found(state_of(*node));
  found->limits = limits_at(path, node->has_data ? std::optional(node->data) : std::nullopt);
  return found;
}

void Overlay::put(std::string_view path, NodeState node) { nodes_.write(zxid_, path, std::move(node), indexer()); }

void Overlay::remove(std::string_view path) {
  const std::string_view parent_path = path::parent(path);
  auto parent = find(parent_path);
  TROUPE_CHECK(parent && parent->children > 0, "a znode that is there is among its parent's children");
  --parent->children;
  put(parent_path, std::move(*parent));
  nodes_.write(zxid_, path, std::nullopt, indexer());
}

std::optional<std::string> Overlay::quota_of(std::string_view path) const {
  if (find(store::quota::root)->children == 0) return std::nullopt;
  return store::quota::innermost(path, [this](const std::string& at) { return find(at).has_value(); });
}

std::optional<store::quota::Record> Overlay::limits(const std::string& quota) const {
  const auto node = find(quota + "/" + std::string(store::quota::limits_name));
  TROUPE_CHECK(node && node->limits, "a quota has a znode with its limits");
  const std::optional<std::string>& text = *node->limits;
  return text ? store::quota::Record::parse(*text) : std::nullopt;
}

std::optional<store::quota::Record> Overlay::usage(const std::string& quota) const {
  const std::string path = quota + "/" + std::string(store::quota::stats_name);
  const auto node = find(path);
  if (!node || node->mzxid > view_->zxid()) return std::nullopt;
  auto record = store::quota::Record::parse(view_->get(path)->data).value_or(store::quota::Record());
  if (const auto pending = used_.find(quota); pending != used_.end()) {
    record.set_count(record.count() + pending->second.znodes);
    record.set_bytes(record.bytes() + pending->second.bytes);
  }
  return record;
}

void Overlay::count_in_quota(std::string_view path, std::int64_t znodes, std::int64_t bytes) {
  const auto quota = quota_of(path);
  if (!quota) return;
  uses_.push_back({zxid_, *quota, {znodes, bytes}});
  SumOfUses& sum = used_[*quota];
  ++sum.uses;
  sum.znodes += znodes;
  sum.bytes += bytes;
}

void Overlay::drop(const PendingUse& pending) {
  const auto sum = used_.find(pending.quota);
  sum->second.znodes -= pending.use.znodes;
  sum->second.bytes -= pending.use.bytes;
  if (--sum->second.uses == 0) used_.erase(sum);
}

bool Overlay::has_session(SessionId session) const {
  if (const PendingSession* pending = sessions_.find(session)) return pending->open;
  if (known_.contains(session)) return true;
  if (!view_->session(session)) return false;
  known_.insert(session);
  return true;
}

std::uint64_t Overlay::last_number(SessionId session) const {
  if (const PendingSession* pending = sessions_.find(session)) return pending->last_number;
  return view_->last_number(session);
}

void Overlay::set_last_number(SessionId session, std::uint64_t number) {
  sessions_.write(zxid_, session, PendingSession{true, number}, ignore);
}

void Overlay::open_session(SessionId session) { sessions_.write(zxid_, session, PendingSession{}, ignore); }

void Overlay::close_session(SessionId session, bool count_in_quotas) {
  std::vector<std::string> paths;
  view_->ephemerals(session, [&](std::string_view path) {
    paths.emplace_back(path);
    return true;
  });
  if (const auto it = ephemerals_.find(session); it != ephemerals_.end()) {
    for (const std::string* path : it->second) paths.push_back(*path);
  }
  for (const std::string& path : paths) {
    // Of those in the view some may be deleted by now, or belong to another session, or be in both lists.
    const auto node = find(path);
    if (!node || node->owner != session) continue;
    remove(path);
    if (count_in_quotas) count_in_quota(path, -1, -std::int64_t{node->data_length});
  }
  sessions_.write(zxid_, session, PendingSession{false, 0}, ignore);
  known_.erase(session);
}

void Overlay::advance(std::shared_ptr<const store::View> view) {
  TROUPE_CHECK(view->zxid() >= view_->zxid(), "views do not go back in time");
  view_ = std::move(view);
  nodes_.forget(view_->zxid(), indexer());
  sessions_.forget(view_->zxid(), ignore);
  for (; !uses_.empty() && uses_.front().zxid <= view_->zxid(); uses_.pop_front()) drop(uses_.front());
}

}  // namespace troupe
