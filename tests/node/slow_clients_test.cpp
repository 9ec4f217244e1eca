// A client that takes what it asked for slowly, but takes it, is alive.
#include <future>
#include <string>
#include <vector>

#include "client/client.hpp"
#include "tests/catch.hpp"
#include "tests/node/one_node.hpp"
#include "tests/node/slow_link.hpp"

using namespace troupe;
using namespace troupe::testing;
using namespace std::chrono_literals;

TEST_CASE("an answer that is longer under way than its client's session may be silent ends neither") {
  OneNode one([](NodeConfig& config) { config.tick_ms = 100; });  // timeouts of at most two seconds
  const unsigned port = one.node->rpc_port();
  Client near("127.0.0.1:" + std::to_string(port));
  near.create("/many");
  constexpr int groups = 100, each = 300;
  const std::string name(400, 'n');
  std::vector<std::future<client::Result<client::Committed>>> created;
  for (int group = 0; group < groups; ++group) {
    client::Multi multi;
    for (int i = 0; i < each; ++i) multi.create("/many/" + name + std::to_string(group * each + i));
    auto [done, future] = client::promised<client::Committed>();
    near.commit(std::move(multi), std::move(done));
    created.push_back(std::move(future));
  }
  for (auto& group : created) REQUIRE(group.get().ok());

  SlowLink link(port, 2'500);  // on which these 12 MB take five seconds
  Client far(link.address());
  far.create("/mine", {}, {.kind = client::Kind::ephemeral});
  CHECK(far.children("/many").names.size() == groups * each);
  CHECK(link.connections() == 1);
  CHECK(near.exists("/mine"));
}
