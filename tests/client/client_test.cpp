// The client library against real doors, over real sockets.
#include "client/client.hpp"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "client/address.hpp"
#include "tests/catch.hpp"
#include "tests/client/test_server.hpp"

using namespace troupe;
using namespace troupe::testing;
using WatchEvent = client::Event;
using client::Kind;
using client::promised;
using client::Result;
using client::State;
using client::WatchMode;
using EventKind = client::EventType;

namespace {

/// What callbacks say, for a thread that waits for it.
template <class T>
class Mailbox {
 public:
  void put(T value) {
    std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }
  T take() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::minutes(1), [this] { return !values_.empty(); })) {
      throw std::runtime_error("nothing has come for a minute");
    }
    T value = std::move(values_.front());
    values_.pop_front();
    return value;
  }
  bool empty() {
    std::lock_guard lock(mutex_);
    return values_.empty();
  }
  client::Watch watch() {
    return [this](const T& value) { put(value); };
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> values_;
};

template <class Call>
Error error_of(Call call) {
  try {
    call();
    return Error::ok;
  } catch (const ClientError& error) {
    return error.error();
  }
}

/// Writes `bytes` to a door, and reads until it ends the connection.
std::size_t answer_to(unsigned port, const std::string& bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  std::size_t total = 0;
  char buffer[4096];
  for (ssize_t count; (count = read(fd, buffer, sizeof buffer)) > 0;) total += static_cast<std::size_t>(count);
  close(fd);
  return total;
}

}  // namespace

TEST_CASE("A list of nodes is read, or refused with what is wrong") {
  using client::ConnectString;
  CHECK(ConnectString::parse("a:1,b:2").servers == std::vector<std::string>{"a:1", "b:2"});
  CHECK(ConnectString::parse("a").servers == std::vector<std::string>{"a:2182"});
  CHECK(ConnectString::parse("[::1]:5,[::2]/x/y").servers == std::vector<std::string>{"[::1]:5", "[::2]:2182"});
  CHECK(ConnectString::parse("a:1/x/y").chroot == "/x/y");
  CHECK(ConnectString::parse("a:1/").chroot.empty());
  for (const auto* wrong : {"", "a,,b", "a:0", "a:70000", "a:x", ":5", "::1", "a/x/", "a//x"}) {
    CHECK_THROWS_AS(ConnectString::parse(wrong), std::invalid_argument);
  }
}

TEST_CASE("The operations, one after the other") {
  TestServer server;
  Client client(server.nodes());
  CHECK(client.create("/app", "hello").path == "/app");
  CHECK(client.get("/app").data == "hello");
  CHECK(client.set("/app", "world").version == 1);
  CHECK(error_of([&] { client.set("/app", "x", 7); }) == Error::bad_version);
  CHECK(client.create("/app/n-", {}, {.kind = Kind::persistent_sequential}).path == "/app/n-0000000000");
  CHECK(client.children("/app").names == std::vector<std::string>{"n-0000000000"});
  CHECK(client.exists("/app")->num_children == 1);
  CHECK(!client.exists("/missing"));
  CHECK(error_of([&] { client.get("/missing"); }) == Error::no_node);
  CHECK(error_of([&] { client.remove("/app"); }) == Error::not_empty);
  CHECK(error_of([&] { client.get("no path"); }) == Error::bad_arguments);
  client.remove("/app/n-0000000000");
  client.sync();

  const auto results =
      client.commit(std::move(client::Multi().check("/app", 1).create("/app/m", "x").set("/app", "y")));
  CHECK(results.size() == 3);
  CHECK(results[1].path == "/app/m");
  CHECK(results[2].stat.version == 2);
  CHECK(error_of([&] { client.commit(std::move(client::Multi().remove("/app/m").check("/app", 1))); }) ==
        Error::bad_version);
  CHECK(client.exists("/app/m"));

  CHECK(client.get_acl("/app").acl == std::vector<client::Acl>{client::Acl{}});
  client.add_auth("digest", "ann:secret");
  client.set_acl("/app", {{client::perm::all, "auth", ""}});
  CHECK(client.get_acl("/app").acl[0].id.starts_with("ann:"));
  const auto identities = client.who_am_i();
  CHECK(std::any_of(identities.begin(), identities.end(),
                    [](const auto& identity) { return identity.scheme == "digest" && identity.id == "ann"; }));
  CHECK(error_of([&] { client.add_auth("nonsense", "x"); }) == Error::auth_failed);
  Client stranger(server.nodes());
  CHECK(error_of([&] { stranger.get("/app"); }) == Error::no_auth);
}

