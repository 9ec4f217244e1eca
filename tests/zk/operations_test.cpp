// Every operation of ZooKeeper's wire protocol: what it takes, what it answers, its errors. The bytes are
// those of ZooKeeper 3.8.
#include "tests/catch.hpp"
#include "tests/zk/wire_client.hpp"

using namespace troupe;
using namespace troupe::testing;
using zk::Op;

namespace {

constexpr std::int32_t marshalling = -5, unimplemented = -6, bad_arguments = -8, no_node = -101, no_auth = -102,
                       bad_version = -103, node_exists = -110, not_empty = -111, invalid_acl = -114, auth_failed = -115,
                       no_watcher = -121, reconfig_disabled = -123;

struct Stat {
  std::int64_t czxid, mzxid, ctime, mtime;
  std::int32_t version, cversion, aversion;
  std::int64_t owner;
  std::int32_t data_length, children;
  std::int64_t pzxid;
};

Stat read_stat(zk::Reader& in) {
  Stat stat{};
  stat.czxid = in.i64();
  stat.mzxid = in.i64();
  stat.ctime = in.i64();
  stat.mtime = in.i64();
  stat.version = in.i32();
  stat.cversion = in.i32();
  stat.aversion = in.i32();
  stat.owner = in.i64();
  stat.data_length = in.i32();
  stat.children = in.i32();
  stat.pzxid = in.i64();
  REQUIRE(!in.failed());
  return stat;
}

std::vector<std::string> read_names(zk::Reader& in) {
  std::vector<std::string> names;
  in.vector([&] { names.emplace_back(in.string()); });
  REQUIRE(!in.failed());
  return names;
}

using Names = std::vector<std::string>;

struct Session {
  WireServer server;
  WireClient client{server};
  Session() { client.connect(); }

  Answer call(Op op, const Record& body = {}) { return client.call(op, body); }
  std::int32_t error(Op op, const Record& body = {}) { return call(op, body).error; }
  Answer create(std::string_view path, std::int32_t flags = 0, Op op = Op::create) {
    return call(op, Record().create(path, "data", flags));
  }
  Stat stat(std::string_view path) {
    const Answer answer = call(Op::exists, Record().buffer(path).boolean(false));
    REQUIRE(answer.error == 0);
    auto in = answer.reader();
    return read_stat(in);
  }
  Answer watch(Op op, std::string_view path) { return call(op, Record().buffer(path).boolean(true)); }
};

Record at(std::string_view path, std::int32_t version = -1) { return Record().buffer(path).i32(version); }
Record reading(std::string_view path) { return Record().buffer(path).boolean(false); }

/// Type and path of an event.
std::pair<std::int32_t, std::string> read_event(const Answer& answer) {
  REQUIRE(answer.xid == -1);
  auto in = answer.reader();
  const auto type = in.i32();
  CHECK(in.i32() == 3);
  return {type, std::string(in.string())};
}

}  // namespace

TEST_CASE("create answers the path, create2 and its relatives the stat too") {
  Session s;
  Answer answer = s.create("/a");
  CHECK(answer.body == Record().buffer("/a").bytes());
  for (const auto& [op, flags] : {std::pair{Op::create2, 0}, {Op::create_container, 4}}) {
    const std::string path = "/a/" + std::to_string(static_cast<int>(op));
    answer = s.create(path, flags, op);
    REQUIRE(answer.error == 0);
    auto in = answer.reader();
    CHECK(in.string() == path);
    const Stat stat = read_stat(in);
    CHECK(in.at_end());
    CHECK(stat.czxid == answer.zxid);
    CHECK(stat.pzxid == answer.zxid);
    CHECK(stat.data_length == 4);
    CHECK(stat.owner == 0);
  }
  answer = s.call(Op::create_ttl, Record().create("/a/t", "data", 5).i64(1000));
  CHECK(answer.error == 0);
  CHECK(answer.body.size() == 4 + 4 + 68);
}

