// A client that stops reading its socket delays nobody else, and costs a node a bounded amount of memory.
#include <kj/async-io.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "actors/node.hpp"
#include "client/client.hpp"
#include "client/connection.hpp"
#include "tests/catch.hpp"
#include "tests/node/stalled_client.hpp"
#include "tests/temp_dir.hpp"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 60s;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t most_per_client = 256 << 20;  // freed memory is kept for a while
#else
constexpr std::size_t most_per_client = 32 << 20;  // half of it is the client's own: it is in this process, too
#endif

/// What this process, and with it the node, has in memory, without what is mapped from files.
std::size_t memory_in_use() {
  std::size_t total = 0, resident = 0, shared = 0;
  std::ifstream("/proc/self/statm") >> total >> resident >> shared;
  return (resident - shared) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t connections(unsigned port) {
  auto io = kj::setupAsyncIo();
  auto stream = io.provider->getNetwork().parseAddress("127.0.0.1", port).wait(io.waitScope)->connect();
  client::Connection connection(stream.wait(io.waitScope));
  return connection.door().statusRequest().send().wait(io.waitScope).getStatus().getConnections();
}

}  // namespace

TEST_CASE("clients that stop reading delay nobody and cost little memory, they are closed when events pile up") {
  const test::TempDir directory;
  NodeConfig config;
  config.id = PeerId{1};
  config.members[config.id] = Member{.host = "127.0.0.1"};
  config.data_dir = directory / "data";
  config.client_address = "127.0.0.1";
  config.rpc_port = 0;
  config.log_map_size = config.state_map_size = 1ull << 30;
  config.gateways = GENERATE(0u, 1u);
  Node node(config);
  REQUIRE(node.wait([](const NodeStatus& status) { return status.serving; }, patience));

  Client client("127.0.0.1:" + std::to_string(node.rpc_port()));
  const std::string large(1'000'000, 'x');
  client.create("/large", large);
  const auto work = [&] {
    for (int i = 0; i < 100; ++i) {
      client.set("/large", large);
      CHECK(client.get("/large").data == large);
    }
  };
  work();  // what a node keeps of the last writes is in memory before and after
  const auto before = memory_in_use();
  {
    constexpr std::size_t count = 4;  // which ask for 32 GB
    std::vector<std::unique_ptr<testing::StalledClient>> stalled;
    for (std::size_t i = 0; i < count; ++i) {
      stalled.push_back(std::make_unique<testing::StalledClient>(node.rpc_port(), "/large"));
    }
    for (auto& one : stalled) one->wait();

    work();
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
