// The tree: one rule of it after the other.
#include "store/tree.hpp"

#include <set>

#include "store/tree_format.hpp"
#include "tests/catch.hpp"
#include "tests/store/machines.hpp"
#include "tests/store/txns.hpp"

namespace troupe::store::testing {
namespace {

Zxid z(std::uint32_t counter) { return Zxid::of({1}, counter); }
constexpr SessionId alice{0x0100000000000001}, bob{-5};

struct TreeFixture {
  MemoryMachine machine;
  std::unique_ptr<Disk> disk = machine.disk();
  Tree tree{disk->open("state", {.tables = Tree::tables(), .durable = false})};
  std::uint32_t counter = 0;

  Head head(SessionId session = {}) {
    ++counter;
    return {.zxid = z(counter), .time = 1000 + counter, .session = session};
  }
  AppliedBatch change(const Change& change, SessionId session = {}) {
    return tree.apply({change_txn(head(session), change)});
  }
  Node get(const std::string& path) {
    views.push_back(tree.view());
    auto node = views.back()->get(path);
    REQUIRE(node);
    return *node;
  }
  std::vector<std::string> children(const std::string& path, const std::string& after = "") {
    std::vector<std::string> names;
    tree.view()->children(path, after, [&](std::string_view name) {
      names.emplace_back(name);
      return true;
    });
    return names;
  }
  std::vector<std::shared_ptr<View>> views;  // what get() returned points into them
};

}  // namespace

TEST_CASE_METHOD(TreeFixture, "a new tree has the znodes that are always there, the same on every node") {
  CHECK(tree.applied() == Zxid{0});
  CHECK(children("/") == std::vector<std::string>{"zookeeper"});
  CHECK(children("/zookeeper") == std::vector<std::string>{"config", "quota"});
  Stat expected;
  expected.num_children = 1;
  expected.cversion = -1;  // as ZooKeeper answers
  CHECK(get("/").stat == expected);
  CHECK(get("/").stored_cversion == 0);
  CHECK(get("/").open_to_all());
  CHECK(get("/zookeeper").stat.cversion == -2);
  CHECK(get("/zookeeper/config").stat.aversion == -1);
  CHECK(get("/zookeeper/config").acl() == AclList{{perm::read, "world", "anyone"}});
  CHECK(tree.view()->node_count() == 4);
  MemoryMachine other;
  auto other_disk = other.disk();
  CHECK(Tree(other_disk->open("state", {.tables = Tree::tables(), .durable = false})).view()->digest() ==
        tree.view()->digest());
}

TEST_CASE_METHOD(TreeFixture, "a creation moves the parent's counters and answers path and stat") {
  const AclList acl = {{perm::read, "digest", "joe:hash"}, {perm::all, "ip", "10.0.0.1"}};
  auto done = change(Create{.path = "/a", .data = "hello", .acl = acl});
  CHECK(done.last == z(1));
  CHECK(tree.view()->time() == 1001);
  REQUIRE(done.outcomes.size() == 1);
  REQUIRE(done.outcomes[0].results.size() == 1);
  CHECK(done.outcomes[0].results[0].operation == 1);
  CHECK(done.outcomes[0].results[0].path == "/a");

  Stat stat;
  stat.czxid = stat.mzxid = stat.pzxid = z(1);
  stat.ctime = stat.mtime = 1001;
  stat.data_length = 5;
  CHECK(get("/a").stat == stat);
  CHECK(done.outcomes[0].results[0].stat == stat);
  CHECK(get("/a").data == "hello");
  CHECK(get("/a").acl() == acl);
  CHECK_FALSE(get("/a").open_to_all());
  CHECK(get("/").stat.pzxid == z(1));
  CHECK(get("/").stat.cversion == 0);
  CHECK(get("/").stored_cversion == 1);
  CHECK(get("/").stat.num_children == 2);

  REQUIRE(done.events.size() == 1);
  CHECK(done.events[0].type == NodeEvent::Type::created);
  CHECK(done.events[0].path == "/a");
  CHECK(done.events[0].zxid == z(1));
  CHECK(decode_acl(done.events[0].acl_bytes) == acl);
}

TEST_CASE_METHOD(TreeFixture, "setData, setACL, check and delete") {
  change(Create{.path = "/a", .data = "one"});
  auto done = change(SetData{"/a", "three", 1});
  CHECK(done.outcomes[0].results[0].operation == 5);
  CHECK(done.outcomes[0].results[0].stat == get("/a").stat);
  CHECK(done.events[0].type == NodeEvent::Type::data_changed);
  CHECK(get("/a").stat.version == 1);
  CHECK(get("/a").stat.mzxid == z(2));
  CHECK(get("/a").stat.czxid == z(1));
  CHECK(get("/a").stat.mtime == 1002);
  CHECK(get("/a").stat.ctime == 1001);
  CHECK(get("/").stat.pzxid == z(1));

  const auto permitted = change(SetAcl{"/a", {{perm::read, "auth", ""}}, 1});
  CHECK(permitted.outcomes[0].results[0].operation == 7);
  CHECK(permitted.outcomes[0].results[0].stat.aversion == 1);
  CHECK(permitted.events.empty());
  CHECK(get("/a").stat.mzxid == z(2));
  CHECK(get("/a").data == "three");

  const auto checked = change(Check{"/a"});
  CHECK(checked.outcomes[0].results[0].operation == 13);
  CHECK(checked.events.empty());

  const auto deleted = change(Delete{"/a"});
  CHECK(deleted.outcomes[0].results[0].operation == 2);
  CHECK(deleted.events[0].type == NodeEvent::Type::deleted);
  CHECK(decode_acl(deleted.events[0].acl_bytes) == AclList{{perm::read, "auth", ""}});
  CHECK_FALSE(tree.view()->get("/a"));
  CHECK(get("/").stat.cversion == 1);
  CHECK(get("/").stored_cversion == 1);
  CHECK(get("/").stat.pzxid == z(5));
}

TEST_CASE_METHOD(TreeFixture, "no data is not empty data") {
  change(Create{.path = "/none", .data = std::nullopt});
  change(Create{.path = "/empty", .data = ""});
  CHECK_FALSE(get("/none").has_data);
  CHECK(get("/empty").has_data);
  change(SetData{"/none", "", 1});
  change(SetData{"/empty", std::nullopt, 1});
  CHECK(get("/none").has_data);
  CHECK_FALSE(get("/empty").has_data);
}

TEST_CASE_METHOD(TreeFixture, "containers and TTL nodes show no owner") {
  auto done = change(Create{.path = "/c", .kind = NodeKind::container});
  CHECK(done.outcomes[0].results[0].operation == 19);
  CHECK(get("/c").kind == NodeKind::container);
  CHECK(get("/c").stat.ephemeral_owner == SessionId{0});
  const auto timed = change(Create{.path = "/t", .kind = NodeKind::ttl, .ttl = 5000});
  CHECK(timed.outcomes[0].results[0].operation == 21);
  CHECK(get("/t").kind == NodeKind::ttl);
  CHECK(get("/t").ttl == 5000);
  CHECK(get("/t").stat.ephemeral_owner == SessionId{0});
}

TEST_CASE_METHOD(TreeFixture, "ephemerals go with their session, and with no other") {
  auto done = tree.apply({open_session_txn(head(alice), 4000), open_session_txn(head(bob), 6000)});
  CHECK(done.outcomes[0].opened);
  REQUIRE(done.opened_sessions.size() == 2);
  CHECK(done.opened_sessions[1].id == bob);
  CHECK(done.opened_sessions[1].timeout_ms == 6000);
  CHECK(tree.view()->session(alice)->timeout_ms == 4000);
  CHECK(tree.view()->session_count() == 2);

  const std::string deep = "/a/" + std::string(600, 'e');
  for (const char* path : {"/a", "/b"}) change(Create{.path = path});
  for (const std::string& path : {std::string("/b/2"), std::string("/a/1"), deep, std::string("/b/1")}) {
    change(Create{.path = path, .kind = NodeKind::ephemeral, .owner = alice}, alice);
  }
  change(Create{.path = "/a/bobs", .kind = NodeKind::ephemeral, .owner = bob}, bob);
  change(Delete{"/b/2"});
  CHECK(get("/a/1").stat.ephemeral_owner == alice);
  CHECK(tree.view()->ephemeral_count() == 4);

  const auto closed = tree.apply({close_session_txn(head(alice))});
  CHECK(closed.outcomes[0].closed);
  CHECK(closed.closed_sessions == std::vector<SessionId>{alice});
  std::vector<std::string> gone;
  for (auto& event : closed.events) {
    CHECK(event.type == NodeEvent::Type::deleted);
    gone.emplace_back(event.path);
  }
  CHECK(gone == std::vector<std::string>{"/a/1", deep, "/b/1"});
  CHECK(children("/a") == std::vector<std::string>{"bobs"});
  CHECK(get("/a").stat.pzxid == closed.last);
  CHECK(tree.view()->ephemeral_count() == 1);
  CHECK_FALSE(tree.view()->session(alice));
  CHECK(tree.view()->session(bob));

  SECTION("a second end of the same session changes nothing") {
    const auto again = tree.apply({close_session_txn(head(alice))});
    CHECK(again.outcomes[0].closed);
    CHECK(again.closed_sessions.empty());
    CHECK(again.events.empty());
  }
}

TEST_CASE_METHOD(TreeFixture, "an ephemeral that is made and ended in one batch leaves nothing") {
  const auto digest = tree.view()->digest();
  const Head last{.zxid = z(3), .session = alice};
  auto done = tree.apply(
      {open_session_txn({.zxid = z(1), .session = alice}),
       change_txn({.zxid = z(2), .session = alice}, Create{.path = "/e", .kind = NodeKind::ephemeral, .owner = alice}),
       close_session_txn(last)});
  CHECK(done.events.size() == 2);
  CHECK_FALSE(tree.view()->get("/e"));
  CHECK(tree.view()->ephemeral_count() == 0);
  CHECK(tree.view()->digest() != digest);  // the root's counters moved
}

TEST_CASE_METHOD(TreeFixture, "a multi is one transaction with a result for each operation") {
  auto done = tree.apply({multi_txn(head(), {Create{.path = "/m"}, Create{.path = "/m/x", .data = "1"}, Check{"/m"},
                                             SetData{"/m/x", "22", 1}, Delete{"/m/x"}})});
  const Outcome& outcome = done.outcomes[0];
  CHECK(outcome.multi);
  REQUIRE(outcome.results.size() == 5);
  CHECK(outcome.results[1].path == "/m/x");
  CHECK(outcome.results[1].stat.data_length == 1);
  CHECK(outcome.results[3].stat.data_length == 2);
  CHECK(done.events.size() == 4);
  CHECK(get("/m").stat.cversion == 2);
  CHECK(get("/m").stat.pzxid == z(1));
  CHECK(children("/m").empty());
}

TEST_CASE_METHOD(TreeFixture, "a refusal is a transaction that changes nothing") {
  auto before = tree.view();
  auto done = tree.apply({refused_txn(head(alice), Error::node_exists)});
  CHECK(done.outcomes[0].error == Error::node_exists);
  CHECK(done.outcomes[0].results.empty());
  CHECK_FALSE(done.outcomes[0].multi);
  CHECK(tree.applied() == z(1));
  CHECK(tree.view()->digest() == before->digest());

  const auto refused = tree.apply({refused_txn(head(alice), Error::no_node, 4, 1)});
  CHECK(refused.outcomes[0].multi);
  CHECK(refused.outcomes[0].error == Error::ok);
  std::vector<Error> errors;
  for (auto& result : refused.outcomes[0].results) errors.push_back(result.error);
  CHECK(errors ==
        std::vector<Error>{Error::ok, Error::no_node, Error::runtime_inconsistency, Error::runtime_inconsistency});
}

TEST_CASE_METHOD(TreeFixture, "answers are kept until the client has them, the last one always") {
  tree.apply({open_session_txn(head(alice))});
  auto numbered = [&](std::uint64_t number, std::uint64_t answered) {
    Head h = head(alice);
    h.number = number;
    h.numbered = true;
    h.answered = answered;
    return h;
  };
  CHECK(tree.view()->last_number(alice) == 0);
  tree.apply({change_txn(numbered(1, 0), Create{.path = "/a", .data = "xyz"}),
              refused_txn(numbered(2, 0), Error::bad_version),
              multi_txn(numbered(3, 0), {Create{.path = "/b"}, Delete{"/b"}})});
  auto view = tree.view();
  CHECK(view->last_number(alice) == 3);
  CHECK(view->last_number(bob) == 0);
  const auto first = view->answer(alice, 1);
  REQUIRE(first);
  CHECK(first->session == alice);
  CHECK(first->number == 1);
  CHECK(first->zxid == z(2));
  CHECK(first->results[0].path == "/a");
  CHECK(first->results[0].stat == get("/a").stat);
  CHECK(view->answer(alice, 2)->error == Error::bad_version);
  CHECK(view->answer(alice, 3)->multi);
  CHECK(view->answer(alice, 3)->results.size() == 2);

  tree.apply({change_txn(numbered(4, 2), SetData{"/a", "", 1})});
  CHECK_FALSE(tree.view()->answer(alice, 1));
  CHECK_FALSE(tree.view()->answer(alice, 2));
  CHECK(tree.view()->answer(alice, 3));
  tree.apply({change_txn(numbered(5, 99), SetData{"/a", "", 2})});
  CHECK_FALSE(tree.view()->answer(alice, 4));
  CHECK(tree.view()->answer(alice, 5));
  CHECK(tree.view()->last_number(alice) == 5);
  CHECK(view->answer(alice, 1));  // in the view of before

  tree.apply({close_session_txn(numbered(6, 5))});
  CHECK(tree.view()->last_number(alice) == 0);
  CHECK(tree.view()->raw().entries(answers_table) == 0);
  tree.apply({refused_txn(numbered(7, 0), Error::session_expired)});
  CHECK(tree.view()->raw().entries(answers_table) == 0);
}

TEST_CASE_METHOD(TreeFixture,
                 "answers go when the client has them, whatever numbers it gives and however many go at once") {
  tree.apply({open_session_txn(head(alice))});
  const auto answer = [&](std::uint64_t number, std::uint64_t answered) {
    Head h = head(alice);
    h.number = number;
    h.numbered = true;
    h.answered = answered;
    tree.apply({refused_txn(h, Error::no_node)});
  };
  const auto kept = [&] {
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t number = 1; number <= 400; ++number) {
      if (tree.view()->answer(alice, number)) numbers.push_back(number);
    }
    return numbers;
  };
  const std::uint64_t far = 1ull << 40;
  for (std::uint64_t number = 1; number <= 200; ++number) answer(number, 0);
  answer(201, 190);
  CHECK(kept() == std::vector<std::uint64_t>{191, 192, 193, 194, 195, 196, 197, 198, 199, 200, 201});
  answer(300, 199);  // a few
  CHECK(kept() == std::vector<std::uint64_t>{200, 201, 300});
  answer(far, 300);  // many that are not there
  CHECK(kept().empty());
  CHECK(tree.view()->raw().entries(answers_table) == 1);
  answer(far + 1, far - 1);
  CHECK(tree.view()->answer(alice, far));
  answer(far + 2, far + 1);
  CHECK(tree.view()->raw().entries(answers_table) == 1);
  CHECK(tree.view()->last_number(alice) == far + 2);
}