TEST_CASE("The flags say what kind of znode it is") {
  Session s;
  s.create("/a");
  CHECK(s.create("/a/n", 2).body == Record().buffer("/a/n0000000000").bytes());
  CHECK(s.create("/a/n", 3).body == Record().buffer("/a/n0000000001").bytes());
  CHECK(s.create("/a/", 2).body == Record().buffer("/a/0000000002").bytes());
  CHECK(s.stat("/a/n0000000000").owner == 0);
  CHECK(s.stat("/a/n0000000001").owner != 0);
  CHECK(s.create("/a/e", 1).error == 0);
  CHECK(s.create("/a/c", 4).error == 0);
  CHECK(s.create("/a/e/child").error == -108);
  CHECK(s.create("/a/s", 2, Op::create_container).body.substr(0, 19) ==
        Record().buffer("/a/s0000000005").bytes() + '\0');
  for (const std::int32_t flags : {-1, 5, 6, 7, 1000}) CHECK(s.create("/a/x", flags).error == bad_arguments);
}

TEST_CASE("A time to live is a number of milliseconds below 2^40, for the kinds that have one") {
  Session s;
  const auto create = [&](std::int32_t flags, std::int64_t ttl) {
    return s.error(Op::create_ttl, Record().create("/t" + std::to_string(ttl), "", flags).i64(ttl));
  };
  CHECK(create(5, 1) == 0);
  CHECK(create(5, (1ll << 40) - 1) == 0);
  CHECK(create(5, 0) == bad_arguments);
  CHECK(create(5, -1) == bad_arguments);
  CHECK(create(5, 1ll << 40) == bad_arguments);
  CHECK(create(0, 1) == bad_arguments);
  CHECK(create(4, 1ll << 40) == bad_arguments);
  CHECK(s.call(Op::create_ttl, Record().create("/s", "", 6).i64(5)).body.substr(4, 12) == "/s0000000002");
}

TEST_CASE("create checks in ZooKeeper's order") {
  Session s;
  s.create("/a");
  const auto with_acl = [&](std::string_view path, const Record& acl) {
    return s.error(Op::create, Record().buffer(path).buffer("").raw(acl.bytes()).i32(0));
  };
  const Record empty = Record().i32(0), null = Record().null(), open = Record().open_acl();
  CHECK(with_acl("/a/b", empty) == invalid_acl);
  CHECK(with_acl("/a/b", null) == invalid_acl);
  CHECK(with_acl("/missing/b", empty) == invalid_acl);
  CHECK(with_acl("/missing/.", open) == no_node);
  CHECK(with_acl("/a/.", open) == bad_arguments);
  CHECK(with_acl("/a//b", open) == no_node);
  CHECK(with_acl("/a/", open) == bad_arguments);
  CHECK(with_acl("/a", open) == node_exists);
  CHECK(with_acl("/", open) == node_exists);
  CHECK(with_acl("", open) == bad_arguments);
  CHECK(with_acl("a", open) == bad_arguments);
  CHECK(with_acl("/a/\xff", open) == bad_arguments);
  CHECK(with_acl("/zookeeper/config/x", open) == no_auth);
  CHECK(s.error(Op::create, Record().null().buffer("").open_acl().i32(0)) == marshalling);
}

TEST_CASE("delete, setData and setACL check path, permission, version in their order") {
  Session s;
  s.create("/a");
  s.create("/a/b");
  CHECK(s.error(Op::remove, at("/")) == bad_arguments);
  CHECK(s.error(Op::remove, at("/zookeeper/quota")) == bad_arguments);
  CHECK(s.error(Op::remove, at("/missing/a")) == no_node);
  CHECK(s.error(Op::remove, at("/a/")) == no_node);
  CHECK(s.error(Op::remove, at("/a", 3)) == bad_version);
  CHECK(s.error(Op::remove, at("/a")) == not_empty);
  CHECK(s.error(Op::remove, Record().null().i32(-1)) == marshalling);
  CHECK(s.call(Op::remove, at("/a/b", 0)).body.empty());

  CHECK(s.error(Op::set_data, Record().buffer("/a/").buffer("").i32(-1)) == bad_arguments);
  CHECK(s.error(Op::set_data, Record().null().buffer("").i32(-1)) == bad_arguments);
  CHECK(s.error(Op::set_data, Record().buffer("/b").buffer("").i32(-1)) == no_node);
  CHECK(s.error(Op::set_data, Record().buffer("/a").buffer("").i32(7)) == bad_version);
  Answer answer = s.call(Op::set_data, Record().buffer("/a").buffer("four").i32(0));
  auto in = answer.reader();
  const Stat stat = read_stat(in);
  CHECK(stat.version == 1);
  CHECK(stat.mzxid == answer.zxid);

  CHECK(s.error(Op::set_acl, Record().buffer("/b").i32(0).i32(-1)) == invalid_acl);
  CHECK(s.error(Op::set_acl, Record().buffer("/b").open_acl().i32(-1)) == no_node);
  CHECK(s.error(Op::set_acl, Record().buffer("/a").open_acl().i32(7)) == bad_version);
  answer = s.call(Op::set_acl, Record().buffer("/a").open_acl().i32(0));
  in = answer.reader();
  CHECK(read_stat(in).aversion == 1);
}

