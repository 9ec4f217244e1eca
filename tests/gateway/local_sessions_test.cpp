// Sessions that are one node's own, at the gateways of that node, and how they become the ensemble's.
#include <set>

#include "tests/catch.hpp"
#include "tests/gateway/test_client.hpp"
#include "tests/gateway/test_node.hpp"

namespace troupe {
namespace {

using testing::TestClient;
using testing::TestNode;
constexpr auto ephemeral = schema::NodeKind::EPHEMERAL;

/// Two gateways of one node, and what they share.
struct Place {
  explicit Place(bool upgrade = true)
      : sessions(std::make_shared<NodeSessions>(100)),
        first(node.add_gateway(options(upgrade))),
        second(node.add_gateway(options(upgrade))) {}

  GatewayOptions options(bool upgrade) const {
    return {.min_timeout_ms = 500,
            .tick_ms = 100,
            .local_sessions = true,
            .upgrade_local_sessions = upgrade,
            .node_sessions = sessions};
  }
  bool is_global(const TestClient& client) { return node.tree().view()->session(client.accepted->session).has_value(); }
  static void tick(Gateway& gateway, int times) {
    for (int i = 0; i < times; ++i) gateway.tick();
  }

  TestNode node{TestNode::Gateways::of_one_node};
  const std::shared_ptr<NodeSessions> sessions;
  Gateway& first;
  Gateway& second;
};

TEST_CASE("A local session is open at once, without a request to the leader, and ends likewise") {
  Place place;
  TestClient client(place.first);
  const auto before = place.node.proposed();
  client.connect_local();
  REQUIRE(client.connected());
  CHECK(client.accepted->timeout_ms == 10'000);
  CHECK(place.sessions->size() == 1);
  client.get("/");
  const auto farewell = client.close_unnumbered();
  CHECK(client.reply(farewell)->error == Error::ok);
  CHECK(client.closed == Closed::by_request);
  place.node.run();
  CHECK(place.node.proposed() == before);
  CHECK(place.sessions->size() == 0);
  client.resume(place.first);
  place.node.run();
  CHECK(client.closed == Closed::expired);
}

TEST_CASE("A client that numbers its writes gets a session of the ensemble, and cannot take up another") {
  Place place;
  TestClient numbering(place.first), local(place.first);
  numbering.connect();
  local.connect_local();
  CHECK(!numbering.connected());
  place.node.run();
  REQUIRE(numbering.connected());
  CHECK(place.is_global(numbering));
  TestClient thief(place.first);
  thief.accepted = local.accepted;
  thief.resume(place.first);
  place.node.run();
  CHECK(thief.closed == Closed::expired);
}

TEST_CASE("A local session writes, watches and reads what it wrote, nothing of it is kept") {
  Place place;
  TestClient client(place.first);
  client.connect_local();
  const auto absent = client.exists("/a", true);
  const auto write = client.create_unnumbered("/a");
  const auto read = client.get("/a");
  const auto farewell = client.close_unnumbered();
  CHECK(client.reply(absent)->error == Error::no_node);
  CHECK(!client.reply(farewell));  // it waits for the write
  place.node.run();
  CHECK(client.reply(write)->error == Error::ok);
  CHECK(client.reply(read)->error == Error::ok);
  CHECK(client.place(write) < client.place(read));
  CHECK(client.place(read) < client.place(farewell));
  CHECK(client.events().size() == 1);
  CHECK(client.closed == Closed::by_request);
  CHECK(place.node.tree().view()->session_count() == 0);
}

TEST_CASE("Where local sessions stay what they are they are refused ephemerals, in multis too") {
  Place place(false);
  TestClient client(place.first);
  client.connect_local();
  const auto single = client.create_unnumbered("/e", ephemeral);
  const WriteOp ops[] = {{.code = OpCode::create, .path = "/x", .acl = TestClient::open_acl()},
                         {.code = OpCode::create,
                          .path = "/e",
                          .acl = TestClient::open_acl(),
                          .kind = schema::NodeKind::EPHEMERAL_SEQUENTIAL}};
  client.call({.tag = 1, .code = OpCode::multi, .ops = ops});
  const auto persistent = client.create_unnumbered("/p");
  place.node.run();
  CHECK(client.reply(single)->error == Error::ephemeral_on_local_session);
  CHECK(client.reply(1)->results.at(0).error == Error::ok);
  CHECK(client.reply(1)->results.at(1).error == Error::ephemeral_on_local_session);
  CHECK(client.reply(persistent)->error == Error::ok);
  CHECK(!place.is_global(client));
}

TEST_CASE("A local session becomes the ensemble's when it creates an ephemeral, in its turn") {
  Place place;
  TestClient client(place.first);
  client.connect_local();
  const auto before = client.create_unnumbered("/before");
  const auto read = client.exists("/e");
  const auto upgrading = client.create_unnumbered("/e", ephemeral);
  const auto behind = client.create_unnumbered("/behind");
  place.node.run();
  CHECK(client.reply(before)->error == Error::ok);
  CHECK(client.reply(read)->error == Error::no_node);
  CHECK(client.reply(upgrading)->error == Error::ok);
  CHECK(client.reply(behind)->error == Error::ok);
  REQUIRE(place.is_global(client));
  CHECK(place.node.tree().view()->session(client.accepted->session)->timeout_ms == 10'000);
  CHECK(place.sessions->size() == 0);
  CHECK(client.said.size() == 4);  // the opening's answer is nobody's

  SECTION("the leader hears of it, and nobody here lets it expire") {
    place.first.tick();
    client.exists("/");
    place.first.tick();
    CHECK(place.node.heard() == std::vector{client.accepted->session});
    Place::tick(place.first, 200);
    CHECK(client.connected());
  }
  SECTION("it is taken up anywhere") {
    client.resume(place.second);
    place.node.run();
    CHECK(client.connected());
    CHECK(client.reply(client.exists("/e"))->error == Error::ok);
  }
  SECTION("its ephemerals go with it") {
    const auto farewell = client.close_unnumbered();
    place.node.run();
    CHECK(client.reply(farewell)->error == Error::ok);
    CHECK(!place.is_global(client));
    CHECK(!place.node.tree().view()->get("/e"));
  }
}

TEST_CASE("A local session is upgraded by an ephemeral in a multi, and also by one that is refused") {
  Place place;
  TestClient client(place.first), other(place.first);
  client.connect_local();
  other.connect_local();
  const WriteOp ops[] = {{.code = OpCode::create, .path = "/x", .acl = TestClient::open_acl()},
                         {.code = OpCode::create, .path = "/e", .acl = TestClient::open_acl(), .kind = ephemeral}};
  client.call({.tag = 1, .code = OpCode::multi, .ops = ops});
  const auto refused = other.create_unnumbered("/none/e", ephemeral);
  place.node.run();
  CHECK(client.reply(1)->results.at(1).error == Error::ok);
  CHECK(other.reply(refused)->error == Error::no_node);
  CHECK(place.is_global(client));
  CHECK(place.is_global(other));
}

TEST_CASE("A local session is taken up at each gateway of its node, and its older connection ends") {
  Place place;
  TestClient client(place.first);
  client.connect_local();
  TestClient twin(place.second);
  twin.accepted = client.accepted;
  twin.may_be_local = true;
  const auto before = place.node.proposed();
  SECTION("at the same one at once") {
    twin.resume(place.first);
    CHECK(client.closed == Closed::moved);
  }
  SECTION("at another one with its next tick, and what it asks for until then is not done") {
    twin.resume(place.second);
    client.create_unnumbered("/late");
    place.node.run();
    CHECK(!place.node.tree().view()->get("/late"));
    place.first.tick();
    CHECK(client.closed == Closed::moved);
  }
  place.node.run();
  REQUIRE(twin.connected());
  CHECK(twin.accepted->timeout_ms == 10'000);
  CHECK(place.node.proposed() == before);
  CHECK(place.sessions->size() == 1);
}

TEST_CASE("A local session is taken up by whoever has the password, when the view has come far enough") {
  Place place;
  TestClient client(place.first), thief(place.first);
  client.connect_local();
  thief.accepted = client.accepted;
  thief.accepted->password[0] ^= std::byte{1};
  thief.may_be_local = true;
  thief.resume(place.first);
  CHECK(thief.closed == Closed::expired);
  CHECK(client.connected());

  const auto seen = place.first.view()->zxid().next();
  client.resume(place.second, seen);
  CHECK(!client.connected());
  TestClient writer(place.first);
  writer.connect_local();
  writer.create_unnumbered("/a");
  place.node.run();
  CHECK(client.connected());
}

TEST_CASE("A local session that moves is not ended by what its older connection still asks for") {
  Place place;
  TestClient client(place.first), twin(place.second);
  client.connect_local();
  twin.accepted = client.accepted;
  twin.may_be_local = true;
  twin.resume(place.second);
  client.close_unnumbered();  // before its gateway knows
  place.node.run();
  CHECK(client.closed == Closed::moved);
  REQUIRE(twin.connected());
  const auto write = twin.create_unnumbered("/a");
  place.node.run();
  REQUIRE(twin.reply(write));
  CHECK(twin.reply(write)->error == Error::ok);
}

TEST_CASE("What a local session asked for on an older connection is done before the next one is accepted") {
  Place place;
  TestClient client(place.first);
  client.connect_local();
  Gateway* gateways[] = {&place.first, &place.second, &place.first};
  int number = 0;
  for (auto* gateway : gateways) {
    const std::string older = "/older-" + std::to_string(++number);
    client.create_unnumbered(older);
    for (std::size_t i = 0; i < 2; ++i) {
      while (place.node.flush(i) || place.node.lead(i)) continue;
    }
    client.resume(*gateway);
    CHECK(!client.connected());
    place.node.run();
    REQUIRE(client.connected());
    CHECK(client.reply(client.exists(older))->error == Error::ok);
    const std::string newer = "/newer-" + std::to_string(number);
    const auto mine = client.create_unnumbered(newer);
    place.node.run();
    REQUIRE(client.reply(mine));
    CHECK(client.reply(mine)->path == newer);
  }
}

TEST_CASE("A local session of which nothing is heard for its timeout is forgotten, connected or not") {
  Place place;
  TestClient silent(place.first), gone(place.first), present(place.first);
  silent.connect_local(500);
  gone.connect_local(500);
  present.connect_local(500);
  gone.drop();
  for (int i = 0; i < 4; ++i) {
    place.first.tick();
    present.exists("/");
  }
  CHECK(silent.connected());
  CHECK(place.sessions->size() == 3);
  for (int i = 0; i < 3; ++i) {
    place.first.tick();
    present.exists("/");
  }
  CHECK(silent.closed == Closed::expired);
  CHECK(present.connected());
  CHECK(place.sessions->size() == 1);
  gone.resume(place.first);
  place.node.run();
  CHECK(gone.closed == Closed::expired);
}

TEST_CASE("Local sessions outlive the leader, for as long as their timeout") {
  Place place;
  TestClient client(place.first);
  client.connect_local(500);
  place.first.not_serving();
  CHECK(client.closed == Closed::not_serving);
  client.resume(place.first);
  CHECK(client.closed == Closed::not_serving);
  Place::tick(place.first, 4);
  place.first.serving();
  client.resume(place.first);
  place.node.run();
  CHECK(client.connected());
  place.first.not_serving();
  Place::tick(place.first, 7);
  place.first.serving();
  client.resume(place.first);
  place.node.run();
  CHECK(client.closed == Closed::expired);
}

TEST_CASE("A session that was being upgraded when its connection ended is the one or the other") {
  Place place;
  TestClient client(place.first);
  client.connect_local();
  Gateway& next = GENERATE(false, true) ? place.second : place.first;
  client.create_unnumbered("/e", ephemeral);
  SECTION("the opening was lost on its way: it is local, and upgraded by its next ephemeral") {
    place.first.not_serving();
    place.node.flush(0);
    place.first.serving();
    client.resume(next);
    place.node.run();
    REQUIRE(client.connected());
    CHECK(!place.is_global(client));
    const auto again = client.create_unnumbered("/e", ephemeral);
    place.node.run();
    CHECK(client.reply(again)->error == Error::ok);
  }
  SECTION("the opening arrived: it is the ensemble's") {
    place.node.flush(0);
    while (place.node.lead(0)) continue;
    client.resume(next);
    place.node.run();
  }
  SECTION("the opening arrives before the leader is asked") {
    place.node.flush(0);
    client.resume(next);
    place.node.run();
  }
  SECTION("it was gathered when the client came to another gateway: nobody sends it") {
    client.resume(place.second);
    place.node.run();
    REQUIRE(client.connected());
    CHECK(!place.is_global(client));
    CHECK(!place.node.tree().view()->get("/e"));
    return;
  }
  REQUIRE(client.connected());
  CHECK(place.is_global(client));
  CHECK(place.node.tree().view()->get("/e"));
  CHECK(place.sessions->size() == 0);
  const auto more = client.create_unnumbered("/e2", ephemeral);
  place.node.run();
  CHECK(client.reply(more)->error == Error::ok);
}

TEST_CASE("A client that comes back to a gateway is not taken for the one that left it") {
  Place place;
  TestClient client(place.first);
  client.connect_local();
  client.create_unnumbered("/e", ephemeral);
  place.node.flush(0);
  while (place.node.lead(0)) continue;
  client.resume(place.second);
  while (place.node.lead(1)) continue;
  while (place.node.deliver_upstream(1)) continue;
  client.resume(place.first);
  SECTION("while nobody sees the opening") {}
  SECTION("while the other gateway sees the opening, and this one does not yet") {
    place.node.apply(10);
    while (place.node.deliver_applied(1)) continue;
    CHECK(place.sessions->size() == 0);
  }
  place.first.tick();
  CHECK(!client.closed);
  place.node.run();
  place.first.tick();
  CHECK(client.connected());
}

TEST_CASE("A session that was upgraded and has expired is not taken up as a local one") {
  Place place;
  TestClient client(place.first);
  client.connect_local();
  client.create_unnumbered("/e", ephemeral);
  place.node.flush(0);
  while (place.node.lead(0)) continue;
  place.node.expire(client.accepted->session);
  client.resume(place.first);
  place.node.run();
  CHECK(client.closed == Closed::expired);
  CHECK(place.sessions->size() == 0);
}

// A client with one local session that moves between the gateways of its node at any time, and writes without
// waiting. Whatever is lost with a connection, its writes take effect in their order, at most once, and each
// answer is that of its own write.
TEST_CASE("The writes of a local session that moves take effect in their order") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    Place place;
    TestClient client(place.first);
    client.connect_local();
    std::map<std::uint64_t, std::string> asked;  // by tag
    int next = 0;
    const bool upgrades = random() % 2 == 0;
    for (int i = 0; i < 120; ++i) {
      const auto what = random() % 12;
      if (what < 4 && client.connected()) {
        const auto path = "/" + std::to_string(next++);
        const bool owned = upgrades && random() % 8 == 0;
        asked[client.create_unnumbered(path, owned ? ephemeral : schema::NodeKind::PERSISTENT)] = path;
      } else if (what == 4) {
        client.resume(random() % 2 == 0 ? place.first : place.second);
      } else if (what == 6) {
        (random() % 2 == 0 ? place.first : place.second).tick();
      } else if (what == 5 && client.connected() && random() % 4 == 0) {
        client.read(OpCode::sync);
      } else {
        place.node.step(random);
      }
    }
    place.node.run();
    REQUIRE(client.connected());
    Zxid last;
    const auto view = place.node.tree().view();
    for (int i = 0; i < next; ++i) {
      const auto found = view->get("/" + std::to_string(i));
      if (!found) continue;
      REQUIRE(found->stat.czxid > last);
      last = found->stat.czxid;
    }
    for (const auto& [tag, path] : asked) {
      const auto* reply = client.reply(tag);
      if (reply == nullptr) continue;
      REQUIRE(reply->error == Error::ok);
      REQUIRE(reply->path == path);
      REQUIRE(view->get(path));
    }
  }
}

}  // namespace
}  // namespace troupe
