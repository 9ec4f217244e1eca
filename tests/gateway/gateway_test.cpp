// What a gateway promises to the clients of one session, rule by rule.
#include "actors/gateway.hpp"

#include "tests/catch.hpp"
#include "tests/gateway/connected.hpp"

using namespace troupe;
using namespace troupe::testing;

TEST_CASE("A new session gets an id with the node in the top byte, a password, and a timeout within bounds") {
  TestNode node;
  Gateway& gateway = node.add_gateway({.min_timeout_ms = 4000, .max_timeout_ms = 40000});
  TestClient low(gateway), high(gateway);
  low.connect(1);
  high.connect(1'000'000);
  CHECK(!low.connected());  // not before the ensemble has agreed
  node.run();
  REQUIRE(low.connected());
  REQUIRE(high.connected());
  CHECK((static_cast<std::uint64_t>(low.accepted->session.value) >> 56) == 1);
  CHECK(low.accepted->session != high.accepted->session);
  CHECK(low.accepted->password != high.accepted->password);
  CHECK(low.accepted->timeout_ms == 4000);
  CHECK(high.accepted->timeout_ms == 40000);
}

TEST_CASE("A read is answered at once, on the caller's stack") {
  Connected c;
  const auto tag = c.client.get("/zookeeper");
  REQUIRE(c.client.reply(tag) != nullptr);
  CHECK(c.client.reply(tag)->error == Error::ok);
  CHECK(c.client.reply(c.client.get("/missing"))->error == Error::no_node);
  CHECK(c.client.reply(c.client.get("no path"))->error == Error::no_node);
}

TEST_CASE("A session's read waits behind its own write and sees it, another session's read does not wait") {
  Connected c;
  TestClient other(c.gateway);
  c.connect(other);
  const auto write = c.client.create("/a", "data");
  const auto read = c.client.get("/a");
  CHECK(c.client.reply(read) == nullptr);
  CHECK(other.reply(other.get("/a"))->error == Error::no_node);
  c.node.run();
  REQUIRE(c.client.reply(read) != nullptr);
  CHECK(c.client.place(write) < c.client.place(read));
  CHECK(c.client.reply(read)->data == "data");
}

TEST_CASE("A write that was submitted behind a read does not show in it") {
  Connected c;
  c.client.create("/a", "0");
  const auto read = c.client.get("/a");
  c.client.set("/a", "1");
  const auto second = c.client.get("/a");
  c.node.run();
  CHECK(c.client.reply(read)->data == "0");
  CHECK(c.client.reply(second)->data == "1");
}

TEST_CASE("Writes without reads between them are under way together") {
  Connected c;
  for (int i = 0; i < 10; ++i) c.client.create("/n" + std::to_string(i));
  const auto before = c.node.proposed();
  c.node.flush(0);
  while (c.node.lead(0)) {
  }
  CHECK(c.node.proposed() == before + 10);
}

TEST_CASE("An event comes before the reply that shows the change, of one's own write too") {
  Connected c;
  c.client.create("/a", "0");
  c.node.run();
  c.client.get("/a", true);
  const auto write = c.client.set("/a", "1");
  const auto read = c.client.get("/a");
  c.node.run();
  const auto events = c.client.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == EventType::data_changed);
  CHECK(events[0].path == "/a");
  CHECK(c.client.said[c.client.place(write) - 1].event);
  CHECK(c.client.reply(read)->data == "1");
}