TEST_CASE("A fresh tree shows the numbers of ZooKeeper's") {
  Session s;
  CHECK(s.stat("/").cversion == -1);
  CHECK(s.stat("/").children == 1);
  CHECK(s.stat("/zookeeper").cversion == -2);
  CHECK(s.stat("/zookeeper/config").aversion == -1);
  CHECK(s.stat("/zookeeper/config").pzxid == 0);
  Answer answer = s.call(Op::get_acl, Record().buffer("/zookeeper/config"));
  CHECK(answer.body.substr(0, 27) == Record().i32(1).i32(1).buffer("world").buffer("anyone").bytes());
  CHECK(s.call(Op::get_data, reading("/")).body.substr(0, 4) == Record().i32(0).bytes());
  CHECK(s.call(Op::get_all_children_number, Record().buffer("/")).body == Record().i32(3).bytes());
}

TEST_CASE("Reads look up what they are given: a path that cannot be is not there, the empty one is the root") {
  Session s;
  s.create("/a");
  for (const Op op : {Op::exists, Op::get_data, Op::get_children, Op::get_children2}) {
    for (const char* path : {"/missing", "abc", "/a/", "/a//b", "/."}) CHECK(s.error(op, reading(path)) == no_node);
    CHECK(s.call(op, reading("")).body == s.call(op, reading("/")).body);
    CHECK(s.error(op, Record().null().boolean(false)) == marshalling);
    CHECK(s.error(op, Record().buffer("/a")) == marshalling);
    CHECK(s.error(op) == marshalling);
    CHECK(s.error(op, Record().buffer("/a").raw("\x7f")) == 0);
  }
  CHECK(s.error(Op::get_acl, Record().buffer("abc")) == no_node);
  CHECK(s.error(Op::get_all_children_number, Record().buffer("abc")) == no_node);
}

TEST_CASE("No data and empty data are told apart") {
  Session s;
  s.call(Op::create, Record().buffer("/null").null().open_acl().i32(0));
  s.call(Op::create, Record().buffer("/empty").buffer("").open_acl().i32(0));
  CHECK(s.call(Op::get_data, reading("/null")).body.substr(0, 4) == Record().null().bytes());
  CHECK(s.call(Op::get_data, reading("/empty")).body.substr(0, 4) == Record().i32(0).bytes());
}

TEST_CASE("getChildren names the children, getChildren2 shows the parent's stat too") {
  Session s;
  s.create("/a");
  s.create("/a/x");
  s.create("/a/y");
  Answer answer = s.call(Op::get_children, reading("/a"));
  auto in = answer.reader();
  CHECK(read_names(in) == Names{"x", "y"});
  CHECK(in.at_end());
  answer = s.call(Op::get_children2, reading("/a"));
  in = answer.reader();
  CHECK(read_names(in) == Names{"x", "y"});
  const Stat stat = read_stat(in);
  CHECK(stat.children == 2);
  CHECK(stat.cversion == 2);
}