TEST_CASE("Data that is too large is refused and nothing else suffers") {
  TestServer server;
  Client client(server.nodes());
  const std::string largest(1 << 20, 'x');
  client.create("/a", largest);
  CHECK(client.get("/a").data == largest);
  CHECK(error_of([&] { client.set("/a", largest + "x"); }) == Error::bad_arguments);
  CHECK(error_of([&] { client.set("/a", std::string(5 << 20, 'x')); }) == Error::bad_arguments);
  CHECK(client.get("/a").stat.version == 0);
}

TEST_CASE("A batch of requests may be far larger than a message") {
  TestServer server(1);
  Client client(server.nodes());
  client.create("/a");
  constexpr int count = 100;
  const std::string large(1'000'000, 'x');
  std::vector<std::future<Result<client::Stat>>> writes;
  for (int i = 0; i < count; ++i) {
    auto [done, future] = promised<client::Stat>();
    client.set("/a", std::to_string(i) + large, i, std::move(done));
    writes.push_back(std::move(future));
  }
  for (int i = 0; i < count; ++i) CHECK(writes[static_cast<std::size_t>(i)].get()->version == i + 1);
  CHECK(client.get("/a").data == std::to_string(count - 1) + large);
}

TEST_CASE("The answers to a batch of requests may be far larger than a message, and keep their order") {
  TestServer server(1);
  Client client(server.nodes());
  const std::string large(1'000'000, 'x');
  client.create("/large", "0" + large);
  client.create("/small", "0");
  constexpr int count = 300;
  Mailbox<std::string> order;
  for (int i = 0; i < count; ++i) {
    const std::string path = i % 3 == 0 ? "/small" : "/large";
    client.get(path, {}, [&, i](Result<client::Value> got) {
      const auto number = got.ok() ? got->data.substr(0, got->data.find('x')) : "failed";
      order.put(std::to_string(i) + ": " + number);
    });
    if (i % 50 == 49) {  // does not show in the reads before it
      client.set("/large", std::to_string(i) + large, -1,
                 [&](Result<client::Stat> set) { order.put(set.ok() ? "set" : "failed"); });
    }
  }
  std::string latest = "0";
  for (int i = 0; i < count; ++i) {
    CHECK(order.take() == std::to_string(i) + ": " + (i % 3 == 0 ? "0" : latest));
    if (i % 50 == 49) {
      CHECK(order.take() == "set");
      latest = std::to_string(i);
    }
  }
}

TEST_CASE("A submit of as many reads as it may have is answered") {
  TestServer server;
  client::Client client(server.nodes());
  client.create("/a", "x");
  constexpr int reads = 20'000;  // more than a submit takes
  Mailbox<bool> answered;
  // From a callback, so that they wait for the same turn of the client's loop.
  client.exists("/a", {}, [&](const auto&) {
    for (int i = 0; i < reads; ++i) {
      client.get("/a", {}, [&](const auto& value) { answered.put(value.ok()); });
    }
  });
  for (int i = 0; i < reads; ++i) REQUIRE(answered.take());
}

