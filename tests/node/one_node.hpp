// A node alone, in this process, that speaks ZooKeeper's protocol on a port of its own.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>

#include "actors/node.hpp"
#include "client/client.hpp"
#include "tests/catch.hpp"
#include "tests/node/places.hpp"
#include "tests/temp_dir.hpp"

namespace troupe::testing {

struct OneNode {
  explicit OneNode(const std::function<void(NodeConfig&)>& adjust = [](NodeConfig&) {}) {
    config.id = PeerId{1};
    config.members[config.id] = Member{.host = "127.0.0.1"};
    config.data_dir = directory / "data";
    config.client_address = config.peer_address = "127.0.0.1";
    config.rpc_port = 0;
    config.zk_port = free_ports(1)[0];
    config.log_map_size = config.state_map_size = 1ull << 30;
    adjust(config);
    node = std::make_unique<Node>(config, [](const std::string& message) {
      std::fprintf(stderr, "a node failed: %s\n", message.c_str());
      std::abort();
    });
    // Its status may say so before its gateway knows.
    REQUIRE(Client("127.0.0.1:" + std::to_string(node->rpc_port())).wait_connected(std::chrono::seconds(60)));
  }
  test::TempDir directory;
  NodeConfig config;
  std::unique_ptr<Node> node;
};

}  // namespace troupe::testing