TEST_CASE("Who a client is decides what it may do") {
  Session s;
  WireClient stranger(s.server);
  stranger.connect();
  const Record auth = Record().i32(0).buffer("digest").buffer("bob:secret");
  Answer answer = s.call(Op::auth, auth);
  CHECK(answer.error == 0);
  CHECK(answer.zxid == 0);
  CHECK(s.error(Op::create, Record()
                                .buffer("/mine")
                                .buffer("d")
                                .i32(2)
                                .i32(31)
                                .buffer("auth")
                                .buffer("")
                                .i32(1)
                                .buffer("ip")
                                .buffer("10.0.0.0/8")
                                .i32(0)) == 0);
  CHECK(stranger.call(Op::get_data, reading("/mine")).error == no_auth);
  CHECK(stranger.call(Op::get_children, reading("/mine")).error == no_auth);
  CHECK(stranger.call(Op::get_acl, Record().buffer("/mine")).error == no_auth);
  CHECK(stranger.call(Op::exists, reading("/mine")).error == 0);  // that it is there is no secret
  CHECK(stranger.call(Op::set_data, Record().buffer("/mine").buffer("").i32(-1)).error == no_auth);
  CHECK(stranger.call(Op::create, Record().create("/mine/x")).error == no_auth);
  answer = s.call(Op::get_acl, Record().buffer("/mine"));
  auto in = answer.reader();
  CHECK(in.i32() == 2);
  CHECK(in.i32() == 31);
  CHECK(in.string() == "digest");
  CHECK(in.string() == digest_id("bob:secret"));

  WireClient near(s.server, 1 << 20, "10.1.2.3");
  near.connect();
  CHECK(near.call(Op::get_data, reading("/mine")).error == 0);
  answer = near.call(Op::get_acl, Record().buffer("/mine"));
  in = answer.reader();
  in.i32();
  in.i32();
  in.string();
  CHECK(in.string() == "bob:x");  // not to those who may not change it

  answer = s.call(Op::who_am_i);
  CHECK(answer.body == Record().i32(2).buffer("digest").buffer("bob").buffer("ip").buffer("127.0.0.1").bytes());
}

TEST_CASE("A digest may be any bytes, what proves nothing is answered so, and ends the connection") {
  Session s;
  CHECK(s.error(Op::auth, Record().i32(0).buffer("digest").buffer("")) == 0);
  CHECK(s.error(Op::auth, Record().i32(0).buffer("digest").buffer("nocolon")) == 0);
  CHECK(s.error(Op::auth, Record().i32(0).buffer("ip").buffer("anything")) == 0);
  CHECK(!s.client.ended());
  const std::vector<Record> failing{Record().i32(0).buffer("world").buffer("anyone"),
                                    Record().i32(0).buffer("kerberos").buffer("bob"),
                                    Record().i32(0).buffer("digest").null(), Record().i32(0).null().buffer("x")};
  const Answer answer = s.call(Op::auth, failing[GENERATE(0u, 1u, 2u, 3u)]);
  CHECK(answer.error == auth_failed);
  CHECK(answer.zxid == 0);
  CHECK(s.client.ended());
}

TEST_CASE("sync answers with its path, whatever it is") {
  Session s;
  for (const char* path : {"/", "/missing", "", "abc"}) {
    CHECK(s.call(Op::sync, Record().buffer(path)).body == Record().buffer(path).bytes());
  }
  CHECK(s.call(Op::sync, Record().null()).body == Record().null().bytes());
  CHECK(s.error(Op::sync) == marshalling);
}

TEST_CASE("getEphemerals lists the session's own, by a prefix") {
  Session s;
  WireClient other(s.server);
  other.connect();
  s.create("/a");
  s.create("/a/1", 1);
  s.create("/b1", 1);
  other.call(Op::create, Record().create("/a/2", "", 1));
  const auto names = [&](const Record& prefix) {
    const Answer answer = s.call(Op::get_ephemerals, prefix);
    auto in = answer.reader();
    return read_names(in);
  };
  CHECK(names(Record().buffer("/")) == Names{"/a/1", "/b1"});
  CHECK(names(Record().buffer("")) == Names{"/a/1", "/b1"});
  CHECK(names(Record().null()) == Names{"/a/1", "/b1"});
  CHECK(names(Record().buffer("  ")) == Names{"/a/1", "/b1"});
  CHECK(names(Record().buffer("/b")) == Names{"/b1"});
  CHECK(names(Record().buffer("/a/2")) == Names{});
}