TEST_CASE("Children come all at once or in pages") {
  TestServer server;
  Client client(server.nodes());
  client.create("/many");
  std::vector<std::future<Result<client::Created>>> created;
  for (int i = 0; i < 3'000; ++i) {
    auto [done, future] = promised<client::Created>();
    client.create("/many/n-", {}, {.kind = Kind::persistent_sequential}, std::move(done));
    created.push_back(std::move(future));
  }
  for (auto& one : created) REQUIRE(one.get().ok());
  const auto all = client.children("/many").names;
  CHECK(all.size() == 3'000);
  std::vector<std::string> paged;
  for (bool more = true; more;) {
    const auto page = client.children("/many", {}, {.after = paged.empty() ? "" : paged.back(), .limit = 700});
    paged.insert(paged.end(), page.names.begin(), page.names.end());
    more = page.more;
  }
  CHECK(paged == all);
}

TEST_CASE("A list of children may be larger than any message from a client") {
  TestServer server(1);
  Client client(server.nodes());
  client.create("/many");
  constexpr int groups = 100, each = 300;
  const std::string name(400, 'n');
  std::vector<std::future<Result<client::Committed>>> created;
  for (int group = 0; group < groups; ++group) {
    client::Multi multi;
    for (int i = 0; i < each; ++i) multi.create("/many/" + name + std::to_string(group * each + i));
    auto [done, future] = promised<client::Committed>();
    client.commit(std::move(multi), std::move(done));
    created.push_back(std::move(future));
  }
  for (auto& one : created) REQUIRE(one.get()->error == Error::ok);
  CHECK(client.children("/many").names.size() == groups * each);  // 12 MB
}

TEST_CASE("Behind a chroot all paths begin there") {
  TestServer server;
  Client plain(server.nodes());
  plain.create("/tenant");
  Client client(server.nodes() + "/tenant");
  Mailbox<WatchEvent> events;
  client.children("/", events.watch());
  CHECK(client.create("/a", "x").path == "/a");
  CHECK(plain.get("/tenant/a").data == "x");
  CHECK(events.take().path == "/");
}

TEST_CASE("A watch calls once, and before the data that it announces is seen") {
  TestServer server;
  Client reader(server.nodes()), writer(server.nodes());
  writer.create("/a", "0");
  for (int i = 1; i <= 50; ++i) {
    std::atomic<int> heard = 0;
    reader.sync();
    const auto value =
        reader.get("/a", [&](const WatchEvent& event) { heard += event.type == EventKind::data_changed ? 1 : 100; });
    CHECK(value.data == std::to_string(i - 1));
    auto [done, written] = promised<client::Stat>();
    writer.set("/a", std::to_string(i), -1, std::move(done));
    while (reader.get("/a").data != std::to_string(i)) {
    }
    CHECK(heard == 1);
    CHECK(written.get().ok());
  }
}

TEST_CASE("Watches of all kinds") {
  TestServer server;
  Client client(server.nodes());
  Mailbox<WatchEvent> data, missing, children, persistent, recursive;
  client.add_watch("/p", WatchMode::persistent, persistent.watch());
  client.add_watch("/p", WatchMode::recursive, recursive.watch());
  CHECK(!client.exists("/p", missing.watch()));
  client.create("/p", "0");
  CHECK(missing.take().type == EventKind::created);
  client.get("/p", data.watch());
  client.children("/p", children.watch());
  client.create("/p/c");
  CHECK(children.take().type == EventKind::children_changed);
  client.set("/p", "1");
  CHECK(data.take().type == EventKind::data_changed);

  for (const auto type : {EventKind::created, EventKind::children_changed, EventKind::data_changed}) {
    CHECK(persistent.take().type == type);
  }
  CHECK(recursive.take().path == "/p");
  CHECK(recursive.take().path == "/p/c");
  CHECK(recursive.take().type == EventKind::data_changed);

  client.remove_watches("/p");
  client.set("/p", "2");
  client.sync();
  CHECK(persistent.empty());
  CHECK(recursive.empty());
  CHECK(error_of([&] { client.remove_watches("/p"); }) == Error::no_watcher);
}

TEST_CASE("Closing a client ends its session, abandoning it does not") {
  TestServer server;
  Client observer(server.nodes());
  Mailbox<WatchEvent> gone;
  Client leaving(server.nodes());
  leaving.create("/e", {}, {.kind = Kind::ephemeral});
  observer.sync();
  CHECK(observer.exists("/e", gone.watch())->ephemeral_owner == leaving.session());

  SECTION("closed") {
    leaving.close();
    CHECK(gone.take().type == EventKind::deleted);
    CHECK(leaving.state() == State::closed);
    CHECK(error_of([&] { leaving.get("/"); }) == Error::session_expired);
  }
  SECTION("abandoned, until it expires") {
    const auto session = leaving.session();
    leaving.abandon();
    CHECK(observer.exists("/e"));
    server.run([&] { server.node().expire(session); });
    CHECK(gone.take().type == EventKind::deleted);
  }
}

TEST_CASE("An expired session tells its watches, its listener and every call") {
  TestServer server;
  Mailbox<State> states;
  Client client(server.nodes(), {.on_state = [&](State state) { states.put(state); }});
  Mailbox<WatchEvent> events;
  client.exists("/a", events.watch());
  CHECK(states.take() == State::connected);
  server.run([&] { server.node().expire(client.session()); });
  CHECK(events.take().type == EventKind::session_expired);
  CHECK(states.take() == State::connecting);
  CHECK(states.take() == State::expired);
  CHECK(error_of([&] { client.get("/"); }) == Error::session_expired);
}

TEST_CASE("A client moves to another node when its own has lost the leader") {
  TestServer server;
  Client client(server.nodes());
  client.create("/a", "x");
  const auto session = client.session();
  for (int round = 0; round < 4; ++round) {
    server.run([&] {
      server.node().gateway(round % 2).not_serving();
      server.node().gateway(1 - round % 2).serving();
    });
    CHECK(client.get("/a").data == "x");
  }
  CHECK(client.session() == session);
}

TEST_CASE("A blocking call from a callback is refused instead of hanging") {
  TestServer server;
  Client client(server.nodes());
  std::promise<bool> refused;
  client.get("/", {}, [&](Result<client::Value>) {
    try {
      client.get("/");
      refused.set_value(false);
    } catch (const std::logic_error&) {
      refused.set_value(true);
    }
  });
  CHECK(refused.get_future().get());
}

TEST_CASE("Calls that nobody answers for too long fail, and their outcome is not known") {
  Client client("127.0.0.1:1", {.patience = std::chrono::milliseconds(50)});
  CHECK(error_of([&] { client.create("/a"); }) == Error::connection_loss);
}

TEST_CASE("Garbage ends the connection that it came by, and no other") {
  TestServer server(1);
  Client client(server.nodes());
  client.create("/a");
  std::mt19937_64 random(7);
  for (int i = 0; i < 20; ++i) {
    std::string garbage(64 + random() % 4'000, '\0');
    for (auto& byte : garbage) byte = static_cast<char>(random());
    answer_to(server.port(0), garbage);
  }
  answer_to(server.port(0), std::string("\0\0\0\0\xff\xff\xff\x0f", 8));  // a frame of 2 GB
  CHECK(client.exists("/a"));
  CHECK(server.run([&] { return server.door(0).connections(); }) == 1);
}

TEST_CASE("A door that has no file descriptor left serves those who are in, and takes others when it has") {
  TestServer server(1);
  Client client(server.nodes());
  client.create("/a", "0");
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const int last = dup(STDIN_FILENO);  // the lowest that is free
  REQUIRE(last >= 0);
  ::close(last);
  rlimit low = before;
  low.rlim_cur = static_cast<rlim_t>(last) + 1;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
  const int stranger = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(server.port(0)));
  const bool connected = ::connect(stranger, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  for (int i = 1; i <= 100; ++i) client.set("/a", std::to_string(i));
  const auto inside = server.run([&] { return server.door(0).connections(); });
  setrlimit(RLIMIT_NOFILE, &before);

  CHECK(stranger == last);
  CHECK(connected);
  CHECK(inside == 1);
  Client second(server.nodes());
  CHECK(second.get("/a").data == "100");
  ::close(stranger);
}
