// A client that stops reading its socket delays nobody else, and costs a node a bounded amount of memory.
#include <kj/async-io.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "actors/node.hpp"
#include "client/client.hpp"
#include "client/connection.hpp"
#include "tests/catch.hpp"
#include "tests/node/places.hpp"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 60s;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t most_per_client = 256 << 20;  // freed memory is kept for a while
#else
constexpr std::size_t most_per_client = 16 << 20;
#endif

/// What this process, and with it the node, has in memory, without what is mapped from files.
std::size_t memory_in_use() {
  std::size_t total = 0, resident = 0, shared = 0;
  std::ifstream("/proc/self/statm") >> total >> resident >> shared;
  return (resident - shared) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

class Ignorant final : public schema::Watcher::Server {
  kj::Promise<void> events(EventsContext) override { return kj::READY_NOW; }
  kj::Promise<void> answers(AnswersContext) override { return kj::READY_NOW; }
};

/// A client that watches everything, asks for `path` very often, and from then on reads nothing.
class StalledClient {
 public:
  StalledClient(unsigned port, std::string path) : path_(std::move(path)), thread_([this, port] { run(port); }) {}
  ~StalledClient() {
    let_go_.set_value();
    thread_.join();
  }
  void wait() { stalled_.get_future().get(); }

 private:
  void run(unsigned port) {
    auto io = kj::setupAsyncIo();
    auto stream = io.provider->getNetwork().parseAddress("127.0.0.1", port).wait(io.waitScope)->connect();
    client::Connection connection(stream.wait(io.waitScope));
    auto connect = connection.door().connectRequest();
    connect.setTimeout(40'000);
    connect.setWatcher(kj::heap<Ignorant>());
    auto session = connect.send().wait(io.waitScope).getSession();

    auto watch = session.submitRequest();
    auto add = watch.initCalls(1)[0].initAddWatch();
    add.setPath("/");
    add.setRecursive(true);
    watch.send().wait(io.waitScope);
    std::vector<kj::Promise<void>> under_way;
    for (int i = 0; i < 16; ++i) {
      constexpr unsigned reads = 500;
      auto submit = session.submitRequest();
      auto calls = submit.initCalls(reads);
      for (auto call : calls) call.initGetData().setPath(path_);
      under_way.push_back(submit.send().ignoreResult().eagerlyEvaluate([](kj::Exception&&) {}));
    }
    under_way[0].wait(io.waitScope);
    stalled_.set_value();
    let_go_.get_future().wait();
  }

  const std::string path_;
  std::promise<void> stalled_, let_go_;
  std::thread thread_;
};

std::uint64_t connections(unsigned port) {
  auto io = kj::setupAsyncIo();
  auto stream = io.provider->getNetwork().parseAddress("127.0.0.1", port).wait(io.waitScope)->connect();
  client::Connection connection(stream.wait(io.waitScope));
  return connection.door().statusRequest().send().wait(io.waitScope).getStatus().getConnections();
}

}  // namespace

TEST_CASE("clients that stop reading delay nobody and cost little memory; they are closed when events pile up") {
  const testing::TemporaryDirectory directory;
  NodeConfig config;
  config.id = PeerId{1};
  config.members[config.id] = Member{.host = "127.0.0.1"};
  config.data_dir = directory / "data";
  config.client_address = "127.0.0.1";
  config.rpc_port = 0;
  config.log_map_size = config.state_map_size = 1ull << 30;
  Node node(config);
  REQUIRE(node.wait([](const NodeStatus& status) { return status.serving; }, patience));

  Client client("127.0.0.1:" + std::to_string(node.rpc_port()));
  const std::string large(1'000'000, 'x');
  client.create("/large", large);
  CHECK(client.get("/large").data == large);
  const auto before = memory_in_use();
  {
    constexpr std::size_t count = 4;  // which ask for 32 GB
    std::vector<std::unique_ptr<StalledClient>> stalled;
    for (std::size_t i = 0; i < count; ++i) {
      stalled.push_back(std::make_unique<StalledClient>(node.rpc_port(), "/large"));
    }
    for (auto& one : stalled) one->wait();

    for (int i = 0; i < 100; ++i) {
      client.set("/large", large);
      CHECK(client.get("/large").data.size() == large.size());
    }
    CHECK(connections(node.rpc_port()) == 1 + count);
    CHECK(memory_in_use() < before + count * most_per_client);

    // What happens is told to each of them, until it is too much.
    const std::string name(3'000, 'n');
    client.create("/" + name);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (connections(node.rpc_port()) != 1 && std::chrono::steady_clock::now() < deadline) {
      std::vector<std::future<client::Result<client::Stat>>> pending;
      for (int i = 0; i < 200; ++i) {
        auto [done, future] = client::promised<client::Stat>();
        client.set("/" + name, {}, -1, std::move(done));
        pending.push_back(std::move(future));
      }
      for (auto& one : pending) CHECK(one.get().ok());
    }
    CHECK(connections(node.rpc_port()) == 1);
    CHECK(memory_in_use() < before + count * most_per_client);
  }
  client.close();
}