TEST_CASE("A multi is answered operation by operation, and all of it or nothing takes effect") {
  Connected c;
  const WriteOp good[] = {{.code = OpCode::create, .path = "/m", .data = "x", .acl = TestClient::open_acl()},
                          {.code = OpCode::create, .path = "/m/n", .acl = TestClient::open_acl()}};
  const WriteOp bad[] = {{.code = OpCode::set_data, .path = "/m", .data = "y"},
                         {.code = OpCode::check, .path = "/m", .version = 7},
                         {.code = OpCode::remove, .path = "/m/n"}};
  const auto first = c.client.multi(good);
  const auto second = c.client.multi(bad);
  c.node.run();
  REQUIRE(c.client.reply(first)->results.size() == 2);
  CHECK(c.client.reply(first)->results[1].path == "/m/n");
  REQUIRE(c.client.reply(second)->results.size() == 3);
  CHECK(c.client.reply(second)->results[0].error == Error::ok);
  CHECK(c.client.reply(second)->results[1].error == Error::bad_version);
  CHECK(c.client.reply(second)->results[2].error == Error::runtime_inconsistency);
  CHECK(c.client.reply(c.client.get("/m"))->data == "x");
}

TEST_CASE("Writes that are repeated after a lost connection get their first answers and take effect once") {
  Connected c;
  Gateway& elsewhere = c.node.add_gateway();
  const auto sequential = schema::NodeKind::PERSISTENT_SEQUENTIAL;
  c.client.create("/a");
  c.node.run();
  // Three are on their way when the connection goes; the last of them never leaves the gateway.
  c.client.create("/a/n-", {}, sequential);
  c.client.create("/a/n-", {}, sequential);
  c.node.flush(0);
  c.node.lead(0);
  c.client.drop();

  c.client.resume(elsewhere);
  c.node.run();
  REQUIRE(c.client.connected());
  const WriteOp op{.code = OpCode::create, .path = "/a/n-", .acl = TestClient::open_acl(), .kind = sequential};
  for (std::uint64_t number = 2; number <= 4; ++number) c.client.write(op, number);
  c.client.next_number = 5;
  c.node.run();
  CHECK(c.client.reply(2)->path == "/a/n-0000000000");
  CHECK(c.client.reply(3)->path == "/a/n-0000000001");
  CHECK(c.client.reply(4)->path == "/a/n-0000000002");
  CHECK(c.client.reply(c.client.children("/a"))->names.size() == 3);
}

TEST_CASE("A refusal is repeated as well") {
  Connected c;
  c.client.remove("/missing");
  c.node.run();
  CHECK(c.client.reply(1)->error == Error::no_node);
  c.client.said.clear();
  c.client.resume(c.gateway);
  c.node.run();
  c.client.write({.code = OpCode::remove, .path = "/missing"}, 1);
  CHECK(c.client.reply(1)->error == Error::no_node);
}

TEST_CASE("A session that is taken up waits until the view has reached what its client has seen") {
  Connected c;
  Gateway& behind = c.node.add_gateway();
  c.client.create("/a");
  c.node.flush(0);
  while (c.node.lead(0)) {
  }
  c.node.apply(10);
  while (c.node.deliver_applied(0)) {
  }
  REQUIRE(c.client.reply(1) != nullptr);

  c.client.resume(behind);
  while (c.node.flush(1) || c.node.lead(1) || c.node.deliver_upstream(1)) {
  }
  CHECK(!c.client.connected());
  c.node.deliver_applied(1);
  CHECK(c.client.connected());
  CHECK(c.client.reply(c.client.exists("/a"))->error == Error::ok);
}

TEST_CASE("Nobody takes up a session with a wrong password, or one that is over") {
  Connected c;
  TestClient thief(c.gateway);
  thief.accepted = c.client.accepted;
  thief.accepted->password[3] ^= std::byte{1};
  thief.resume(c.gateway);
  CHECK(thief.closed == Closed::expired);
  CHECK(c.client.connected());

  c.client.close();
  c.node.run();
  CHECK(c.client.reply(1) != nullptr);
  CHECK(c.client.closed == Closed::by_request);
  c.client.resume(c.gateway);
  c.node.run();
  CHECK(c.client.closed == Closed::expired);
}

