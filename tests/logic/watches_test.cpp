// Which watches a change sets off, in which order, and which of them stay; in the end against a list of all watches.
#include "actors/watches.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "tests/catch.hpp"

using namespace troupe;

namespace {

using Heard = std::tuple<WatcherId, EventType, std::string>;
using Type = store::NodeEvent::Type;
constexpr auto created = EventType::created;
constexpr auto deleted = EventType::deleted;
constexpr auto data_changed = EventType::data_changed;
constexpr auto children_changed = EventType::children_changed;
constexpr WatchKind all_kinds[] = {WatchKind::data, WatchKind::exist, WatchKind::child, WatchKind::persistent,
                                   WatchKind::recursive};

std::vector<Heard> fire(Watches& watches, Type type, const std::string& path) {
  std::vector<Heard> heard;
  watches.fire({type, Zxid{1}, path, {}},
               [&](WatcherId w, EventType t, std::string_view p) { heard.emplace_back(w, t, p); });
  return heard;
}

}  // namespace

TEST_CASE("A creation is heard by the watches of the znode, then by those of the parent's children") {
  Watches watches;
  watches.add(1, "/a", WatchKind::child);
  watches.add(2, "/a/b", WatchKind::exist);
  watches.add(3, "/a/b", WatchKind::data);
  watches.add(4, "/a", WatchKind::exist);
  CHECK(fire(watches, Type::created, "/a/b") ==
        std::vector<Heard>{{3, created, "/a/b"}, {2, created, "/a/b"}, {1, children_changed, "/a"}});
  CHECK(watches.size() == 1);  // all but the last were used up
  CHECK(fire(watches, Type::created, "/a/b").empty());
}

TEST_CASE("A deletion is heard once by one who watches both data and children") {
  Watches watches;
  watches.add(1, "/a/b", WatchKind::data);
  watches.add(1, "/a/b", WatchKind::child);
  watches.add(2, "/a/b", WatchKind::child);
  watches.add(3, "/a", WatchKind::child);
  CHECK(fire(watches, Type::deleted, "/a/b") ==
        std::vector<Heard>{{1, deleted, "/a/b"}, {2, deleted, "/a/b"}, {3, children_changed, "/a"}});
  CHECK(watches.size() == 0);
  CHECK(watches.paths() == 0);
  CHECK(watches.watchers() == 0);
}

TEST_CASE("New data is heard by the watches of the data alone") {
  Watches watches;
  watches.add(1, "/a", WatchKind::data);
  watches.add(2, "/a", WatchKind::child);
  watches.add(3, "/", WatchKind::child);
  CHECK(fire(watches, Type::data_changed, "/a") == std::vector<Heard>{{1, data_changed, "/a"}});
  CHECK(watches.size() == 2);
}

TEST_CASE("A child watch does not hear that its znode is created") {
  Watches watches;
  watches.add(1, "/a", WatchKind::child);
  CHECK(fire(watches, Type::created, "/a").empty());
}

TEST_CASE("A persistent watch hears everything of its znode and its children's coming and going, and stays") {
  Watches watches;
  watches.add(1, "/a", WatchKind::persistent);
  CHECK(fire(watches, Type::created, "/a") == std::vector<Heard>{{1, created, "/a"}});
  CHECK(fire(watches, Type::data_changed, "/a") == std::vector<Heard>{{1, data_changed, "/a"}});
  CHECK(fire(watches, Type::created, "/a/b") == std::vector<Heard>{{1, children_changed, "/a"}});
  CHECK(fire(watches, Type::data_changed, "/a/b").empty());
  CHECK(fire(watches, Type::deleted, "/a/b") == std::vector<Heard>{{1, children_changed, "/a"}});
  CHECK(fire(watches, Type::deleted, "/a") == std::vector<Heard>{{1, deleted, "/a"}});
  CHECK(watches.contains(1, "/a", WatchKind::persistent));
}

