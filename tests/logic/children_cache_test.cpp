// A list that is kept is the one that the view would give.
#include "actors/children_cache.hpp"

#include <random>

#include "tests/catch.hpp"
#include "tests/logic/single_node.hpp"

using namespace troupe;
using namespace troupe::testing;
using Kind = schema::NodeKind;
using Names = std::vector<std::string>;

namespace {

constexpr SessionId alice{1};

struct Fixture : SingleNode {
  Fixture() { run({alice, 0, OpenSession{}}); }
  void create(const std::string& path) {
    REQUIRE(run({alice, 1, Create{path, "", Kind::PERSISTENT, open_acl, 0}}).error == Error::ok);
  }
  void remove(const std::string& path) { REQUIRE(run({alice, 1, Delete{path}}).error == Error::ok); }

  /// As the cache has them, from a view that ends before the next.
  Names cached(const std::string& parent) {
    const auto view = tree().view();
    const auto names = cache.names(*view, parent, view->get(parent)->stat);
    return Names(names.begin(), names.end());
  }
  Names stored(const std::string& parent) {
    Names names;
    tree().view()->children(parent, {}, [&](std::string_view name) {
      names.emplace_back(name);
      return true;
    });
    return names;
  }

  ChildrenCache cache{1};
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A list is kept until its parent's children change") {
  create("/p");
  CHECK(cached("/p").empty());
  create("/p/a");
  create("/p/b");
  CHECK(cached("/p") == Names{"a", "b"});
  CHECK(cached("/p") == Names{"a", "b"});
  remove("/p/a");
  create("/p/c");  // as many as before
  CHECK(cached("/p") == Names{"b", "c"});
}

TEST_CASE_METHOD(Fixture, "What is kept is not read again, and gives no place to short lists") {
  create("/p");
  create("/p/" + std::string(300, 'n'));  // whose key is shortened
  create("/p/b");
  for (int i = 0; i < 20; ++i) {
    create("/q" + std::to_string(i));
    create("/q" + std::to_string(i) + "/a");
  }
  ChildrenCache cache(2);
  const auto view = tree().view();
  const auto names = [&](const std::string& parent) { return cache.names(*view, parent, view->get(parent)->stat); };
  const auto* const kept = names("/p").data();
  for (int i = 0; i < 20; ++i) CHECK(names("/q" + std::to_string(i)).size() == 1);
  CHECK(names("/p").data() == kept);
  CHECK(names("/p")[0] == "b");
  CHECK(names("/p")[1] == std::string(300, 'n'));
}

TEST_CASE_METHOD(Fixture, "A parent that was deleted and made again has its new children") {
  create("/p");
  create("/p/old");
  CHECK(cached("/p") == Names{"old"});
  remove("/p/old");
  remove("/p");
  create("/p");
  create("/p/new");
  CHECK(cached("/p") == Names{"new"});
}

TEST_CASE_METHOD(Fixture, "A list that is too long to be kept is complete") {
  create("/p");
  for (int i = 0; i < 20'000; ++i) create("/p/" + std::string(250, 'n') + std::to_string(i));
  const auto names = stored("/p");
  CHECK(names.size() == 20'000);
  CHECK(cached("/p") == names);
  CHECK(cached("/p") == names);
}

TEST_CASE_METHOD(Fixture, "Whatever is created, deleted and listed, the cache tells what is stored") {
  std::mt19937 random(GENERATE(range(0u, 20u)));
  const Names parents{"/", "/p0", "/p1", "/p2", "/p3", "/p4", "/p5", "/p6", "/p7"};
  for (std::size_t i = 1; i < parents.size(); ++i) create(parents[i]);
  for (int step = 0; step < 500; ++step) {
    const std::string& parent = parents[1 + random() % (parents.size() - 1)];
    const std::string child = parent + "/" + std::to_string(random() % 4);
    const bool there = tree().view()->get(child).has_value();
    if (random() % 3 == 0) there ? remove(child) : create(child);
    const std::string& listed = parents[random() % parents.size()];
    REQUIRE(cached(listed) == stored(listed));
  }
}
