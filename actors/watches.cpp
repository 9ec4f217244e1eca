#include "actors/watches.hpp"

#include <utility>

#include "actors/path.hpp"

namespace troupe {

std::size_t Watches::KeyHash::operator()(const Key& key) const noexcept {
  // Multiplications by odd constants spread neighbouring addresses and watchers over all bits.
  std::uint64_t hash = reinterpret_cast<std::uintptr_t>(key.path) * 0x9e3779b97f4a7c15u;
  hash = (hash ^ (hash >> 32) ^ key.watcher) * 0xd6e8feb86659fd93u;
  return (hash ^ (hash >> 32)) + static_cast<std::size_t>(key.kind);
}

bool Watches::add(WatcherId watcher, std::string_view path, WatchKind kind) {
  auto at = paths_.find(path);
  if (at == paths_.end()) at = paths_.emplace(std::string(path), Path{}).first;
  const auto [it, added] = watches_.try_emplace(Key{&at->second, watcher, kind});
  if (!added) return false;
  auto& owner = *watchers_.try_emplace(watcher).first;
  Watch& watch = it->second;
  watch.path = &*at;
  watch.watcher = &owner;
  watch.kind = kind;

  List& list = at->second.lists[static_cast<std::size_t>(kind)];
  watch.previous_of_path = list.last;
  (list.last != nullptr ? list.last->next_of_path : list.first) = &watch;
  list.last = &watch;
  ++at->second.count;

  watch.next_of_watcher = owner.second.first;
  if (owner.second.first != nullptr) owner.second.first->previous_of_watcher = &watch;
  owner.second.first = &watch;
  if (kind == WatchKind::recursive) ++recursive_;
  return true;
}

void Watches::unlink(Watch& watch) {
  Path& path = watch.path->second;
  List& list = path.lists[static_cast<std::size_t>(watch.kind)];
  (watch.previous_of_path != nullptr ? watch.previous_of_path->next_of_path : list.first) = watch.next_of_path;
  (watch.next_of_path != nullptr ? watch.next_of_path->previous_of_path : list.last) = watch.previous_of_path;
  --path.count;

  Watcher& watcher = watch.watcher->second;
  const WatcherId id = watch.watcher->first;
  (watch.previous_of_watcher != nullptr ? watch.previous_of_watcher->next_of_watcher : watcher.first) =
      watch.next_of_watcher;
  if (watch.next_of_watcher != nullptr) watch.next_of_watcher->previous_of_watcher = watch.previous_of_watcher;
  if (watch.kind == WatchKind::recursive) --recursive_;
  if (watcher.first == nullptr) watchers_.erase(watchers_.find(id));
  watches_.erase(watches_.find(Key{&path, id, watch.kind}));
}

void Watches::drop_if_empty(Paths::value_type& path) {
  if (path.second.count == 0) paths_.erase(paths_.find(path.first));
}

bool Watches::remove(WatcherId watcher, std::string_view path, WatchKind kind) {
  const auto at = paths_.find(path);
  if (at == paths_.end()) return false;
  const auto it = watches_.find(Key{&at->second, watcher, kind});
  if (it == watches_.end()) return false;
  unlink(it->second);
  drop_if_empty(*at);
  return true;
}

void Watches::remove_watcher(WatcherId watcher) {
  const auto it = watchers_.find(watcher);
  if (it == watchers_.end()) return;
  for (Watch* watch = it->second.first; watch != nullptr;) {
    Watch* const next = watch->next_of_watcher;
    auto& path = *watch->path;
    unlink(*watch);  // with the last watch the watcher's entry goes too
    drop_if_empty(path);
    watch = next;
  }
}

bool Watches::contains(WatcherId watcher, std::string_view path, WatchKind kind) const {
  const auto at = paths_.find(path);
  return at != paths_.end() && watches_.contains(Key{&at->second, watcher, kind});
}

void Watches::fire(const store::NodeEvent& event, const Receiver& receiver) {
  if (paths_.empty()) return;
  const auto type = static_cast<EventType>(event.type);
  ++firing_;
  fire_node(type, event.path, receiver);
  if (recursive_ != 0) fire_recursive(type, event.path, receiver);
  if (type == EventType::data_changed || event.path == "/") return;
  ++firing_;
  fire_parent(path::parent(event.path), receiver);
}

void Watches::fire_list(Paths::value_type& at, WatchKind kind, EventType type, std::string_view path,
                        const Receiver& receiver) {
  const bool stays = kind == WatchKind::persistent || kind == WatchKind::recursive;
  for (Watch* watch = at.second.lists[static_cast<std::size_t>(kind)].first; watch != nullptr;) {
    Watch* const next = watch->next_of_path;
    const WatcherId id = watch->watcher->first;
    const bool first = std::exchange(watch->watcher->second.heard, firing_) != firing_;
    if (!stays) unlink(*watch);
    if (first) receiver(id, type, path);
    watch = next;
  }
}

void Watches::fire_node(EventType type, std::string_view path, const Receiver& receiver) {
  const auto at = paths_.find(path);
  if (at == paths_.end()) return;
  fire_list(*at, WatchKind::data, type, path, receiver);
  fire_list(*at, WatchKind::exist, type, path, receiver);
  if (type == EventType::deleted) fire_list(*at, WatchKind::child, type, path, receiver);
  fire_list(*at, WatchKind::persistent, type, path, receiver);
  drop_if_empty(*at);
}

void Watches::fire_recursive(EventType type, std::string_view path, const Receiver& receiver) {
  for (std::string_view above = path;; above = path::parent(above)) {
    if (const auto at = paths_.find(above); at != paths_.end()) {
      fire_list(*at, WatchKind::recursive, type, path, receiver);
    }
    if (above == "/") return;
  }
}

void Watches::fire_parent(std::string_view parent, const Receiver& receiver) {
  const auto at = paths_.find(parent);
  if (at == paths_.end()) return;
  fire_list(*at, WatchKind::child, EventType::children_changed, parent, receiver);
  fire_list(*at, WatchKind::persistent, EventType::children_changed, parent, receiver);
  drop_if_empty(*at);
}

void Watches::each(const std::function<void(WatcherId, std::string_view, WatchKind)>& visit) const {
  for (const auto& [key, watch] : watches_) visit(key.watcher, watch.path->first, key.kind);
}

}  // namespace troupe
