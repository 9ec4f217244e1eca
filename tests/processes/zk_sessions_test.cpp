// Sessions of ZooKeeper's protocol between real nodes: they outlive their node and end in time. And the
// clients that strain a node without asking for anything: many that are idle, one that never reads.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>
#include <sstream>

#include "apps/config.hpp"
#include "apps/local_ensemble.hpp"
#include "apps/node_status.hpp"
#include "store/error.hpp"
#include "tests/catch.hpp"
#include "tests/processes/program.hpp"
#include "tests/processes/zk_socket.hpp"
#include "tests/temp_dir.hpp"
#include "tests/wait.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace troupe::testing;
using namespace std::chrono_literals;
using zk::Op;

namespace {

constexpr auto no_node = static_cast<std::int32_t>(Error::no_node);

/// Three nodes, or as many as are asked for, that take any number of clients.
class Nodes {
 public:
  explicit Nodes(std::uint32_t count, std::uint32_t tick_ms)
      : options_{.directory = directory_.path(),
                 .participants = count,
                 .base_port = free_base_port(count),
                 .tick_ms = tick_ms},
        ensemble_(TROUPE_PROGRAM, (open_unlimited(), options_)) {
    ensemble_.start_all();
    REQUIRE(ensemble_.wait_ready(patience));
    std::istringstream all(ensemble_.zk_connect());
    for (std::string one; std::getline(all, one, ',');) addresses_.push_back(one);
  }

  LocalEnsemble& ensemble() { return ensemble_; }
  const std::string& address(std::size_t node) const { return addresses_[node]; }
  std::size_t leader() const { return leader_of(query_status(ensemble_.addresses(), 10s)).value().value - 1; }

  /// A connection to the node with a session. Asks again while the node does not serve.
  std::pair<ZkSocket, std::string> connect(std::size_t node, const std::string& frame = connect_frame(),
                                           std::size_t piece = 1 << 20) const {
    std::optional<std::pair<ZkSocket, std::string>> served;
    const bool serves = comes_true([&] {
      try {
        ZkSocket socket(addresses_[node]);
        socket.send(frame, piece);
        if (auto connected = socket.receive()) served.emplace(std::move(socket), *connected);
      } catch (const std::system_error&) {  // it is not up yet
      }
      return served.has_value();
    });
    if (!serves) throw std::runtime_error("the node does not serve");
    return std::move(*served);
  }

 private:
  void open_unlimited() const {
    for (EnsembleNode& node : open_ensemble(options_)) {
      node.config.max_client_cnxns = 0;
      std::ofstream(node.config_file) << to_toml(node.config);
    }
  }