TEST_CASE_METHOD(TreeFixture, "the founding transaction names the ensemble") {
  CHECK(tree.view()->ensemble_id().empty());
  tree.apply({found_txn(head(), std::string(16, 'e'), std::string(32, 'k'))});
  CHECK(tree.view()->ensemble_id() == std::string(16, 'e'));
  CHECK(tree.view()->session_key() == std::string(32, 'k'));
}

TEST_CASE_METHOD(TreeFixture, "paths and names may be longer than a key") {
  const std::string long_name(3000, 'n');
  std::string path;
  for (int depth = 0; depth < 40; ++depth) {
    path += "/" + std::to_string(depth) + std::string(depth % 3 == 0 ? 300 : 20, 'p');
    change(Create{.path = path, .data = std::to_string(depth)});
  }
  change(Create{.path = path + "/" + long_name, .data = "leaf"});
  CHECK(get(path + "/" + long_name).data == "leaf");
  CHECK(children(path) == std::vector<std::string>{long_name});
  CHECK(get(path).stat.num_children == 1);
  CHECK_FALSE(tree.view()->get(path + "/" + long_name + "n"));
  change(SetData{path + "/" + long_name, "leaf 2", 1});
  CHECK(children(path) == std::vector<std::string>{long_name});
  change(Delete{path + "/" + long_name});
  CHECK(children(path).empty());
}