TEST_CASE("A multi answers for each of its operations") {
  Session s;
  const Answer answer = s.call(Op::multi, Record()
                                              .multi_header(1)
                                              .create("/m")
                                              .multi_header(15)
                                              .create("/m/2")
                                              .multi_header(19)
                                              .create("/m/c", "", 4)
                                              .multi_header(21)
                                              .create("/m/t", "", 5)
                                              .i64(1000)
                                              .multi_header(5)
                                              .buffer("/m")
                                              .buffer("x")
                                              .i32(0)
                                              .multi_header(13)
                                              .buffer("/m")
                                              .i32(1)
                                              .multi_header(2)
                                              .buffer("/m/2")
                                              .i32(-1)
                                              .end_of_multi());
  REQUIRE(answer.error == 0);
  auto in = answer.reader();
  const auto header = [&](std::int32_t type) {
    CHECK(in.i32() == type);
    CHECK(!in.boolean());
    CHECK(in.i32() == 0);
  };
  header(1);
  CHECK(in.string() == "/m");
  header(1);
  CHECK(in.string() == "/m/2");
  header(15);  // containers and znodes that live for a time tell their stat
  CHECK(in.string() == "/m/c");
  CHECK(read_stat(in).czxid == answer.zxid);
  header(15);
  CHECK(in.string() == "/m/t");
  read_stat(in);
  header(5);
  CHECK(read_stat(in).version == 1);
  header(13);
  header(2);
  CHECK(answer.body.ends_with(Record().end_of_multi().bytes()));
}

TEST_CASE("A multi that fails says at which operation, and nothing happens") {
  Session s;
  const Answer answer = s.call(Op::multi, Record()
                                              .multi_header(1)
                                              .create("/m")
                                              .multi_header(2)
                                              .buffer("/missing")
                                              .i32(-1)
                                              .multi_header(1)
                                              .create("/n")
                                              .end_of_multi());
  CHECK(answer.error == 0);
  CHECK(answer.body == Record()
                           .multi_header(-1, false, 0)
                           .i32(0)
                           .multi_header(-1, false, no_node)
                           .i32(no_node)
                           .multi_header(-1, false, -2)
                           .i32(-2)
                           .end_of_multi()
                           .bytes());
  CHECK(s.error(Op::exists, reading("/m")) == no_node);
}

TEST_CASE("A multi of nothing is nothing, one of what no multi takes is malformed") {
  Session s;
  CHECK(s.call(Op::multi, Record().end_of_multi()).body == Record().end_of_multi().bytes());
  CHECK(s.error(Op::multi) == marshalling);
  CHECK(s.error(Op::multi, Record().multi_header(2).buffer("/a").i32(-1)) == marshalling);
  for (const std::int32_t op : {-1, 0, 3, 4, 7, 8, 11, 14, 20, 99}) {
    CHECK(s.error(Op::multi, Record().multi_header(op).buffer("/a").i32(-1).i32(0).end_of_multi()) == marshalling);
  }
}

TEST_CASE("A multiRead answers or fails for each by itself") {
  Session s;
  s.create("/a");
  s.create("/a/b");
  const auto part = [](Op op, std::string_view path) {
    return Record().multi_header(static_cast<std::int32_t>(op)).buffer(path).boolean(true).bytes();
  };
  const Answer answer = s.call(Op::multi_read, Record()
                                                   .raw(part(Op::get_data, "/a"))
                                                   .raw(part(Op::get_children, "/a"))
                                                   .raw(part(Op::get_data, "/missing"))
                                                   .raw(part(Op::get_children, "bad"))
                                                   .raw(part(Op::get_children, "/"))
                                                   .end_of_multi());
  REQUIRE(answer.error == 0);
  auto in = answer.reader();
  const auto header = [&](std::int32_t type, std::int32_t error) {
    CHECK(in.i32() == type);
    CHECK(!in.boolean());
    CHECK(in.i32() == error);
  };
  header(4, 0);
  CHECK(in.buffer() == "data");
  read_stat(in);
  header(8, 0);
  CHECK(read_names(in) == Names{"b"});
  for (int i = 0; i < 2; ++i) {
    header(-1, no_node);
    CHECK(in.i32() == no_node);
  }
  header(8, 0);
  CHECK(read_names(in) == Names{"a", "zookeeper"});
  CHECK(answer.body.ends_with(Record().end_of_multi().bytes()));
  CHECK(s.server.gateway.watches().size() == 0);
  CHECK(s.error(Op::multi_read, Record().raw(part(Op::exists, "/a")).end_of_multi()) == marshalling);

  // Behind a write it waits for it, and what it asked for is kept.
  s.client.send(request_frame(50, Op::create, Record().create("/later")) +
                request_frame(51, Op::multi_read, Record().raw(part(Op::get_data, "/later")).end_of_multi()));
  s.client.run();
  const auto answers = s.client.answers();
  REQUIRE(answers.size() == 2);
  CHECK(answers[1].body.substr(9, 8) == Record().buffer("data").bytes());
}