  TempDir directory_;
  EnsembleOptions options_;
  LocalEnsemble ensemble_;
  std::vector<std::string> addresses_;
};

Record watching(std::string_view path, bool watch) { return Record().buffer(path).boolean(watch); }

/// What a client that comes back wants to hear of: changes of one znode's data, and of one that is not there.
Record watches_since(std::int64_t zxid, std::string_view data, std::string_view missing) {
  return Record().i64(zxid).i32(1).buffer(data).i32(1).buffer(missing).i32(0);
}

/// Limits the files that this process and those that it starts may have open, until the end of its scope.
class FileLimit {
 public:
  explicit FileLimit(rlim_t limit) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    now.rlim_cur = std::min(limit, before_.rlim_max);
    setrlimit(RLIMIT_NOFILE, &now);
  }
  ~FileLimit() { setrlimit(RLIMIT_NOFILE, &before_); }
  FileLimit(const FileLimit&) = delete;
  rlim_t most() const { return before_.rlim_max; }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("a session whose node is killed goes on at another, with its ephemerals and watches") {
  Nodes nodes(3, 500);
  // As clients have asked since ZooKeeper 3.4, and before; in one piece, and in the smallest that a network makes.
  const auto [says_read_only, piece] =
      GENERATE(std::pair<bool, std::size_t>{true, 1 << 20}, std::pair<bool, std::size_t>{false, 4});
  const std::string first_frame = connect_frame(10'000, 0, std::string(16, '\0'), 0, says_read_only);
  const bool at_leader = GENERATE(true, false);
  const std::size_t leader = nodes.leader(), node = at_leader ? leader : (leader + 1) % 3, next = (node + 1) % 3;

  auto [client, connected] = nodes.connect(node, first_frame, piece);
  CHECK(connected.size() == (says_read_only ? 37 : 36));
  const ZkSession session(connected);
  CHECK(session.timeout_ms == 10'000);
  CHECK(client.call(Op::create, Record().create("/mine", "", 1)).error == 0);
  CHECK(client.call(Op::create, Record().create("/watched")).error == 0);
  CHECK(client.call(Op::get_data, watching("/watched", true)).error == 0);
  const Answer last = client.call(Op::exists, watching("/later", true));
  CHECK(last.error == no_node);

  nodes.ensemble().kill(node);
  CHECK(client.closed());
  auto [other, other_connected] = nodes.connect((node + 2) % 3);
  CHECK(other.call(Op::set_data, Record().buffer("/watched").buffer("new").i32(-1)).error == 0);

  auto [again, taken_up] =
      nodes.connect(next, connect_frame(10'000, session.id, session.password, last.zxid, says_read_only), piece);
  CHECK(taken_up.size() == connected.size());
  CHECK(ZkSession(taken_up).id == session.id);
  CHECK(ZkSession(taken_up).timeout_ms == 10'000);
  CHECK(again.call(Op::set_watches, watches_since(last.zxid, "/watched", "/later")).error == 0);
  CHECK(again.events(1) == std::vector<std::string>{"/watched"});
  CHECK(other.call(Op::create, Record().create("/later")).error == 0);
  CHECK(again.events(2) == std::vector<std::string>{"/watched", "/later"});
  const Answer mine = again.call(Op::exists, watching("/mine", false));
  REQUIRE(mine.error == 0);
  CHECK(mine.body.find(Record().i64(session.id).bytes()) != std::string::npos);  // its owner

  // Its end is its ephemeral's.
  CHECK(again.call(Op::close_session).error == 0);
  CHECK(again.closed());
  CHECK(other.call(Op::sync, Record().buffer("/")).error == 0);
  CHECK(other.call(Op::exists, watching("/mine", false)).error == no_node);
}

TEST_CASE("a session that is taken up at another node leaves its old connection") {
  Nodes nodes(3, 500);
  auto [client, connected] = nodes.connect(0);
  const ZkSession session(connected);
  auto [again, taken_up] = nodes.connect(1, connect_frame(8'000, session.id, session.password));
  CHECK(ZkSession(taken_up).id == session.id);
  CHECK(ZkSession(taken_up).timeout_ms == 8'000);
  CHECK(again.call(Op::create, Record().create("/a", "", 1)).error == 0);
  client.send(request_frame(1, Op::create, Record().create("/b", "", 1)));
  CHECK(client.closed());
  CHECK(again.call(Op::exists, watching("/b", false)).error == no_node);
}

TEST_CASE("a session that was silent for too long ends everywhere, and its client is told so") {
  Nodes nodes(3, 500);
  auto [client, connected] = nodes.connect(0, connect_frame(1'000));
  const ZkSession session(connected);
  CHECK(session.timeout_ms == 1'000);
  CHECK(client.call(Op::create, Record().create("/mine", "", 1)).error == 0);
  auto [watcher, watcher_connected] = nodes.connect(1);
  CHECK(watcher.call(Op::sync, Record().buffer("/")).error == 0);
  CHECK(watcher.call(Op::exists, watching("/mine", true)).error == 0);

  CHECK(watcher.events(1) == std::vector<std::string>{"/mine"});
  CHECK(client.closed());
  for (const bool says_read_only : {true, false}) {
    auto [late, refused] =
        nodes.connect(says_read_only ? 2 : 0, connect_frame(1'000, session.id, session.password, 0, says_read_only));
    CHECK(refused.size() == (says_read_only ? 37 : 36));
    CHECK(ZkSession(refused).timeout_ms == 0);
    CHECK(ZkSession(refused).id == 0);
    CHECK(late.closed());
  }
}

TEST_CASE("ten thousand idle clients cost a node little, however few files it was allowed to open at first") {
  constexpr std::size_t count = 10'000, batch = 500, most_bytes_each = 8'000;
  const FileLimit low(1'024);
  if (low.most() < count + 200) {
    WARN("this test is skipped: only " << low.most() << " files may be open; raise the hard limit (ulimit -Hn)");
    return;
  }
  Nodes nodes(1, 2'000);
  const FileLimit high(low.most());
  const pid_t process = nodes.ensemble().process(0);
  const std::size_t before = memory_of(process);

  std::vector<ZkSocket> clients;
  std::size_t served = 0, answered = 0;
  while (clients.size() < count) {
    const std::size_t first = clients.size();
    for (std::size_t i = 0; i < batch; ++i) clients.emplace_back(nodes.address(0)).send(connect_frame(40'000));
    for (std::size_t i = first; i < clients.size(); ++i)
      served += ZkSession(clients[i].receive().value()).timeout_ms > 0;
  }
  for (ZkSocket& client : clients) client.send(request_frame(zk::ping_xid, Op::ping));
  for (ZkSocket& client : clients) answered += client.receive().has_value();
  CHECK(served == count);
  CHECK(answered == count);

  const std::size_t each = (std::max(memory_of(process), before) - before) / count;
  INFO(each << " bytes for each client");
  CHECK(each < most_bytes_each);
  CHECK(clients.front().call(Op::create, Record().create("/a")).error == 0);
  CHECK(clients.back().call(Op::get_data, watching("/a", false)).error == 0);
}

TEST_CASE("a client that reads no answers costs a node a bounded amount of memory, and the others nothing") {
  Nodes nodes(1, 500);
  constexpr std::size_t data_size = 500'000, most_bytes = 64 << 20;
  auto [other, other_connected] = nodes.connect(0);
  CHECK(other.call(Op::set_data, Record().buffer("/").buffer(std::string(data_size, 'x')).i32(-1)).error == 0);
  const std::size_t before = memory_of(nodes.ensemble().process(0));

  // It asks for gigabytes, until the node takes no more requests.
  auto [deaf, connected] = nodes.connect(0);
  constexpr std::int32_t reads = 500'000;
  std::string requests;
  for (std::int32_t xid = 1; xid <= reads; ++xid) requests += request_frame(xid, Op::get_data, watching("/", false));
  std::string_view rest = requests;
  std::size_t most = 0;
  for (int idle = 0; idle < 100;) {
    const std::size_t sent = deaf.send_some(rest);
    rest.remove_prefix(sent);
    idle = sent == 0 ? idle + 1 : 0;
    REQUIRE(other.call(Op::exists, watching("/", false)).error == 0);
    most = std::max(most, memory_of(nodes.ensemble().process(0)));
  }
  CHECK(!rest.empty());
  INFO(most << " bytes in memory, " << before << " before");
  CHECK(most < before + most_bytes);

  // Nothing is lost: it may listen after all.
  for (std::int32_t xid = 1; xid <= 50; ++xid) {
    const Answer answer = read_answer(deaf.receive().value()).value();
    REQUIRE(answer.xid == xid);
    REQUIRE(answer.reader().buffer().value().size() == data_size);
  }
}

TEST_CASE("a client that reads no events is sent away, and costs the others nothing") {
  Nodes nodes(1, 500);
  constexpr std::size_t most_bytes = 64 << 20, batch = 500, most_batches = 200;
  const std::string path = "/" + std::string(4'000, 'x');
  auto [other, other_connected] = nodes.connect(0);
  CHECK(other.call(Op::create, Record().create(path)).error == 0);
  auto [deaf, connected] = nodes.connect(0);
  CHECK(deaf.call(Op::add_watch, Record().buffer(path).i32(0)).error == 0);
  const std::size_t before = memory_of(nodes.ensemble().process(0));

  // The node has a connection less.
  std::size_t batches = 0, most = 0;
  const auto set = request_frame(0, Op::set_data, Record().buffer(path).buffer("new").i32(-1));
  while (query_status(nodes.ensemble().addresses(), 10s).front().status.value().watches > 0) {
    REQUIRE(++batches < most_batches);
    for (std::size_t i = 0; i < batch; ++i) other.send(set);
    for (std::size_t i = 0; i < batch; ++i) REQUIRE(read_answer(other.receive().value()).value().error == 0);
    most = std::max(most, memory_of(nodes.ensemble().process(0)));
  }
  INFO(most << " bytes in memory, " << before << " before");
  CHECK(most < before + most_bytes);
  // What it was sent before, and the end.
  std::size_t events = 0;
  while (deaf.receive()) ++events;
  CHECK(events > 0);
  CHECK(events < batches * batch);
  // Its session is still there.
  const ZkSession session(connected);
  CHECK(ZkSession(nodes.connect(0, connect_frame(10'000, session.id, session.password)).second).id == session.id);
}
