// Syncs, and the order of the zxids that a session is told.
#include "actors/gateway.hpp"
#include "tests/catch.hpp"
#include "tests/gateway/connected.hpp"

using namespace troupe;
using namespace troupe::testing;

TEST_CASE("A sync is answered when the view has reached all that was proposed before, and reads wait behind it") {
  Connected c;
  TestClient writer(c.node.add_gateway());
  c.connect(writer);
  writer.create("/a", "new");
  c.node.flush(1);
  while (c.node.lead(1)) {
  }
  c.node.apply(10);
  while (c.node.deliver_applied(1)) {
  }
  REQUIRE(writer.reply(1) != nullptr);  // acknowledged there, not seen here

  CHECK(c.client.reply(c.client.get("/a"))->error == Error::no_node);
  const auto sync = c.client.read(OpCode::sync);
  const auto read = c.client.get("/a");
  c.node.flush(0);
  c.node.lead(0);
  c.node.deliver_upstream(0);
  CHECK(c.client.reply(sync) == nullptr);
  c.node.run();
  CHECK(c.client.reply(sync)->error == Error::ok);
  CHECK(c.client.reply(read)->data == "new");
}

TEST_CASE("The zxids of a session's replies do not fall, also where writes follow a sync at once") {
  Connected c;
  const auto first = c.client.create("/a");
  const auto sync = c.client.read(OpCode::sync);
  const auto second = c.client.create("/b");
  const auto third = c.client.create("/c");
  c.node.run();
  REQUIRE(c.client.reply(third) != nullptr);
  CHECK(c.client.reply(first)->zxid <= c.client.reply(sync)->zxid);
  CHECK(c.client.reply(sync)->zxid < c.client.reply(second)->zxid);
  CHECK(c.client.reply(second)->zxid < c.client.reply(third)->zxid);
}

TEST_CASE("A reply waits for a sync before it, even if its own outcome came earlier") {
  Connected c;
  const auto sync = c.client.read(OpCode::sync);
  const auto write = c.client.create("/a");
  c.node.flush(0);
  while (c.node.lead(0)) {
  }
  c.node.apply(10);
  while (c.node.deliver_applied(0)) {
  }
  CHECK(c.client.said.empty());
  c.node.run();
  CHECK(c.client.place(sync) == 0);
  CHECK(c.client.place(write) == 1);
}

TEST_CASE("The zxids of answers do not go back where writes before and behind are applied together") {
  Connected c;
  const auto first = c.client.create("/a");
  const auto refused = ++c.client.next_tag;
  c.client.call({.tag = refused, .code = OpCode::get_data, .refusal = Error::marshalling_error});
  const auto second = c.client.create("/b");
  c.node.flush(0);
  while (c.node.lead(0)) {
  }
  c.node.apply(10);
  c.node.run();
  CHECK(c.client.reply(refused)->zxid == c.client.reply(first)->zxid);
  CHECK(c.client.reply(second)->zxid > c.client.reply(first)->zxid);
}