TEST_CASE("One-shot watches fire once, each for what it watches") {
  Session s;
  WireClient other(s.server);
  other.connect();
  s.watch(Op::exists, "/a");
  other.call(Op::create, Record().create("/a"));
  CHECK(read_event(s.client.answers().at(0)) == std::pair(1, std::string("/a")));
  s.watch(Op::get_data, "/a");
  s.watch(Op::get_children, "/a");
  other.call(Op::create, Record().create("/a/b"));
  other.call(Op::set_data, Record().buffer("/a").buffer("").i32(-1));
  other.call(Op::set_data, Record().buffer("/a").buffer("").i32(-1));
  auto answers = s.client.answers();
  REQUIRE(answers.size() == 2);
  CHECK(read_event(answers[0]) == std::pair(4, std::string("/a")));
  CHECK(read_event(answers[1]) == std::pair(3, std::string("/a")));
  s.watch(Op::get_data, "/a/b");
  s.watch(Op::get_children2, "/a/b");
  other.call(Op::remove, at("/a/b"));
  answers = s.client.answers();
  REQUIRE(answers.size() == 1);  // both watches, one event
  CHECK(read_event(answers[0]) == std::pair(2, std::string("/a/b")));
}

TEST_CASE("addWatch sets watches that stay, on any path, they are found, and removed by their kind") {
  Session s;
  WireClient other(s.server);
  other.connect();
  const Answer added = s.call(Op::add_watch, Record().buffer("/p").i32(0));
  CHECK(added.error == 0);
  CHECK(added.body == Record().i32(0).bytes());
  CHECK(s.error(Op::add_watch, Record().buffer("/r").i32(1)) == 0);
  CHECK(s.error(Op::add_watch, Record().buffer("no path").i32(0)) == 0);
  for (const std::int32_t mode : {-1, 2}) CHECK(s.error(Op::add_watch, Record().buffer("/p").i32(mode)) == marshalling);
  CHECK(s.error(Op::add_watch, Record().buffer("/p")) == marshalling);

  for (const char* path : {"/p", "/p/x", "/r", "/r/x"}) other.call(Op::create, Record().create(path));
  std::vector<std::pair<std::int32_t, std::string>> events;
  for (const auto& answer : s.client.answers()) events.push_back(read_event(answer));
  CHECK(events == std::vector<std::pair<std::int32_t, std::string>>{{1, "/p"}, {4, "/p"}, {1, "/r"}, {1, "/r/x"}});

  for (const std::int32_t type : {1, 2, 3}) CHECK(s.error(Op::check_watches, at("/p", type)) == 0);
  for (const std::int32_t type : {-1, 0, 4, 5, 6}) CHECK(s.error(Op::check_watches, at("/p", type)) == marshalling);
  for (const std::int32_t type : {-1, 0, 4, 5, 6}) CHECK(s.error(Op::remove_watches, at("/p", type)) == marshalling);
  CHECK(s.error(Op::remove_watches, at("/p", 3)) == 0);
  CHECK(s.error(Op::remove_watches, at("/p", 3)) == no_watcher);
  CHECK(s.error(Op::check_watches, at("/p", 3)) == no_watcher);
  for (const char* path : {"/r", "no path"}) CHECK(s.error(Op::remove_watches, at(path, 3)) == 0);
  CHECK(s.server.gateway.watches().size() == 0);
}