TEST_CASE_METHOD(TreeFixture, "children are listed in byte order, also where long names begin alike") {
  change(Create{.path = "/p"});
  change(Create{.path = "/p0"});  // not a child of /p
  std::set<std::string> names;
  const std::string head_(name_head, 'x');
  for (const char* tail : {"", "a", "b", "m", "z", "\xc3\xa4"}) {
    for (std::size_t size : {0, 1, 32, 33, 34, 100, 800}) {
      for (const char* end : {"", "!", "~"}) names.insert(head_ + tail + std::string(size, 'k') + end);
    }
  }
  for (const char* name : {"a", "b", "xa", "z", "!"}) names.insert(name);
  for (std::size_t size : {220, 221, 222, 223, 255, 256}) names.insert(std::string(size, 'q'));
  std::vector<std::string> shuffled(names.rbegin(), names.rend());
  for (std::size_t i = 0; i < shuffled.size(); ++i) std::swap(shuffled[i], shuffled[i * 7919 % shuffled.size()]);
  for (auto& name : shuffled) change(Create{.path = "/p/" + name});

  CHECK(children("/p") == std::vector<std::string>(names.begin(), names.end()));
  names.insert(head_ + "kkkk not there " + std::string(300, '-'));  // a page may end at what was deleted since
  for (auto& after : names) {
    std::vector<std::string> expected(names.upper_bound(after), names.end());
    std::erase_if(expected, [](auto& name) { return name.find("not there") != name.npos; });
    REQUIRE(children("/p", after) == expected);
  }
  int count = 0;
  tree.view()->children("/p", "", [&](std::string_view) { return ++count < 5; });
  CHECK(count == 5);
  CHECK(children("/p0").empty());
  CHECK(children("/not there").empty());
}

