// Who does not take what is sent, or asks for more than there is room for.
#include "actors/gateway.hpp"
#include "tests/catch.hpp"
#include "tests/gateway/connected.hpp"

using namespace troupe;
using namespace troupe::testing;

TEST_CASE("A client whose calls pile up is told to stop, and later that there is room") {
  TestNode node;
  Gateway& gateway = node.add_gateway({.max_session_queue = 10'000});
  TestClient client(gateway);
  client.connect();
  node.run();
  client.create("/a", std::string(4'000, 'x'));
  CHECK(!client.congested());
  client.create("/b", std::string(8'000, 'x'));
  CHECK(client.congested());
  CHECK(client.uncongested == 0);
  gateway.tick();  // it is not read from, yet it is there
  CHECK(node.heard() == std::vector<SessionId>{client.accepted->session});
  node.run();
  CHECK(client.uncongested == 1);
  CHECK(!client.congested());
}

TEST_CASE(
    "Reads of a client that does not take its answers wait, and what comes behind them too, other clients do not") {
  Connected c;
  TestClient other(c.gateway);
  c.connect(other);
  c.client.create("/a", "first");
  c.node.run();
  c.client.answers_untaken = true;
  const auto write = c.client.set("/a", "second");  // its answer is small
  const auto read = c.client.get("/a");
  const auto later = c.client.set("/a", "third");
  const auto last = c.client.get("/a");
  c.node.run();
  CHECK(c.client.reply(write) != nullptr);
  CHECK(c.client.reply(read) == nullptr);
  CHECK(c.client.congested());
  CHECK(other.reply(other.get("/a"))->data == "second");
  c.gateway.tick();
  c.gateway.tick();
  CHECK(c.node.heard() != std::vector<SessionId>{c.client.accepted->session});  // it may be gone

  c.client.take_answers();
  CHECK(c.client.reply(read)->data == "second");
  c.gateway.tick();
  CHECK(c.node.heard() == std::vector<SessionId>{c.client.accepted->session});
  c.node.run();
  CHECK(c.client.reply(later)->error == Error::ok);
  CHECK(c.client.reply(last)->data == "third");
  CHECK(c.client.uncongested == 1);
}

TEST_CASE("Where room is short those who do not take their answers are closed") {
  TestNode node;
  Gateway& gateway = node.add_gateway({.max_queue = 1'000});
  TestClient idle(gateway), busy(gateway);
  idle.connect();
  busy.connect();
  node.run();
  idle.answers_untaken = true;
  for (int i = 0; i < 10; ++i) idle.get("/zookeeper");
  CHECK(idle.congested());
  gateway.tick();
  CHECK(idle.closed == Closed::overflow);
  busy.create("/a");
  node.run();
  CHECK(!busy.congested());
}

TEST_CASE("A client that does not take its events is closed") {
  Connected c;
  c.client.get("/zookeeper");
  c.client.exists("/a", true);
  c.client.undelivered = 100 << 20;
  TestClient other(c.gateway);
  c.connect(other);
  other.create("/a");
  c.node.run();
  CHECK(c.client.closed == Closed::overflow);
  CHECK(other.connected());
  CHECK(c.gateway.watches().size() == 0);
}
