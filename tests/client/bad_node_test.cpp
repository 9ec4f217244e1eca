// What a client makes of nodes that break off in the middle, or whose answers cannot be read.
#include <capnp/any.h>

#include <atomic>
#include <map>
#include <set>

#include "client/client.hpp"
#include "tests/catch.hpp"
#include "tests/client/fake_node.hpp"

namespace troupe::testing {
namespace {

using client::Client;
using client::promised;

TEST_CASE("Watches that could not be set again before the connection broke once more miss nothing") {
  constexpr unsigned count = 5'000;
  // Far more than goes into one submit.
  const auto path = [](unsigned i) { return "/" + std::string(480, 'a') + std::to_string(i); };
  std::map<unsigned, std::set<std::uint64_t>> seen;  // by connection, what the client says that it has seen
  std::map<unsigned, unsigned> answered;             // by connection, submits
  std::set<unsigned> broken;
  unsigned syncs = 0;
  FakeNode node([&](unsigned connection, FakeNode::Calls calls, FakeNode::Answers answers, auto&) {
    for (unsigned i = 0; i < calls.size(); ++i) {
      if (calls[i].isRearm()) seen[connection].insert(calls[i].getRearm().getLastZxid());
      if (calls[i].isSync() && (connection == 0 || (connection == 2 && ++syncs == 2))) broken.insert(connection);
      answers[i].setZxid(10 * (connection + 1));
      if (calls[i].isExists()) answers[i].setError(-101);
    }
    if (connection == 1 && answered[connection] == 1) broken.insert(connection);
    KJ_REQUIRE(!broken.contains(connection), "the end of the connection");
    ++answered[connection];
  });
  Client client(node.address());
  std::vector<std::future<client::Result<std::optional<client::Stat>>>> reads;
  for (unsigned i = 0; i < count; ++i) {
    auto [done, future] = promised<std::optional<client::Stat>>();
    client.exists(
        path(i), [](const auto&) {}, std::move(done));
    reads.push_back(std::move(future));
  }
  for (auto& read : reads) REQUIRE(read.get().ok());
  client.sync();  // breaks the first connection; is answered by the third
  client.sync();  // breaks the third; is answered by the fourth
  client.abandon();
  CHECK(answered[1] == 1);
  CHECK(seen[1] == std::set<std::uint64_t>{10});
  CHECK(seen[2] == std::set<std::uint64_t>{10});  // 20 was seen of the first part alone
  CHECK(seen[3] == std::set<std::uint64_t>{30});
}

TEST_CASE("What was told before the watches were all set again is not told twice") {
  const auto tell = [](schema::Watcher::Client& watcher, std::vector<std::uint64_t> zxids) {
    auto request = watcher.eventsRequest();
    auto events = request.initEvents(static_cast<unsigned>(zxids.size()));
    for (unsigned i = 0; i < zxids.size(); ++i) {
      events[i].setPosition(i + 1);
      events[i].setZxid(zxids[i]);
      events[i].setType(schema::EventType::DATA_CHANGED);
      events[i].setPath("/a");
    }
    request.send().detach([](kj::Exception&&) {});
  };
  std::uint64_t asked_from = 0;
  FakeNode node([&](unsigned connection, FakeNode::Calls calls, FakeNode::Answers answers, auto& watcher) {
    KJ_REQUIRE(connection != 0 || !calls[0].isSync(), "the end of the connection");
    if (connection == 1) {
      tell(watcher, {15, 16});
      KJ_FAIL_REQUIRE("the end of the connection");
    }
    if (connection != 2 || !calls[0].isRearm()) return;
    asked_from = calls[0].getRearm().getLastZxid();
    tell(watcher, {15, 16, 17});
    for (unsigned i = 0; i < calls.size(); ++i) answers[i].setPosition(i + 4);
  });
  Client client(node.address());
  std::vector<std::uint64_t> heard;  // by the client's thread, before the sync is answered
  client.add_watch("/a", client::WatchMode::persistent,
                   [&](const client::Event& event) { heard.push_back(event.zxid.value); });
  client.sync();
  CHECK(asked_from == 1);
  CHECK(heard == std::vector<std::uint64_t>{15, 16, 17});
  client.abandon();
}

TEST_CASE("Answers that come before the return of their submit are kept until that has come") {
  constexpr unsigned reads = 20, returned = 10;
  const auto value = [](unsigned i) { return std::string(100, static_cast<char>('a' + i)); };
  const auto fill = [&](schema::Answer::Builder answer, unsigned i) {
    answer.setData(kj::StringPtr(value(i).c_str()).asBytes());
  };
  FakeNode node([&](unsigned, FakeNode::Calls calls, FakeNode::Answers answers, auto& watcher) {
    if (calls.size() != reads) return;
    for (unsigned i = 0; i < returned; ++i) fill(answers[i], i);
    auto part = watcher.answersRequest();
    auto others = part.initAnswers(reads - returned);
    for (unsigned i = returned; i < reads; ++i) {
      others.setWithCaveats(i - returned, answers[i]);  // its position
      fill(others[i - returned], i);
    }
    part.send().detach([](kj::Exception&&) {});  // before the return, which goes when this is over
  });
  node.return_at_most(returned);
  std::vector<std::promise<std::string>> got(reads);
  Client client(node.address());
  // From a callback, so that all go in one submit.
  client.exists("/first", {}, [&](const auto&) {
    for (auto& promise : got) {
      client.get("/a", {}, [&](client::Result<client::Value> answer) {
        promise.set_value(answer.ok() ? answer->data : answer.message());
      });
    }
  });
  for (unsigned i = 0; i < reads; ++i) {
    auto answer = got[i].get_future();
    REQUIRE(answer.wait_for(std::chrono::seconds(10)) == std::future_status::ready);
    CHECK(answer.get() == value(i));
  }
  client.abandon();
}

TEST_CASE("A node that tells of what lies outside the client's root is left") {
  std::atomic<unsigned> last = 0;
  FakeNode node([&](unsigned connection, FakeNode::Calls calls, FakeNode::Answers answers, auto& watcher) {
    last = connection;
    if (connection != 0 || !calls[0].isSync()) return;
    auto told = watcher.eventsRequest();
    auto event = told.initEvents(1)[0];
    event.setPosition(1);
    event.setZxid(1);
    event.setType(schema::EventType::CREATED);
    event.setPath("/x");
    told.send().detach([](kj::Exception&&) {});
    answers[0].setPosition(2);
  });
  Client client(node.address() + "/longer");
  auto [done, synced] = promised<client::Nothing>();
  client.sync(std::move(done));
  REQUIRE(synced.wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  CHECK(last == 1);
  client.abandon();
}

TEST_CASE("An answer that cannot be read fails its call and ends the connection") {
  FakeNode node([](unsigned connection, FakeNode::Calls calls, FakeNode::Answers answers, auto&) {
    for (unsigned i = 0; i < calls.size(); ++i) {
      if (!calls[i].isGetChildren()) continue;
      answers[i].getChildren().initNames(1).set(0, "name");
      if (connection > 0 || calls[i].getGetChildren().getPath() != "/lies") continue;
      // Texts that do not end with a NUL.
      for (auto pointer : capnp::toAny(answers[i]).getPointerSection()) {
        if (pointer.isNull()) continue;
        pointer.initAs<capnp::List<capnp::Data>>(1).set(0, kj::StringPtr("xxx").asBytes());
      }
    }
  });
  Client client(node.address());
  auto [lied, first] = promised<client::Children>();
  auto [honest, second] = promised<client::Children>();
  client.children("/lies", {}, {}, std::move(lied));
  client.children("/honest", {}, {}, std::move(honest));
  const auto failed = first.get();
  CHECK(failed.error() == Error::connection_loss);
  CHECK_THAT(failed.message(), Catch::Contains("cannot be read"));
  CHECK(second.get().value().names == std::vector<std::string>{"name"});
  CHECK(client.children("/lies").names == std::vector<std::string>{"name"});
}

TEST_CASE("A call that breaks every connection fails after a while, and is not asked without a pause") {
  std::atomic<unsigned> asked = 0;
  FakeNode node([&](unsigned, FakeNode::Calls calls, FakeNode::Answers, auto&) {
    if (!calls[0].isSync()) return;
    ++asked;
    KJ_FAIL_REQUIRE("the end of the connection");
  });
  Client client(node.address(), {.patience = std::chrono::milliseconds(300)});
  client.get("/a");
  CHECK_THROWS_WITH(client.sync(), Catch::Contains("no node could be reached, or answered, for too long"));
  CHECK(asked > 1);
  CHECK(asked < 100);  // 16 to 32 ms lie between the second and the third, and more later
  client.get("/a");
  client.abandon();
}

}  // namespace
}  // namespace troupe::testing