TEST_CASE("a megabyte of data, and more") {
  RealMachine machine;
  auto disk = machine.disk();
  Tree tree(disk->open("state", {.tables = Tree::tables(), .durable = false, .map_size = test_map_size}));
  const std::string large(1 << 20, 'd'), larger(5 << 20, 'e');
  tree.apply({create_txn(z(1), "/large", large), create_txn(z(2), "/large/child"),
              set_data_txn(z(3), "/large/child", larger)});
  auto view = tree.view();
  CHECK(view->get("/large")->data == large);
  CHECK(view->get("/large/child")->data == larger);
  CHECK(view->get("/large")->stat.num_children == 1);
  tree.apply({create_txn(z(4), "/large/other")});
  CHECK(tree.view()->get("/large")->data == large);
}

TEST_CASE("the tree shows the configuration when it decides alone, and carries the steps before") {
  MemoryMachine machine;
  auto disk = machine.disk();
  Tree tree(disk->open("state", {.tables = Tree::tables(), .durable = false}));
  CHECK(tree.view()->configuration().empty());
  CHECK(tree.view()->get("/zookeeper/config")->acl() == AclList{{perm::read, "world", "anyone"}});
  const SessionId session{7};
  const auto joint = reconfigure_txn({.zxid = z(2), .session = session, .number = 5, .numbered = true}, "from", "to");
  const auto prepared = tree.apply({open_session_txn({.zxid = z(1), .session = session}), joint});
  CHECK(tree.view()->configuration() == joint.txn);
  CHECK(tree.view()->get("/zookeeper/config")->data.empty());
  CHECK(prepared.outcomes.back().session == SessionId{});
  CHECK_FALSE(tree.view()->answer(session, 5));  // the activation answers
  const auto active = activate_txn({.zxid = z(3), .time = 9, .session = session, .number = 5, .numbered = true}, "to");
  const auto applied = tree.apply({active});
  CHECK(tree.view()->configuration() == active.txn);
  const auto node = tree.view()->get("/zookeeper/config");
  CHECK(node->data == "to");
  CHECK(node->stat.mzxid == z(3));
  CHECK(node->stat.version == -1);
  REQUIRE(applied.outcomes.size() == 1);
  CHECK(applied.outcomes.front().results.front().path == "to");
  CHECK(applied.events.front().path == "/zookeeper/config");
  CHECK(tree.view()->answer(session, 5)->results.front().path == "to");
}