TEST_CASE("A recursive watch hears of the znode and all below it, never that children changed, and stays") {
  Watches watches;
  watches.add(1, "/a", WatchKind::recursive);
  CHECK(fire(watches, Type::created, "/a") == std::vector<Heard>{{1, created, "/a"}});
  CHECK(fire(watches, Type::created, "/a/b") == std::vector<Heard>{{1, created, "/a/b"}});
  CHECK(fire(watches, Type::data_changed, "/a/b/c/d") == std::vector<Heard>{{1, data_changed, "/a/b/c/d"}});
  CHECK(fire(watches, Type::deleted, "/a/b") == std::vector<Heard>{{1, deleted, "/a/b"}});
  CHECK(fire(watches, Type::created, "/ab").empty());
  CHECK(fire(watches, Type::created, "/").empty());
  CHECK(watches.contains(1, "/a", WatchKind::recursive));

  watches.add(2, "/", WatchKind::recursive);
  CHECK(fire(watches, Type::created, "/ab") == std::vector<Heard>{{2, created, "/ab"}});
}

TEST_CASE("One change is one event for a watcher, however many of its watches fit") {
  Watches watches;
  for (const WatchKind kind : all_kinds) watches.add(1, "/a/b", kind);
  watches.add(1, "/a", WatchKind::recursive);
  watches.add(1, "/", WatchKind::recursive);
  watches.add(1, "/a", WatchKind::child);
  watches.add(1, "/a", WatchKind::persistent);
  CHECK(fire(watches, Type::deleted, "/a/b") == std::vector<Heard>{{1, deleted, "/a/b"}, {1, children_changed, "/a"}});
  for (const WatchKind kind : {WatchKind::data, WatchKind::exist, WatchKind::child}) {
    CHECK_FALSE(watches.contains(1, "/a/b", kind));  // used up all the same
  }
  CHECK(watches.contains(1, "/a/b", WatchKind::persistent));
  CHECK(watches.contains(1, "/a/b", WatchKind::recursive));
  CHECK_FALSE(watches.contains(1, "/a", WatchKind::child));
}

TEST_CASE("An ordinary watch and a recursive one stand side by side on one path") {
  Watches watches;
  CHECK(watches.add(1, "/a", WatchKind::recursive));
  CHECK(watches.add(1, "/a", WatchKind::data));
  CHECK_FALSE(watches.add(1, "/a", WatchKind::data));
  fire(watches, Type::data_changed, "/a");
  CHECK(fire(watches, Type::data_changed, "/a/b") == std::vector<Heard>{{1, data_changed, "/a/b"}});
}

TEST_CASE("The root's creation has no parent to tell") {
  Watches watches;
  watches.add(1, "/", WatchKind::persistent);
  CHECK(fire(watches, Type::data_changed, "/") == std::vector<Heard>{{1, data_changed, "/"}});
  CHECK(fire(watches, Type::created, "/a") == std::vector<Heard>{{1, children_changed, "/"}});
}

TEST_CASE("A watcher that goes takes its watches along") {
  Watches watches;
  for (const WatchKind kind : all_kinds) {
    watches.add(1, "/a", kind);
    watches.add(1, "/b", kind);
    watches.add(2, "/a", kind);
  }
  watches.remove_watcher(1);
  watches.remove_watcher(99);
  CHECK(watches.size() == std::size(all_kinds));
  CHECK(watches.paths() == 1);
  CHECK(watches.watchers() == 1);
  CHECK(fire(watches, Type::data_changed, "/b").empty());
  CHECK(fire(watches, Type::data_changed, "/a") == std::vector<Heard>{{2, data_changed, "/a"}});
}

