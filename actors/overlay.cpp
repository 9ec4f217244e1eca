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
  if (!node.open_to_all()) state.acl = std::make_shared<const store::AclList>(node.acl());
  return state;
}

}  // namespace

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
}

std::optional<NodeState> Overlay::find(std::string_view path) const {
  if (const PendingNode* pending = nodes_.find(path)) return *pending;
  if (const auto node = view_->get(path)) return state_of(*node);
  return std::nullopt;
}

void Overlay::put(std::string_view path, NodeState node) {
  nodes_.write(zxid_, path, std::move(node), indexer());
}

void Overlay::remove(std::string_view path) {
  const std::string_view parent_path = path::parent(path);
  auto parent = find(parent_path);
  TROUPE_CHECK(parent && parent->children > 0, "a znode that is there is among its parent's children");
  --parent->children;
  put(parent_path, std::move(*parent));
  nodes_.write(zxid_, path, std::nullopt, indexer());
}

bool Overlay::has_session(SessionId session) const {
  if (const PendingSession* pending = sessions_.find(session)) return pending->open;
  return view_->session(session).has_value();
}

std::uint64_t Overlay::last_number(SessionId session) const {
  if (const PendingSession* pending = sessions_.find(session)) return pending->last_number;
  return view_->last_number(session);
}

void Overlay::set_last_number(SessionId session, std::uint64_t number) {
  sessions_.write(zxid_, session, PendingSession{true, number}, ignore);
}

void Overlay::open_session(SessionId session) {
  sessions_.write(zxid_, session, PendingSession{}, ignore);
}

void Overlay::close_session(SessionId session) {
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
    if (node && node->owner == session) remove(path);
  }
  sessions_.write(zxid_, session, PendingSession{false, 0}, ignore);
}

void Overlay::advance(std::shared_ptr<const store::View> view) {
  TROUPE_CHECK(view->zxid() >= view_->zxid(), "views do not go back in time");
  view_ = std::move(view);
  nodes_.forget(view_->zxid(), indexer());
  sessions_.forget(view_->zxid(), ignore);
}

}  // namespace troupe
