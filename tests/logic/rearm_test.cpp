// Watches that are set again by a client that comes back: what it missed fires at once, what it has seen does not.
#include "actors/rearm.hpp"

#include <set>
#include <tuple>

#include "tests/catch.hpp"
#include "tests/logic/single_node.hpp"

using namespace troupe;
using namespace troupe::testing;

namespace {

constexpr SessionId alice{1};
using Heard = std::pair<EventType, std::string>;
constexpr auto created = EventType::created;
constexpr auto deleted = EventType::deleted;
constexpr auto data_changed = EventType::data_changed;
constexpr auto children_changed = EventType::children_changed;

/// A client that saw everything up to seen() and went away; then things happen.
struct Fixture : SingleNode {
  Fixture() {
    run({alice, 0, OpenSession{}});
    for (const char* path :
         {"/same", "/set", "/parent", "/parent/old", "/gone", "/again", "/tree", "/tree/a", "/tree/a/b"}) {
      run({alice, 1, Create{path}});
    }
    seen = zxid();
    run({alice, 1, SetData{"/set", "x"}});
    run({alice, 1, Create{"/parent/new"}});
    run({alice, 1, Delete{"/gone"}});
    run({alice, 1, Delete{"/again"}});
    run({alice, 1, Create{"/again"}});
    run({alice, 1, Create{"/tree/a/c"}});
    run({alice, 1, SetData{"/tree/a/b", "x"}});
  }

  std::vector<Heard> rearm(WatchKind kind, const std::string& path, std::size_t visits = 1'000) {
    std::vector<Heard> heard;
    const std::string_view one[] = {path};
    Rearm request{seen};
    switch (kind) {
      case WatchKind::data:
        request.data = one;
        break;
      case WatchKind::exist:
        request.exist = one;
        break;
      case WatchKind::child:
        request.child = one;
        break;
      case WatchKind::persistent:
        request.persistent = one;
        break;
      case WatchKind::recursive:
        request.recursive = one;
        break;
    }
    const auto receiver = [&](WatcherId watcher, EventType type, std::string_view where) {
      CHECK(watcher == 5);
      heard.emplace_back(type, where);
    };
    complete = troupe::rearm(watches, 5, *tree().view(), request, receiver, visits);
    return heard;
  }
  bool stands(WatchKind kind, const std::string& path) const { return watches.contains(5, path, kind); }

  Watches watches;
  Zxid seen;
  bool complete = false;
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A data watch set again fires if the data is newer or the znode is gone") {
  CHECK(rearm(WatchKind::data, "/same").empty());
  CHECK(stands(WatchKind::data, "/same"));
  CHECK(rearm(WatchKind::data, "/parent").empty());  // new children are no news for it
  CHECK(rearm(WatchKind::data, "/set") == std::vector<Heard>{{data_changed, "/set"}});
  CHECK(rearm(WatchKind::data, "/again") == std::vector<Heard>{{data_changed, "/again"}});
  CHECK(rearm(WatchKind::data, "/gone") == std::vector<Heard>{{deleted, "/gone"}});
  CHECK_FALSE(stands(WatchKind::data, "/set"));
  CHECK_FALSE(stands(WatchKind::data, "/gone"));
}

TEST_CASE_METHOD(Fixture, "An exist watch set again fires if the znode is there") {
  CHECK(rearm(WatchKind::exist, "/gone").empty());
  CHECK(stands(WatchKind::exist, "/gone"));
  CHECK(rearm(WatchKind::exist, "/same") == std::vector<Heard>{{created, "/same"}});
  CHECK_FALSE(stands(WatchKind::exist, "/same"));
}

TEST_CASE_METHOD(Fixture, "A child watch set again fires if the children are newer or the znode is gone") {
  CHECK(rearm(WatchKind::child, "/set").empty());
  CHECK(stands(WatchKind::child, "/set"));
  CHECK(rearm(WatchKind::child, "/parent") == std::vector<Heard>{{children_changed, "/parent"}});
  CHECK(rearm(WatchKind::child, "/gone") == std::vector<Heard>{{deleted, "/gone"}});
  CHECK_FALSE(stands(WatchKind::child, "/parent"));
}

TEST_CASE_METHOD(Fixture, "A persistent watch set again catches up with what the znode tells, and stands") {
  CHECK(rearm(WatchKind::persistent, "/same").empty());
  CHECK(rearm(WatchKind::persistent, "/set") == std::vector<Heard>{{data_changed, "/set"}});
  CHECK(rearm(WatchKind::persistent, "/parent") == std::vector<Heard>{{children_changed, "/parent"}});
  CHECK(rearm(WatchKind::persistent, "/again") == std::vector<Heard>{{created, "/again"}});
  CHECK(rearm(WatchKind::persistent, "/gone") == std::vector<Heard>{{deleted, "/gone"}});
  for (const char* path : {"/same", "/set", "/parent", "/again", "/gone"}) CHECK(stands(WatchKind::persistent, path));
}

TEST_CASE_METHOD(Fixture, "A znode that cannot have been there meanwhile was not deleted") {
  CHECK(rearm(WatchKind::persistent, "/same/nothing/here").empty());  // no child of /same came or went
  CHECK(rearm(WatchKind::recursive, "/same/nothing").empty());
  CHECK(rearm(WatchKind::persistent, "/parent/nothing") ==
        std::vector<Heard>{{deleted, "/parent/nothing"}});  // perhaps
  CHECK(rearm(WatchKind::persistent, "/gone/below") == std::vector<Heard>{{deleted, "/gone/below"}});
}

TEST_CASE_METHOD(Fixture, "A recursive watch set again catches up with all that is below it") {
  const auto heard = rearm(WatchKind::recursive, "/tree");
  CHECK(std::set<Heard>(heard.begin(), heard.end()) ==
        std::set<Heard>{{created, "/tree/a/c"}, {data_changed, "/tree/a/b"}});
  CHECK(complete);
  CHECK(stands(WatchKind::recursive, "/tree"));
  CHECK(rearm(WatchKind::recursive, "/gone") == std::vector<Heard>{{deleted, "/gone"}});
}

TEST_CASE_METHOD(Fixture, "Catching up from the root covers every change that left something") {
  const auto heard = rearm(WatchKind::recursive, "/");
  CHECK(std::set<Heard>(heard.begin(), heard.end()) == std::set<Heard>{{data_changed, "/set"},
                                                                       {created, "/parent/new"},
                                                                       {created, "/again"},
                                                                       {created, "/tree/a/c"},
                                                                       {data_changed, "/tree/a/b"}});
}

TEST_CASE_METHOD(Fixture, "Catching up below a recursive watch ends when the visits are used up") {
  rearm(WatchKind::recursive, "/tree", 4);
  CHECK(complete);  // exactly enough
  rearm(WatchKind::recursive, "/tree", 3);
  CHECK_FALSE(complete);
  CHECK(stands(WatchKind::recursive, "/tree"));
}