TEST_CASE("A session that is attached again loses its older connection") {
  Connected c;
  Gateway& elsewhere = c.node.add_gateway();
  TestClient second(c.gateway);
  second.accepted = c.client.accepted;

  SECTION("at the same gateway at once") {
    second.resume(c.gateway);
    CHECK(c.client.closed == Closed::moved);
    c.node.run();
    CHECK(second.connected());
  }
  SECTION("at another with the next write") {
    second.resume(elsewhere);
    c.node.run();
    CHECK(second.connected());
    c.client.create("/a");
    c.node.run();
    CHECK(c.client.closed == Closed::moved);
    CHECK(second.reply(second.exists("/a"))->error == Error::no_node);
  }
  SECTION("which is not taken for a write of the newer one, though both are the first that are not numbered") {
    second.resume(elsewhere);
    c.node.run();
    second.create_unnumbered("/b");
    for (bool busy = true; busy;)
      busy = c.node.flush(1) || c.node.lead(1) || c.node.apply(1) || c.node.deliver_applied(1);
    CHECK(second.reply(second.exists("/b"))->error == Error::ok);
    const auto lost = c.client.create_unnumbered("/a");
    c.node.flush(0);
    while (c.node.deliver_applied(0)) continue;
    CHECK(c.client.reply(lost) == nullptr);
    c.node.run();
    CHECK(c.client.closed == Closed::moved);
  }
}

TEST_CASE("A refusal of what an older connection asked for does not end the session's next one") {
  TestNode node;
  Gateway& first = node.add_gateway();
  Gateway& second = node.add_gateway();
  TestClient client(first);
  client.connect();
  node.run();
  client.create("/a");
  node.flush(0);
  client.resume(second);
  while (node.lead(1)) continue;
  while (node.lead(0)) continue;  // the session has moved: refused
  client.resume(first);
  node.run();
  CHECK(client.connected());
  CHECK(!node.tree().view()->get("/a"));
}

TEST_CASE("The expiry of a session deletes its ephemerals and tells its connection") {
  Connected c;
  TestClient other(c.gateway);
  c.connect(other);
  c.client.create("/e", {}, schema::NodeKind::EPHEMERAL);
  c.node.run();
  CHECK(other.reply(other.exists("/e", true))->stat->ephemeral_owner == c.client.accepted->session);
  c.node.expire(c.client.accepted->session);
  c.node.run();
  CHECK(c.client.closed == Closed::expired);
  REQUIRE(other.events().size() == 1);
  CHECK(other.events()[0].type == EventType::deleted);
  CHECK(c.gateway.connections() == 1);
}

TEST_CASE("Without a leader connections are closed and refused") {
  Connected c;
  c.client.create("/a");
  c.gateway.not_serving();
  CHECK(c.client.closed == Closed::not_serving);
  TestClient other(c.gateway);
  other.connect();
  CHECK(other.closed == Closed::not_serving);
  c.gateway.serving();
  c.client.resume(c.gateway);
  c.node.run();
  CHECK(c.client.connected());
}

TEST_CASE("Who was heard is reported once a tick") {
  Connected c;
  c.gateway.tick();
  c.client.get("/");
  c.client.get("/");
  c.gateway.tick();
  CHECK(c.node.heard() == std::vector<SessionId>{c.client.accepted->session});
}

TEST_CASE("Data beyond the bound is refused, and the calls behind it go on") {
  TestNode node;
  Gateway& gateway = node.add_gateway({.max_data = 100});
  TestClient client(gateway);
  client.connect();
  node.run();
  const auto large = client.create("/a", std::string(101, 'x'));
  const auto small = client.create("/a", std::string(100, 'x'));
  node.run();
  CHECK(client.reply(large)->error == Error::bad_arguments);
  CHECK(client.reply(small)->error == Error::ok);
}

TEST_CASE("Numbers that do not rise end the connection") {
  Connected c;
  c.client.create("/a");
  c.client.write({.code = OpCode::remove, .path = "/a"}, 1);
  CHECK(c.client.closed == Closed::bad_request);
}

