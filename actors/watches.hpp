// The watch table of one gateway: who wants to hear of which path, and what a change sets off.
//
// A watcher is an opaque number: one session's connection. Each watch is one (path, watcher, kind).
// Adding one costs constant time, removing a watcher the number of its watches, a change the number
// of those it sets off plus, if there are recursive watches, the depth of the path.
//
// Owner: the gateway's thread. The order in which watchers hear of a change is the order in which
// they set their watches: it depends on the calls alone.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "actors/path.hpp"
#include "store/tree.hpp"

namespace troupe {

using WatcherId = std::uint64_t;

/// The numbers are those of ZooKeeper's wire protocol.
enum class EventType : std::uint8_t { created = 1, deleted = 2, data_changed = 3, children_changed = 4 };

enum class WatchKind : std::uint8_t {
  data,        ///< once, when the znode's data changes or it is deleted
  exist,       ///< as data; may stand on a znode that is not there, and then fires when it is created
  child,       ///< once, when a child is created or deleted, or the znode is deleted
  persistent,  ///< whatever data, exist and child would fire at; stays
  recursive,   ///< creation, deletion and new data of the znode and all below it; stays
};
inline constexpr std::size_t watch_kinds = 5;

class Watches {
 public:
  /// The path is valid during the call. The receiver must not change the table.
  using Receiver = std::function<void(WatcherId watcher, EventType type, std::string_view path)>;

  Watches() = default;
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  /// False if the watcher has this watch already.
  bool add(WatcherId watcher, std::string_view path, WatchKind kind);
  /// False if it has not.
  bool remove(WatcherId watcher, std::string_view path, WatchKind kind);
  void remove_watcher(WatcherId watcher);
  bool contains(WatcherId watcher, std::string_view path, WatchKind kind) const;

  /// What a change sets off. First the watches of the znode and the recursive ones above it, then,
  /// of a creation or deletion, those of the parent's children. A watcher hears once of each of the
  /// two, however many of its watches fit; all of its one-shot watches that fit are used up.
  void fire(const store::NodeEvent& event, const Receiver& receiver);

  std::size_t size() const { return watches_.size(); }       ///< watches
  std::size_t paths() const { return paths_.size(); }        ///< with at least one watch
  std::size_t watchers() const { return watchers_.size(); }  ///< with at least one watch
  /// All watches, in no particular order.
  void each(const std::function<void(WatcherId, std::string_view path, WatchKind)>& visit) const;

 private:
  struct Watch;
  struct List {
    Watch* first = nullptr;
    Watch* last = nullptr;
  };
  struct Path {
    std::array<List, watch_kinds> lists;
    std::size_t count = 0;
  };
  struct Watcher {
    Watch* first = nullptr;
    std::uint64_t heard = 0;  // the last firing_ that reached it
  };
  using Paths = std::unordered_map<std::string, Path, path::Hash, std::equal_to<>>;
  using Watchers = std::unordered_map<WatcherId, Watcher>;
  struct Key {
    const Path* path;
    WatcherId watcher;
    WatchKind kind;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  /// In two lists: that of its path and kind, and that of its watcher.
  struct Watch {
    Paths::value_type* path;
    Watchers::value_type* watcher;
    WatchKind kind;
    Watch *previous_of_path = nullptr, *next_of_path = nullptr;
    Watch *previous_of_watcher = nullptr, *next_of_watcher = nullptr;
  };

  void unlink(Watch& watch);  // the path's entry stays, even if it is empty
  void drop_if_empty(Paths::value_type& path);
  void fire_list(Paths::value_type& at, WatchKind kind, EventType type, std::string_view path,
                 const Receiver& receiver);
  void fire_node(EventType type, std::string_view path, const Receiver& receiver);
  void fire_recursive(EventType type, std::string_view path, const Receiver& receiver);
  void fire_parent(std::string_view parent, const Receiver& receiver);

  Paths paths_;
  Watchers watchers_;
  std::unordered_map<Key, Watch, KeyHash> watches_;
  std::size_t recursive_ = 0;  // how many watches are recursive
  std::uint64_t firing_ = 0;
};

}  // namespace troupe