TEST_CASE("setWatches tells at once what happened meanwhile, by the znodes as they are now") {
  Session s;
  s.create("/old");
  s.create("/gone");
  const std::int64_t seen = s.create("/parent").zxid;
  s.create("/new");
  s.create("/parent/child");
  s.call(Op::set_data, Record().buffer("/old").buffer("").i32(-1));
  s.call(Op::remove, at("/gone"));
  s.create("/gone");  // and back: a data watch hears of other data
  s.client.send(request_frame(-8, Op::set_watches,
                              Record()
                                  .i64(seen)
                                  .i32(3)
                                  .buffer("/old")
                                  .buffer("/gone")
                                  .buffer("/missing")
                                  .i32(2)
                                  .buffer("/new")
                                  .buffer("/still/missing")
                                  .i32(2)
                                  .buffer("/parent")
                                  .buffer("/old")));
  s.client.run();
  const auto answers = s.client.answers();
  std::vector<std::pair<std::int32_t, std::string>> events;
  for (std::size_t i = 0; i + 1 < answers.size(); ++i) events.push_back(read_event(answers[i]));
  CHECK(events == std::vector<std::pair<std::int32_t, std::string>>{
                      {3, "/old"}, {3, "/gone"}, {2, "/missing"}, {1, "/new"}, {4, "/parent"}});
  CHECK(answers.back().xid == -8);
  CHECK(answers.back().error == 0);
  CHECK(s.server.gateway.watches().size() == 2);
}

TEST_CASE("setWatches tells the same behind a write that is under way") {
  Session s;
  const std::int64_t seen = s.create("/gone").zxid;
  s.call(Op::remove, at("/gone"));
  s.create("/gone");
  s.client.send(request_frame(1, Op::create, Record().create("/a")) +
                request_frame(-8, Op::set_watches, Record().i64(seen).i32(1).buffer("/gone").i32(0).i32(0)));
  s.client.run();
  const auto answers = s.client.answers();
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].error == 0);
  CHECK(read_event(answers[1]) == std::pair(3, std::string("/gone")));
  CHECK(answers[2].error == 0);
}

TEST_CASE("setWatches2 knows the watches that stay, too, where nothing can be, nothing is") {
  Session s;
  const std::int64_t seen = s.create("/a").zxid;
  s.create("/a/b");
  s.client.send(request_frame(
      -8, Op::set_watches2,
      Record().i64(seen).i32(1).buffer("no path").i32(0).i32(0).i32(1).buffer("/zookeeper").i32(1).buffer("/a")));
  s.client.run();
  const auto answers = s.client.answers();
  REQUIRE(answers.size() == 3);
  CHECK(read_event(answers[0]) == std::pair(2, std::string("no path")));
  CHECK(read_event(answers[1]) == std::pair(1, std::string("/a/b")));  // what ZooKeeper would have lost
  CHECK(answers[2].error == 0);
  CHECK(s.server.gateway.watches().size() == 2);
  CHECK(s.error(Op::set_watches2, Record().i64(0).i32(0)) == marshalling);
  CHECK(s.error(Op::set_watches, Record().i64(0).i32(0).i32(-1).i32(0)) == marshalling);  // a null list
}

TEST_CASE("What a server without SASL, without reconfiguration and for its own use only answers") {
  Session s;
  Answer answer = s.call(Op::sasl, Record().buffer("token"));
  CHECK(answer.error == 0);
  CHECK(answer.zxid == 0);
  CHECK(answer.body == Record().null().bytes());
  CHECK(s.error(Op::reconfig, Record().null().null().null().i64(-1)) == reconfig_disabled);
  CHECK(s.error(Op::reconfig) == marshalling);
  CHECK(s.error(Op::delete_container, Record().buffer("/a")) == bad_arguments);
  CHECK(s.error(Op::check, at("/")) == marshalling);  // outside a multi
  CHECK(s.error(Op::exists, reading("/")) == 0);      // and the session goes on
  CHECK(s.call(static_cast<Op>(1000)).error == unimplemented);
}