TEST_CASE("Children come in pages") {
  Connected c;
  for (const auto* name : {"/p", "/p/c", "/p/a", "/p/b"}) c.client.create(name);
  c.node.run();
  const auto* page = c.client.reply(c.client.children("/p", false, {}, 2));
  CHECK(page->names == std::vector<std::string>{"a", "b"});
  CHECK(page->more);
  page = c.client.reply(c.client.children("/p", false, "b", 2));
  CHECK(page->names == std::vector<std::string>{"c"});
  CHECK(!page->more);
}

TEST_CASE("Reading needs the right to, and so does hearing of changes") {
  Connected c;
  TestClient other(c.gateway);
  c.connect(other);
  c.client.call({.tag = 7, .code = OpCode::add_auth, .scheme = "digest", .credentials = "ann:secret"});
  const AclView ann[] = {{31, "auth", ""}};
  c.client.write({.code = OpCode::create, .path = "/private", .data = "x", .acl = ann});
  other.call({.tag = 8, .code = OpCode::add_watch, .path = "/private", .kind = WatchKind::persistent});
  c.node.run();
  CHECK(other.reply(other.get("/private"))->error == Error::no_auth);
  CHECK(other.reply(other.read(OpCode::get_acl, "/private"))->error == Error::no_auth);
  CHECK(c.client.reply(c.client.get("/private"))->data == "x");
  CHECK(c.client.reply(c.client.read(OpCode::get_acl, "/private"))->acl[0].scheme == "digest");
  CHECK(other.events().empty());

  other.call({.tag = 9, .code = OpCode::add_auth, .scheme = "digest", .credentials = "ann:secret"});
  c.client.set("/private", "y");
  c.node.run();
  CHECK(other.events().size() == 1);
}

TEST_CASE("Reads do not judge a path's syntax, and the empty path is the root") {
  Connected c;
  c.client.create("/a");
  c.node.run();
  for (const char* path : {"a", "/a/", "//", "/a/../a", "/a\x01"}) {
    INFO(path);
    for (const OpCode code :
         {OpCode::exists, OpCode::get_data, OpCode::get_children, OpCode::get_acl, OpCode::all_children_number}) {
      CHECK(c.client.reply(c.client.read(code, path))->error == Error::no_node);
    }
  }
  const std::string_view zero("/a\0", 3);
  CHECK(c.client.reply(c.client.read(OpCode::exists, zero))->error == Error::bad_arguments);
  CHECK(c.client.reply(c.client.read(OpCode::get_data, zero))->error == Error::no_node);
  CHECK(c.client.reply(c.client.read(OpCode::get_children))->names == std::vector<std::string>{"a", "zookeeper"});
  CHECK(c.client.reply(c.client.read(OpCode::exists))->stat->num_children == 2);
  CHECK(c.client.reply(c.client.read(OpCode::all_children_number))->count == 5);
  CHECK(c.client.reply(c.client.read(OpCode::all_children_number, "/"))->count == 4);
  CHECK(c.client.reply(c.client.read(OpCode::all_children_number, "/zookeeper"))->count == 2);
}

TEST_CASE("Ephemerals are found by the beginning of their paths, whatever that is") {
  Connected c;
  for (const char* path : {"/e", "/ea", "/f"}) c.client.create(path, {}, schema::NodeKind::EPHEMERAL);
  c.client.create("/e-not");
  c.node.run();
  const auto found = [&](std::string_view prefix) {
    return c.client.reply(c.client.read(OpCode::get_ephemerals, prefix))->names;
  };
  const std::vector<std::string> all{"/e", "/ea", "/f"};
  for (const char* prefix : {"", "/", " ", " / "}) CHECK(found(prefix) == all);
  CHECK(found("/e") == std::vector<std::string>{"/e", "/ea"});
  CHECK(found("/e ").empty());
  CHECK(found("e").empty());
}

