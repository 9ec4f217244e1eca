#include "actors/rearm.hpp"

#include <optional>
#include <string>
#include <vector>

#include "actors/path.hpp"

namespace troupe {
namespace {

class Rearming {
 public:
  Rearming(Watches& watches, WatcherId watcher, const store::View& view, Zxid relative,
           const Watches::Receiver& receiver, std::size_t visits)
      : watches_(watches), watcher_(watcher), view_(view), relative_(relative), receiver_(receiver), visits_(visits) {}

  void data(std::string_view path) {
    const auto node = find(path);
    if (!node) return fire(EventType::deleted, path);
    if (node->stat.mzxid > relative_) return fire(EventType::data_changed, path);
    add(path, WatchKind::data);
  }

  void exist(std::string_view path) {
    if (find(path)) return fire(EventType::created, path);
    add(path, WatchKind::exist);
  }

  void child(std::string_view path) {
    const auto node = find(path);
    if (!node) return fire(EventType::deleted, path);
    if (node->stat.pzxid > relative_) return fire(EventType::children_changed, path);
    add(path, WatchKind::child);
  }

  void persistent(std::string_view path) {
    add(path, WatchKind::persistent);
    const auto node = view_.get(path);
    if (!node) return fire_if_deleted(path);
    fire_node(path, node->stat);
    // A new znode's pzxid is its czxid: that is no change of its children.
    if (node->stat.pzxid > relative_ && node->stat.pzxid != node->stat.czxid) fire(EventType::children_changed, path);
  }

  void recursive(std::string_view path) {
    add(path, WatchKind::recursive);
    std::vector<std::string> left{std::string(path)};
    if (!view_.get(path)) return fire_if_deleted(path);
    while (!left.empty()) {
      if (visits_ == 0) {
        complete_ = false;
        return;
      }
      --visits_;
      const std::string next = std::move(left.back());
      left.pop_back();
      const auto node = view_.get(next);
      fire_node(next, node->stat);
      if (node->stat.num_children == 0) continue;
      const std::size_t first = left.size();
      // More names than visits are left would be of no use.
      view_.children(next, {}, [&](std::string_view name) {
        left.push_back((next == "/" ? "/" : next + "/") + std::string(name));
        return left.size() - first <= visits_;
      });
    }
  }

  bool complete() const { return complete_; }

 private:
  /// What reads find there: the empty path is another name of the root.
  std::optional<store::Node> find(std::string_view path) const {
    if (path.empty()) path = "/";
    return path::valid(path) ? view_.get(path) : std::nullopt;
  }
  void add(std::string_view path, WatchKind kind) { watches_.add(watcher_, path, kind); }
  void fire(EventType type, std::string_view path) { receiver_(watcher_, type, path); }

  void fire_node(std::string_view path, const store::Stat& stat) {
    if (stat.czxid > relative_) {
      fire(EventType::created, path);
    } else if (stat.mzxid > relative_) {
      fire(EventType::data_changed, path);
    }
  }

  /// Of a path that is not there: the nearest ancestor that is there knows whether any of its
  /// children came or went.
  void fire_if_deleted(std::string_view path) {
    std::string_view above = path::parent(path);
    auto node = view_.get(above);
    while (!node) {  // the root is always there
      above = path::parent(above);
      node = view_.get(above);
    }
    if (node->stat.pzxid > relative_) fire(EventType::deleted, path);
  }

  Watches& watches_;
  const WatcherId watcher_;
  const store::View& view_;
  const Zxid relative_;
  const Watches::Receiver& receiver_;
  std::size_t visits_;
  bool complete_ = true;
};

}  // namespace

bool rearm(Watches& watches, WatcherId watcher, const store::View& view, const Rearm& rearm,
           const Watches::Receiver& receiver, std::size_t visits) {
  Rearming rearming(watches, watcher, view, rearm.relative, receiver, visits);
  for (const auto path : rearm.data) rearming.data(path);
  for (const auto path : rearm.exist) rearming.exist(path);
  for (const auto path : rearm.child) rearming.child(path);
  for (const auto path : rearm.persistent) rearming.persistent(path);
  for (const auto path : rearm.recursive) rearming.recursive(path);
  return rearming.complete();
}

}  // namespace troupe
