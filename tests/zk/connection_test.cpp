// What a connection of ZooKeeper's wire protocol does with bytes: sessions, order, pauses, ends.
#include "tests/catch.hpp"
#include "tests/zk/wire_client.hpp"

using namespace troupe;
using namespace troupe::testing;
using zk::Op;

namespace {

std::string password_in(const std::string& connected) { return connected.substr(20, 16); }
std::int64_t session_in(const std::string& connected) {
  return zk::Reader(std::string_view(connected).substr(8)).i64();
}
std::int32_t timeout_in(const std::string& connected) {
  return zk::Reader(std::string_view(connected).substr(4)).i32();
}

Record watching(std::string_view path, bool watch = true) { return Record().buffer(path).boolean(watch); }

}  // namespace

TEST_CASE("A client gets a session, in whatever pieces its request comes") {
  const std::size_t piece = GENERATE(1, 3, 4, 1000);
  WireServer server;
  WireClient client(server, piece);
  const auto connected = client.connect();
  REQUIRE(connected.has_value());
  CHECK(connected->size() == 37);  // with the byte that says whether the server only reads
  CHECK(timeout_in(*connected) == 10'000);
  CHECK(session_in(*connected) != 0);
  CHECK(connected->back() == '\0');
  CHECK(client.call(Op::create, Record().create("/a")).error == 0);
  const Answer got = client.call(Op::get_data, watching("/a", false));
  CHECK(got.error == 0);
  CHECK(got.reader().buffer() == "data");
}

TEST_CASE("A client that does not speak of reading only is not told of it") {
  WireServer server;
  WireClient client(server);
  const auto connected = client.connect(connect_frame(10'000, 0, std::string(16, '\0'), 0, false));
  REQUIRE(connected.has_value());
  CHECK(connected->size() == 36);
}

TEST_CASE("A timeout is brought within the node's bounds, a negative one too") {
  WireServer server;
  for (const auto& [asked, got] : {std::pair{1, 4000}, {1'000'000, 40000}, {-5, 4000}, {0, 4000}}) {
    WireClient client(server);
    CHECK(timeout_in(client.connect(connect_frame(asked)).value()) == got);
  }
}

TEST_CASE("A session is taken up with its password, its timeout is negotiated anew, its old connection ends") {
  WireServer server;
  WireClient first(server);
  const std::string session = first.connect().value();
  first.call(Op::create, Record().create("/e", "", 1));
  WireClient second(server);
  const auto again = second.connect(connect_frame(20'000, session_in(session), password_in(session)));
  REQUIRE(again.has_value());
  CHECK(session_in(*again) == session_in(session));
  CHECK(timeout_in(*again) == 20'000);
  CHECK(first.ended());
  CHECK(second.call(Op::exists, watching("/e", false)).error == 0);
}

TEST_CASE("A wrong password or a session that is gone is answered with no session, and the end") {
  WireServer server;
  WireClient first(server);
  const std::string session = first.connect().value();
  const std::string wrong = GENERATE(std::string(16, 'x'), std::string("short"), std::string());
  WireClient second(server);
  const auto refused = second.connect(connect_frame(10'000, session_in(session), wrong));
  REQUIRE(refused.has_value());
  CHECK(*refused == std::string(19, '\0') + '\x10' + std::string(17, '\0'));
  CHECK(second.ended());
  CHECK(!first.ended());  // nobody is thrown out by one who does not know the password

  first.call(Op::close_session);
  WireClient third(server);
  CHECK(timeout_in(third.connect(connect_frame(10'000, session_in(session), password_in(session))).value()) == 0);
}

TEST_CASE("A client that has seen more than the node has is sent away without a word") {
  WireServer server;
  WireClient client(server);
  CHECK(!client.connect(connect_frame(10'000, 0, std::string(16, '\0'), 1ll << 60)).has_value());
  CHECK(client.ended());
  CHECK(client.text().empty());
}

TEST_CASE("A node that does not serve takes nobody, but answers its words") {
  WireServer server;
  server.gateway.not_serving();
  WireClient client(server), curious(server, 1);
  CHECK(!client.connect().has_value());
  CHECK(client.ended());
  curious.send("ruok");
  CHECK(curious.text() == "imok");
  CHECK(curious.ended());
}

TEST_CASE("A loss of the leader ends the connections, not the sessions") {
  WireServer server;
  WireClient client(server);
  const std::string session = client.connect().value();
  server.gateway.not_serving();
  CHECK(client.ended());
  server.gateway.serving();
  WireClient again(server);
  CHECK(session_in(again.connect(connect_frame(10'000, session_in(session), password_in(session))).value()) ==
        session_in(session));
}

TEST_CASE("A client that comes while the next leader is elected waits for it, its requests too") {
  WireServer server({.tick_ms = 100, .patience_ms = 300});
  WireClient client(server);
  const std::string session = client.connect().value();
  server.gateway.not_serving();
  CHECK(client.ended());
  WireClient again(server);
  again.send(connect_frame(10'000, session_in(session), password_in(session)) +
             request_frame(1, Op::exists, watching("/", false)));
  again.run();
  CHECK(!again.ended());
  CHECK(again.frames().empty());
  server.gateway.serving();
  again.run();
  const auto frames = again.frames();
  REQUIRE(frames.size() == 2);
  CHECK(session_in(frames[0]) == session_in(session));
  CHECK(read_answer(frames[1])->error == 0);
}

TEST_CASE("What is sent behind the connect request waits for the session") {
  WireServer server;
  WireClient client(server);
  client.send(connect_frame() + request_frame(1, Op::create, Record().create("/a")) +
              request_frame(2, Op::exists, watching("/a", false)));
  client.run();
  const auto frames = client.frames();
  REQUIRE(frames.size() == 3);
  CHECK(read_answer(frames[1])->xid == 1);
  CHECK(read_answer(frames[2])->error == 0);
}

TEST_CASE("Replies come in the order of the requests, pings and authentications among them") {
  const std::size_t piece = GENERATE(1, 4, 1 << 20);
  WireServer server;
  WireClient client(server, piece);
  client.connect();
  client.send(request_frame(1, Op::create, Record().create("/a")) + request_frame(-2, Op::ping) +
              request_frame(2, Op::get_data, watching("/a", false)) +
              request_frame(-4, Op::auth, Record().i32(0).buffer("digest").buffer("bob:secret")) +
              request_frame(3, Op::sync, Record().buffer("/a")) +
              request_frame(-8, Op::set_watches, Record().i64(0).i32(0).i32(0).i32(0)) +
              request_frame(4, Op::set_data, Record().buffer("/a").buffer("new").i32(-1)) +
              request_frame(-2, Op::ping) + request_frame(5, Op::get_data, watching("/a", false)));
  client.run();
  const auto answers = client.answers();
  std::vector<std::int32_t> xids;
  std::int64_t zxid = 0;
  for (const auto& answer : answers) {
    xids.push_back(answer.xid);
    CHECK(answer.error == 0);
    if (answer.xid == -4) {
      CHECK(answer.zxid == 0);
    } else {
      CHECK(answer.zxid >= zxid);
      zxid = answer.zxid;
    }
  }
  CHECK(xids == std::vector<std::int32_t>{1, -2, 2, -4, 3, -8, 4, -2, 5});
  CHECK(answers[2].reader().buffer() == "data");
  CHECK(answers[8].reader().buffer() == "new");
}

TEST_CASE("A write behind an authentication in one burst has what it proves") {
  WireServer server;
  WireClient client(server), stranger(server);
  client.connect();
  stranger.connect();
  client.send(request_frame(1, Op::create, Record().create("/slow")) +
              request_frame(-4, Op::auth, Record().i32(0).buffer("digest").buffer("bob:secret")) +
              request_frame(2, Op::create,
                            Record().buffer("/mine").buffer("").i32(1).i32(31).buffer("auth").buffer("").i32(0)));
  client.run();
  const auto answers = client.answers();
  REQUIRE(answers.size() == 3);
  CHECK(answers[2].error == 0);
  CHECK(client.call(Op::get_data, watching("/mine", false)).error == 0);
  CHECK(stranger.call(Op::get_data, watching("/mine", false)).error == static_cast<std::int32_t>(Error::no_auth));
}

TEST_CASE("The event of a change comes before the changed data, and before the reply of the write that made it") {
  WireServer server;
  WireClient client(server);
  client.connect();
  client.call(Op::create, Record().create("/a"));
  client.call(Op::get_data, watching("/a"));
  client.send(request_frame(100, Op::set_data, Record().buffer("/a").buffer("new").i32(-1)) +
              request_frame(101, Op::get_data, watching("/a", false)));
  client.run();
  const auto answers = client.answers();
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].xid == -1);
  CHECK(answers[0].zxid == -1);
  auto event = answers[0].reader();
  CHECK(event.i32() == 3);  // the data changed
  CHECK(event.i32() == 3);  // connected
  CHECK(event.string() == "/a");
  CHECK(answers[1].xid == 100);
  CHECK(answers[2].xid == 101);
}

TEST_CASE("The session's end is answered, and then the connection ends") {
  WireServer server;
  WireClient client(server);
  client.connect();
  client.send(request_frame(7, Op::close_session) + request_frame(8, Op::ping));
  client.run();
  const auto answers = client.answers();
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].xid == 7);
  CHECK(answers[0].error == 0);
  CHECK(client.ended());
}

TEST_CASE("A session that the ensemble ends takes its connection with it") {
  WireServer server;
  WireClient client(server);
  const std::string session = client.connect().value();
  server.node.expire(SessionId{session_in(session)});
  client.run();
  CHECK(client.ended());
}

TEST_CASE("An unknown operation is answered so, and ends the connection") {
  const std::int32_t op = GENERATE(0, 10, 23, 99, 108, -10, 1 << 30, -1);
  WireServer server;
  WireClient client(server);
  client.connect();
  const Answer answer = client.call(static_cast<Op>(op));
  CHECK(answer.error == static_cast<std::int32_t>(Error::unimplemented));
  CHECK(answer.zxid == -1);
  CHECK(answer.body.empty());
  CHECK(client.ended());
}

TEST_CASE("A length that cannot be ends the connection at once") {
  WireServer server;
  const bool connected = GENERATE(false, true);
  const std::int32_t length = GENERATE(-1, 0x100000, 0x7fffffff, INT32_MIN);
  WireClient client(server);
  if (connected) client.connect();
  client.send(Record().i32(length).bytes());
  CHECK(client.ended());
  CHECK(client.frames().empty());
}

TEST_CASE("A frame without a whole header ends the connection, at any size") {
  const std::size_t size = GENERATE(0, 1, 7);
  const bool connected = GENERATE(false, true);
  WireServer server;
  WireClient client(server);
  if (connected) client.connect();
  client.send(Record().buffer(std::string(size, 'a')).bytes());
  CHECK(client.ended());
}

TEST_CASE("The largest frame is taken") {
  WireServer server;
  WireClient client(server);
  client.connect();
  const std::size_t around = request_frame(1, Op::set_data, Record().buffer("/").buffer("").i32(-1)).size() - 4;
  const std::string data(server.context.max_frame - around, 'x');
  CHECK(client.call(Op::set_data, Record().buffer("/").buffer(data).i32(-1)).error == 0);
  CHECK(client.call(Op::get_data, watching("/", false)).body.size() == data.size() + 4 + 68);
}

TEST_CASE("A client that does not take its replies is not listened to until it does, and gets all of them") {
  WireServer server;
  server.context.pause_above = 10'000;
  server.context.full_above = 20'000;
  WireClient writer(server);
  writer.connect();
  writer.call(Op::set_data, Record().buffer("/").buffer(std::string(5000, 'x')).i32(-1));

  // Straight into a connection whose output nobody takes.
  zk::Connection slow(server.context, "127.0.0.1", "/slow:1");
  std::string bytes = connect_frame();
  CHECK(slow.receive(bytes) == bytes.size());
  server.node.run();
  // Reads behind a write: they are answered when it is, whatever there is to read.
  bytes = request_frame(0, Op::create, Record().create("/b"));
  constexpr int reads = 100;
  for (int i = 1; i <= reads; ++i) bytes += request_frame(i, Op::get_data, watching("/", false));
  std::size_t used = slow.receive(bytes);
  CHECK(used == bytes.size());
  server.node.run();
  CHECK(slow.paused());
  CHECK(slow.output().size() < 30'000);

  std::string taken;
  while (!slow.output().empty()) {
    CHECK(slow.output().size() < 30'000);
    taken += slow.output().pending();
    slow.output().consume(slow.output().size());
    slow.sent();
  }
  CHECK(!slow.paused());
  const auto frames = take_frames(taken);
  REQUIRE(frames.size() == 2 + reads);
  for (int i = 0; i <= reads; ++i) CHECK(read_answer(frames[static_cast<std::size_t>(1 + i)])->xid == i);
}

TEST_CASE("A connection that goes leaves its session to be taken up") {
  WireServer server;
  WireClient client(server);
  const std::string session = client.connect().value();
  client.call(Op::get_data, watching("/"));
  CHECK(server.gateway.watches().size() == 1);
  client.drop();
  CHECK(server.gateway.connections() == 0);
  CHECK(server.gateway.watches().size() == 0);
  WireClient again(server);
  CHECK(timeout_in(again.connect(connect_frame(10'000, session_in(session), password_in(session))).value()) != 0);
}