TEST_CASE("Many watchers of one path, and many paths") {
  Watches watches;
  constexpr WatcherId crowd = 10'000;
  for (WatcherId w = 0; w < crowd; ++w) watches.add(w, "/hot", WatchKind::data);
  for (WatcherId w = 0; w < 100'000; ++w) watches.add(w, "/n" + std::to_string(w), WatchKind::child);
  for (WatcherId w = 0; w < crowd; w += 2) watches.remove_watcher(w);
  CHECK(fire(watches, Type::data_changed, "/hot").size() == crowd / 2);
  CHECK(watches.size() == 100'000 - crowd / 2);
}

namespace {

/// The same rules, found by looking at every watch for every change.
struct Naive {
  std::set<std::tuple<WatcherId, std::string, WatchKind>> watches;

  static std::string parent(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
  }

  bool fits(WatchKind kind, const std::string& at, EventType type, const std::string& path) const {
    if (kind == WatchKind::recursive) {
      if (type == children_changed) return false;
      return at == path || at == "/" || path.rfind(at + "/", 0) == 0;
    }
    if (at != path) return false;
    switch (kind) {
      case WatchKind::data:
      case WatchKind::exist:
        return type != children_changed;
      case WatchKind::child:
        return type == children_changed || type == deleted;
      default:
        return true;
    }
  }

  void event(EventType type, const std::string& path, std::vector<Heard>& heard) {
    std::set<WatcherId> who;
    for (auto it = watches.begin(); it != watches.end();) {
      const auto& [watcher, at, kind] = *it;
      if (!fits(kind, at, type, path)) {
        ++it;
        continue;
      }
      who.insert(watcher);
      const bool stays = kind == WatchKind::persistent || kind == WatchKind::recursive;
      it = stays ? std::next(it) : watches.erase(it);
    }
    for (const WatcherId w : who) heard.emplace_back(w, type, path);
  }

  std::vector<Heard> fire(Type type, const std::string& path) {
    std::vector<Heard> heard;
    event(static_cast<EventType>(type), path, heard);
    if (type != Type::data_changed && path != "/") event(children_changed, parent(path), heard);
    return heard;
  }
};

}  // namespace

TEST_CASE("Watches agree with looking at every watch for every change") {
  const std::string paths[] = {"/", "/a", "/b", "/a/a", "/a/b", "/b/a", "/a/a/a", "/a/a/b", "/a/b/a", "/ab"};
  for (unsigned seed = 0; seed < 50; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    Watches watches;
    Naive naive;
    for (int step = 0; step < 2'000; ++step) {
      const WatcherId watcher = pick(8);
      const std::string& path = paths[pick(std::size(paths))];
      const WatchKind kind = all_kinds[pick(std::size(all_kinds))];
      switch (pick(10)) {
        case 0:
          REQUIRE(watches.remove(watcher, path, kind) == (naive.watches.erase({watcher, path, kind}) == 1));
          break;
        case 1:
          if (pick(5) != 0) break;
          watches.remove_watcher(watcher);
          std::erase_if(naive.watches, [&](const auto& w) { return std::get<0>(w) == watcher; });
          break;
        case 2:
        case 3: {
          const auto type = static_cast<Type>(1 + pick(3));
          auto heard = fire(watches, type, path);
          // The order between watchers of one event is free; the two events' order is not.
          const auto split = std::stable_partition(heard.begin(), heard.end(),
                                                   [](const Heard& h) { return std::get<1>(h) != children_changed; });
          std::sort(heard.begin(), split);
          std::sort(split, heard.end());
          REQUIRE(heard == naive.fire(type, path));
          break;
        }
        default:
          REQUIRE(watches.add(watcher, path, kind) == naive.watches.insert({watcher, path, kind}).second);
      }
      REQUIRE(watches.contains(watcher, path, kind) == naive.watches.contains({watcher, path, kind}));
      REQUIRE(watches.size() == naive.watches.size());
    }
    std::set<std::tuple<WatcherId, std::string, WatchKind>> left;
    watches.each([&](WatcherId w, std::string_view p, WatchKind k) { left.emplace(w, std::string(p), k); });
    CHECK(left == naive.watches);
  }
}