TEST_CASE("who_am_i shows names and no hashes, in ZooKeeper's order") {
  Connected c;
  TestClient client(c.gateway);
  client.connect(10'000, "127.0.0.1");
  c.node.run();
  const auto prove = [&](std::string_view credentials) {
    client.call({.tag = 1, .code = OpCode::add_auth, .scheme = "digest", .credentials = credentials});
  };
  const auto users = [&] { return client.reply(client.read(OpCode::who_am_i))->users; };
  CHECK(users() == std::vector<std::string>{"ip:127.0.0.1"});
  prove("u:p");
  CHECK(users() == std::vector<std::string>{"ip:127.0.0.1", "digest:u"});
  prove("up");  // observed: this one comes first
  CHECK(users() == std::vector<std::string>{"digest:up", "ip:127.0.0.1", "digest:u"});
  prove("u:p");
  CHECK(users().size() == 3);
}

TEST_CASE("Who may not read the parent does not hear of its children, as it was when they changed") {
  Connected c;
  TestClient other(c.gateway);
  c.connect(other);
  const AclView no_read[] = {{store::perm::all & ~store::perm::read, "world", "anyone"}};
  c.client.create("/p");
  c.node.run();
  other.children("/p", true);
  other.call({.tag = 8, .code = OpCode::add_watch, .path = "/p", .kind = WatchKind::persistent});
  // In one batch: the change comes when the list forbids, and the parent is gone in the end.
  c.client.write({.code = OpCode::set_acl, .path = "/p", .acl = no_read});
  c.client.create("/p/a");
  c.client.remove("/p/a");
  c.client.remove("/p");
  c.node.run();
  CHECK(other.events().empty());
}

TEST_CASE("Watches go with their connection") {
  Connected c;
  c.client.exists("/a", true);
  CHECK(c.gateway.watches().size() == 1);
  c.client.drop();
  CHECK(c.gateway.watches().size() == 0);
}

namespace {

void rearm(TestClient& client, const Rearm& watches) {
  client.call({.tag = 1, .code = OpCode::set_watches, .rearm = &watches});
}

std::vector<std::pair<EventType, std::string>> heard(const TestClient& client) {
  std::vector<std::pair<EventType, std::string>> result;
  for (const auto& event : client.events()) result.emplace_back(event.type, event.path);
  return result;
}

}  // namespace

TEST_CASE("Watches that are set again after a lost connection tell exactly what happened meanwhile") {
  Connected c;
  TestClient other(c.gateway);
  c.connect(other);
  other.create("/r");
  other.create("/r/old");
  c.node.run();
  c.client.get("/r");
  c.client.drop();
  const Zxid seen = c.client.last_seen;
  other.remove("/r/old");
  other.create("/r/new");
  other.set("/r/new", "1");
  other.set("/r/new", "2");
  c.node.run();

  c.client.resume(c.gateway, seen);
  c.node.run();
  const std::string_view recursive[] = {"/r"}, child[] = {"/r"};
  rearm(c.client, {.relative = seen, .child = child, .recursive = recursive});
  CHECK(heard(c.client) == std::vector<std::pair<EventType, std::string>>{{EventType::deleted, "/r/old"},
                                                                          {EventType::children_changed, "/r"},
                                                                          {EventType::created, "/r/new"},
                                                                          {EventType::data_changed, "/r/new"},
                                                                          {EventType::data_changed, "/r/new"}});
  CHECK(c.client.lost.empty());
  CHECK(c.gateway.watches().size() == 1);  // the child watch is used up
}

TEST_CASE("A client that waits for a view that never comes leaves nothing behind when it goes") {
  TestNode node;
  Gateway& gateway = node.add_gateway();
  TestClient client(gateway);
  client.connect();
  node.run();
  REQUIRE(client.accepted);
  client.drop();
  client.resume(gateway, Zxid{~0ull});
  node.run();
  CHECK(gateway.waiting_for_views() == 1);
  client.drop();
  CHECK(gateway.waiting_for_views() == 0);
}

TEST_CASE("What is too long ago to be told exactly is told from the tree, and that something may be missing") {
  TestNode node;
  Gateway& gateway = node.add_gateway({.history = 4});
  TestClient client(gateway), other(gateway);
  client.connect();
  other.connect();
  node.run();
  other.create("/r");
  other.create("/r/old");
  node.run();
  client.get("/r");
  const Zxid seen = client.last_seen;
  client.drop();
  other.remove("/r/old");
  node.run();
  other.create("/r/new");
  node.run();
  for (int i = 0; i < 5; ++i) {
    other.set("/r/new", "1");
    node.run();
  }
  client.resume(gateway, seen);
  node.run();
  const std::string_view recursive[] = {"/r"}, data[] = {"/r/old"};
  rearm(client, {.relative = seen, .data = data, .recursive = recursive});
  CHECK(heard(client) ==
        std::vector<std::pair<EventType, std::string>>{{EventType::deleted, "/r/old"}, {EventType::created, "/r/new"}});
  CHECK(client.lost == std::vector<std::string>{"/r"});
}

TEST_CASE("A node without a leader answers the reads of clients that take one that only reads, after a while") {
  TestNode node;
  const auto sessions = std::make_shared<NodeSessions>(100);
  Gateway& gateway =
      node.add_gateway({.min_timeout_ms = 500, .tick_ms = 100, .read_only_after_ms = 300, .node_sessions = sessions});
  TestClient before(gateway);
  before.connect();
  node.run();
  before.create("/a", "data");
  node.run();
  gateway.not_serving();
  CHECK(before.closed == Closed::not_serving);

  TestClient guest(gateway), other(gateway);
  guest.connect_reading(500);
  CHECK(guest.closed == Closed::not_serving);  // an election may be under way
  for (int i = 0; i < 3; ++i) gateway.tick();
  REQUIRE(gateway.is_read_only());

  guest.connect_reading(500);
  REQUIRE(guest.connected());
  CHECK(guest.accepted->read_only);
  CHECK(guest.reply(guest.get("/a"))->data == "data");
  CHECK(guest.reply(guest.create("/b"))->error == Error::not_read_only);
  CHECK(guest.reply(guest.read(OpCode::sync))->error == Error::not_read_only);
  other.connect();
  CHECK(other.closed == Closed::not_serving);  // it did not ask for that
  before.resume(gateway);
  CHECK(before.closed == Closed::not_serving);  // its session is the ensemble's

  SECTION("a guest that drops its connection finds its session again, for as long as its timeout") {
    guest.resume_reading();
    CHECK(guest.connected());
    guest.drop();
    for (int i = 0; i < 7; ++i) gateway.tick();
    guest.resume_reading();
    CHECK(!guest.connected());
  }
  SECTION("a guest finds its session at the node's other gateways, and loses its older connection") {
    Gateway& second =
        node.add_gateway({.min_timeout_ms = 500, .tick_ms = 100, .read_only_after_ms = 300, .node_sessions = sessions});
    second.not_serving();
    for (int i = 0; i < 3; ++i) second.tick();
    TestClient moved(second);
    moved.accepted = guest.accepted;
    moved.resume_reading();
    CHECK(moved.connected());
    gateway.tick();
    CHECK(guest.closed == Closed::moved);
    for (int i = 0; i < 7; ++i) gateway.tick();  // whose time is not the other one's
    CHECK(moved.connected());
    second.serving();
    moved.resume_reading();
    node.run();
    CHECK(moved.closed == Closed::expired);
  }
  SECTION("a guest that is not heard of loses its session") {
    for (int i = 0; i < 7; ++i) gateway.tick();
    CHECK(guest.closed == Closed::expired);
  }
  SECTION("a guest can close its session") {
    guest.close();
    CHECK(guest.closed == Closed::by_request);
    guest.resume_reading();
    CHECK(!guest.connected());
  }
  SECTION("guests leave when the node serves again") {
    gateway.serving();
    CHECK(!gateway.is_read_only());
    CHECK(guest.closed == Closed::not_serving);
    before.resume(gateway);
    node.run();
    CHECK(before.connected());
  }
}