TEST_CASE("an ensemble that is made anew has another id, and all else that it had") {
  MemoryMachine machine;
  auto disk = machine.disk();
  Tree tree(disk->open("state", {.tables = Tree::tables(), .durable = false}));
  const auto refound = refound_txn({.zxid = z(3)}, "the other one's.", "members");
  tree.apply({found_txn({.zxid = z(1)}, "an ensemble's id", std::string(32, 'k')), create_txn(z(2), "/a"), refound});
  const auto view = tree.view();
  CHECK(view->ensemble_id() == "the other one's.");
  CHECK(view->configuration() == refound.txn);
  CHECK(view->get("/zookeeper/config")->data == "members");
  CHECK(view->get("/a"));
}

TEST_CASE("an unknown format and unreadable transactions are told") {
  MemoryMachine machine;
  auto disk = machine.disk();
  const KvOptions options{.tables = Tree::tables(), .durable = false};
  {
    Tree tree(disk->open("state", options));
    CHECK_THROWS_WITH(tree.apply({{z(1), Bytes::copy("gibberish, sixteen bytes")}}), Catch::Contains("cannot be read"));
    CHECK(tree.applied() == Zxid{0});
    tree.apply({create_txn(z(1), "/a")});  // the failed batch left nothing behind
  }
  auto kv = disk->open("state", options);
  auto writer = kv->write();
  SECTION("newer format") {
    writer->put(meta_table, format_row, std::string("\3\0\0\0\0\0\0\0", 8));
    writer->commit();
    CHECK_THROWS_WITH(Tree(disk->open("state", options)), Catch::Contains("newer version"));
  }
  SECTION("no applied zxid") {
    writer->erase(meta_table, applied_row);
    writer->commit();
    CHECK_THROWS_WITH(Tree(disk->open("state", options)), Catch::Contains("damaged"));
  }
  SECTION("a node cut short") {
    writer->put(nodes_table, node_key("/a"), "short");
    writer->commit();
    Tree tree(disk->open("state", options));
    CHECK_THROWS_WITH(tree.view()->get("/a"),
                      Catch::Contains("damaged") && Catch::Contains("remove the directory state/"));
  }
}

}  // namespace troupe::store::testing
