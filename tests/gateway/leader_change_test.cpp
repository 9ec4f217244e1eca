// Clients that come to a node between two leaders.
#include "actors/gateway.hpp"
#include "tests/catch.hpp"
#include "tests/gateway/test_client.hpp"
#include "tests/gateway/test_node.hpp"

using namespace troupe;
using namespace troupe::testing;

namespace {

const GatewayOptions patient{.tick_ms = 100, .patience_ms = 300};

/// A gateway that has just lost its leader, and a client that had a session there.
struct BetweenLeaders {
  TestNode node;
  Gateway& gateway = node.add_gateway(patient);
  TestClient client{gateway};

  BetweenLeaders() {
    client.connect();
    node.run();
    REQUIRE(client.connected());
    gateway.not_serving();
    REQUIRE(client.closed == Closed::not_serving);
  }
};

}  // namespace

TEST_CASE("Who connects while the next leader is elected waits for it") {
  BetweenLeaders between;
  TestClient another(between.gateway);
  another.connect();
  between.client.resume(between.gateway);
  between.node.run();
  CHECK(!another.connected());
  CHECK(!between.client.connected());
  CHECK(!another.closed);

  between.gateway.serving();
  between.node.run();
  CHECK(another.connected());
  CHECK(between.client.connected());
  between.client.create("/a", "1");
  between.node.run();
  CHECK(another.reply(another.get("/a"))->data == "1");
}

TEST_CASE("Whose session is being opened when the leader is lost gets another one from the next") {
  TestNode node;
  Gateway& gateway = node.add_gateway(patient);
  TestClient client(gateway);
  client.connect();
  const bool is_in_the_history = GENERATE(false, true);
  if (is_in_the_history) {
    node.flush(0);
    node.lead(0);  // the transaction is proposed, and decided by the next leader
  }
  gateway.not_serving();
  CHECK(!client.closed);
  node.run();
  CHECK(!client.connected());

  gateway.serving();
  node.run();
  REQUIRE(client.connected());
  CHECK(gateway.connections() == 1);
  client.create("/mine", "1", schema::NodeKind::EPHEMERAL);
  node.run();
  CHECK(client.reply(client.get("/mine"))->stat->ephemeral_owner == client.accepted->session);
}

TEST_CASE("Who is taking up a session when the leader is lost takes it up with the next") {
  TestNode node;
  Gateway& gateway = node.add_gateway(patient);
  TestClient client(gateway);
  client.connect();
  node.run();
  client.create("/mine", "1", schema::NodeKind::EPHEMERAL);
  node.run();
  const SessionId session = client.accepted->session;
  client.resume(gateway);
  const bool is_answered = GENERATE(false, true);
  if (is_answered) {
    node.flush(0);
    node.lead(0);  // what the leader says comes too late
  }
  gateway.not_serving();
  node.run();
  CHECK(!client.closed);
  CHECK(!client.connected());

  gateway.serving();
  node.run();
  REQUIRE(client.connected());
  CHECK(client.accepted->session == session);
  CHECK(client.reply(client.get("/mine"))->stat->ephemeral_owner == session);
}

TEST_CASE("Who waits for the tree to get where the client has been waits on when the leader is lost") {
  TestNode node;
  Gateway& gateway = node.add_gateway(patient);
  TestClient client(gateway);
  client.connect();
  node.run();
  client.resume(gateway, Zxid{node.gateway(0).view()->zxid().value + 1});
  node.run();
  CHECK(!client.connected());
  gateway.not_serving();
  gateway.serving();
  node.run();
  CHECK(!client.closed);
  CHECK(!client.connected());
  TestClient another(gateway);
  another.connect();  // which is a transaction
  node.run();
  CHECK(client.connected());
  CHECK(another.connected());
}

TEST_CASE("Who has waited in vain for a leader is refused, and so is who comes later") {
  BetweenLeaders between;
  between.client.resume(between.gateway);
  between.gateway.tick();
  between.gateway.tick();
  CHECK(!between.client.closed);
  between.gateway.tick();
  CHECK(between.client.closed == Closed::not_serving);
  between.gateway.not_serving();  // the next election
  TestClient late(between.gateway);
  late.connect();
  CHECK(late.closed == Closed::not_serving);
}

TEST_CASE("Who waits for a leader and goes away is not asked for") {
  BetweenLeaders between;
  {
    TestClient another(between.gateway);
    another.connect();
    between.client.resume(between.gateway);
    between.client.drop();
  }
  CHECK(between.gateway.connections() == 0);
  between.gateway.serving();
  between.node.run();
  CHECK(between.gateway.connections() == 0);
}

TEST_CASE("Who shows a wrong password need not wait for a leader to be told") {
  BetweenLeaders between;
  between.client.accepted->password[0] ^= std::byte{1};
  between.client.resume(between.gateway);
  CHECK(between.client.closed == Closed::expired);
}

TEST_CASE("A client that waits at two connections for a leader has the later one") {
  BetweenLeaders between;
  TestClient later(between.gateway);
  later.accepted = between.client.accepted;
  between.client.resume(between.gateway);
  later.resume(between.gateway);
  CHECK(between.client.closed == Closed::moved);
  between.gateway.serving();
  between.node.run();
  CHECK(later.connected());
}

TEST_CASE("Who waits for a leader and has gone takes no session from the gateway where its client is now") {
  const bool is_local = GENERATE(false, true);
  TestNode node{TestNode::Gateways::of_one_node};
  GatewayOptions options = patient;
  options.local_sessions = true;
  options.node_sessions = std::make_shared<NodeSessions>(options.tick_ms);
  Gateway& first = node.add_gateway(options);
  Gateway& second = node.add_gateway(options);
  TestClient client(first);
  is_local ? client.connect_local() : client.connect();
  node.run();
  REQUIRE(client.connected());
  for (auto* gateway : {&first, &second}) gateway->not_serving();

  TestClient again(second);
  again.accepted = client.accepted;
  again.may_be_local = is_local;
  client.resume(first);
  client.gone = true;
  again.resume(second);
  for (auto* gateway : {&second, &first}) {
    gateway->serving();
    node.run();
  }
  CHECK(client.closed);
  CHECK(again.connected());
  for (auto* gateway : {&first, &second}) gateway->tick();
  again.get("/");
  node.run();
  CHECK(again.connected());
}
