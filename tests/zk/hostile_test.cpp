// Input that no client sends: whatever the bytes, the connection answers with an error or ends, and the
// next client is served as if nothing had been.
#include <random>

#include "tests/catch.hpp"
#include "tests/zk/wire_client.hpp"

using namespace troupe;
using namespace troupe::testing;
using zk::Op;

namespace {

/// A well-formed request of every operation.
std::vector<std::pair<Op, Record>> requests() {
  const Record read = Record().buffer("/a").boolean(true);
  return {
      {Op::create, Record().create("/a/b")},
      {Op::create2, Record().create("/a/c", "x", 3)},
      {Op::create_container, Record().create("/c", "", 4)},
      {Op::create_ttl, Record().create("/t", "", 5).i64(100)},
      {Op::remove, Record().buffer("/a/b").i32(-1)},
      {Op::exists, read},
      {Op::get_data, read},
      {Op::get_children, read},
      {Op::get_children2, read},
      {Op::set_data, Record().buffer("/a").buffer("data").i32(-1)},
      {Op::get_acl, Record().buffer("/a")},
      {Op::set_acl, Record().buffer("/a").open_acl().i32(-1)},
      {Op::sync, Record().buffer("/a")},
      {Op::multi, Record().multi_header(1).create("/m").multi_header(13).buffer("/m").i32(0).end_of_multi()},
      {Op::multi_read, Record().multi_header(4).buffer("/a").boolean(true).end_of_multi()},
      {Op::check_watches, Record().buffer("/a").i32(3)},
      {Op::remove_watches, Record().buffer("/a").i32(2)},
      {Op::add_watch, Record().buffer("/a").i32(1)},
      {Op::set_watches, Record().i64(0).i32(1).buffer("/a").i32(1).buffer("/b").i32(1).buffer("/a")},
      {Op::set_watches2, Record().i64(0).i32(1).buffer("/a").i32(0).i32(0).i32(1).buffer("/a").i32(1).buffer("/")},
      {Op::auth, Record().i32(0).buffer("digest").buffer("bob:secret")},
      {Op::sasl, Record().buffer("token")},
      {Op::get_ephemerals, Record().buffer("/")},
      {Op::get_all_children_number, Record().buffer("/")},
      {Op::who_am_i, {}},
      {Op::ping, {}},
      {Op::reconfig, Record().buffer("server.1=a").null().null().i64(-1)},
  };
}

/// A client with a session, and /a.
struct Victim {
  explicit Victim(WireServer& server) : client(server) {
    client.connect();
    client.call(Op::create, Record().create("/a"));
  }
  WireClient client;
};

void check_unharmed(WireServer& server) {
  WireClient next(server);
  REQUIRE(next.connect().has_value());
  CHECK(next.call(Op::get_data, Record().buffer("/a").boolean(false)).error == 0);
}

}  // namespace

TEST_CASE("A body that is cut anywhere is malformed, and the session goes on") {
  WireServer server;
  Victim victim(server);
  for (const auto& [op, body] : requests()) {
    if (op == Op::auth || op == Op::sasl) continue;  // of these a cut ends the connection
    for (std::size_t size = 0; size < body.bytes().size(); ++size) {
      INFO("operation " << static_cast<int>(op) << " cut to " << size << " bytes");
      const Answer answer = victim.client.call(op, Record().raw(std::string_view(body.bytes()).substr(0, size)));
      CHECK(answer.error == static_cast<std::int32_t>(Error::marshalling_error));
      CHECK(answer.body.empty());
      REQUIRE(!victim.client.ended());
    }
  }
  check_unharmed(server);
}

TEST_CASE("A cut authentication ends the connection") {
  const Op op = GENERATE(Op::auth, Op::sasl);
  WireServer server;
  Victim victim(server);
  victim.client.send(request_frame(1, op, Record().i32(5)));
  CHECK(victim.client.ended());
  check_unharmed(server);
}

TEST_CASE("A length inside a body that cannot be is malformed") {
  WireServer server;
  Victim victim(server);
  const std::int32_t length = GENERATE(-2, -1000, 1 << 20, INT32_MAX, INT32_MIN);
  for (const auto& [op, record] : requests()) {
    if (op == Op::auth || op == Op::sasl || op == Op::ping || op == Op::who_am_i) continue;
    // Into the first four bytes, which are a length or a count or a part of the header of a multi.
    std::string body = record.bytes();
    body.replace(0, 4, Record().i32(length).bytes());
    victim.client.call(op, Record().raw(body));
    REQUIRE(!victim.client.ended());
  }
  CHECK(victim.client.call(Op::create, Record().buffer("/x").buffer("").i32(length < 0 ? 5 : length)).error ==
        static_cast<std::int32_t>(Error::marshalling_error));
  check_unharmed(server);
}

TEST_CASE("Random bytes, and well-formed requests with some of their bytes changed, harm nobody") {
  std::mt19937_64 random(20'261'121);
  WireServer server;
  { Victim first(server); }
  std::vector<std::string> frames;
  for (const auto& [op, body] : requests()) frames.push_back(request_frame(1, op, body));
  for (int round = 0; round < 300; ++round) {
    WireClient client(server, 1 + random() % 40);
    std::string bytes = random() % 8 == 0 ? std::string() : connect_frame();
    for (auto left = random() % 12; left > 0; --left) {
      std::string frame = frames[random() % frames.size()];
      for (auto changes = random() % 4; changes > 0; --changes) {
        // Not the length's upper bytes: the connection would only wait for more, or end.
        frame[3 + random() % (frame.size() - 3)] = static_cast<char>(random());
      }
      bytes += frame;
    }
    for (auto left = random() % 10; left > 0; --left) bytes += static_cast<char>(random());
    client.send(bytes);
    client.run();
    client.frames();
  }
  WireClient next(server);
  REQUIRE(next.connect().has_value());
  CHECK(next.call(Op::exists, Record().buffer("/").boolean(false)).error == 0);
}

TEST_CASE("All that one burst asks for is answered the same in whatever pieces it comes") {
  std::string burst = connect_frame();
  std::int32_t xid = 0;
  for (const auto& [op, body] : requests()) burst += request_frame(++xid, op, body);
  const auto answered_in = [&](std::size_t piece) {
    WireServer server;
    WireClient client(server, piece);
    client.send(burst);
    client.run();
    std::vector<std::pair<std::int32_t, std::int32_t>> answers;
    for (const auto& frame : client.frames()) {
      if (const auto answer = read_answer(frame); answer && answers.size() < 200) {
        answers.emplace_back(answer->xid, answer->error);
      }
    }
    CHECK(!client.ended());
    // Where events fall among the answers depends on what was applied together.
    std::erase_if(answers, [](const auto& answer) { return answer.first == -1; });
    return answers;
  };
  const auto whole = answered_in(1 << 20);
  CHECK(whole.size() == 1 + requests().size());
  for (const std::size_t piece : {1, 2, 3, 4, 5, 7, 64}) CHECK(answered_in(piece) == whole);
}
