// The directory of an ensemble: made once, then kept.
#include "apps/ensemble_dir.hpp"

#include <filesystem>

#include "apps/config.hpp"
#include "tests/catch.hpp"
#include "tests/temp_dir.hpp"

using namespace troupe;

TEST_CASE("a new directory gets a configuration for each node, on ports of its own") {
  test::TempDir dir;
  auto nodes =
      open_ensemble({.directory = dir / "e", .participants = 2, .observers = 1, .base_port = 5000, .tick_ms = 50});
  REQUIRE(nodes.size() == 3);
  CHECK(nodes[0].client_address() == "127.0.0.1:5002");
  CHECK(nodes[0].peer_address() == "127.0.0.1:5008");
  CHECK(nodes[2].client_address() == "127.0.0.1:5022");
  CHECK(nodes[1].config.id == PeerId{2});
  CHECK(nodes[1].config.tick_ms == 50);
  CHECK(nodes[1].config.data_dir == dir / "e/node-2");
  CHECK(nodes[1].log_file == dir / "e/node-2.log");
  CHECK(nodes[1].config.members.size() == 3);
  CHECK_FALSE(nodes[0].config.members.at({2}).observer);
  CHECK(nodes[0].config.members.at({3}).observer);
  for (const auto& node : nodes) CHECK(to_toml(load_config(node.config_file).node) == to_toml(node.config));
}

TEST_CASE("without options there are three participants on the usual ports") {
  test::TempDir dir;
  auto nodes = open_ensemble({.directory = dir.path()});
  REQUIRE(nodes.size() == 3);
  CHECK(nodes[0].client_address() == "127.0.0.1:2182");
  CHECK(nodes[2].client_address() == "127.0.0.1:2202");
  CHECK(nodes[0].zk_address() == "127.0.0.1:2181");
  CHECK(nodes[2].zk_address() == "127.0.0.1:2201");
}

TEST_CASE("a directory that holds an ensemble gives the same one again, edits included") {
  test::TempDir dir;
  auto made = open_ensemble({.directory = dir.path(), .participants = 1, .base_port = 5000});
  NodeConfig edited = made[0].config;
  edited.log_level = "debug";
  dir.write("node-1.toml", to_toml(edited));
  auto again = open_ensemble({.directory = dir.path()});
  REQUIRE(again.size() == 1);
  CHECK(again[0].config.log_level == "debug");
  CHECK(again[0].config.rpc_port == 5002);
  CHECK(open_ensemble({.directory = dir.path(), .participants = 1, .base_port = 5000}).size() == 1);
}

TEST_CASE("options that do not fit the ensemble in the directory are refused") {
  test::TempDir dir;
  open_ensemble({.directory = dir.path(), .participants = 3, .base_port = 5000, .tick_ms = 100});
  auto error = [&](EnsembleOptions options) {
    options.directory = dir.path();
    try {
      open_ensemble(options);
    } catch (const ConfigError& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  const std::string advice = " out to start it again, or choose another directory with --dir";
  CHECK(error({.participants = 5}) == dir.path() + ": holds an ensemble with 3 participants; leave --nodes" + advice);
  CHECK(error({.observers = 1}) == dir.path() + ": holds an ensemble with 0 observers; leave --observers" + advice);
  CHECK(error({.tick_ms = 5}) == dir.path() + ": holds an ensemble with ticks of 100 ms; leave --tick-ms" + advice);
  CHECK(error({.base_port = 6000}) ==
        dir.path() + ": holds an ensemble with other ports (node 1 has 5002); leave --base-port" + advice);
  std::filesystem::remove(dir / "node-3.toml");
  CHECK(error({}) == dir / "node-1.toml" + ": lists member 3, but " + dir / "node-3.toml" +
                         " is missing; add it, or remove the member");
  dir.write("node-2.toml", "id = 2");
  CHECK(error({}) == dir / "node-2.toml" + ": data_dir is missing; add the line data_dir = ...");
}

TEST_CASE("an ensemble that cannot be is refused") {
  test::TempDir dir;
  CHECK_THROWS_AS(open_ensemble({.directory = dir.path(), .participants = 0}), ConfigError);
  CHECK_THROWS_AS(open_ensemble({.directory = dir.path(), .participants = 250, .observers = 6}), ConfigError);
  CHECK_THROWS_WITH(open_ensemble({.directory = dir.path(), .base_port = 65530}),
                    "--base-port is 65530; choose one from 1 to 65506");
  dir.write("file", "");
  CHECK_THROWS_AS(open_ensemble({.directory = dir / "file"}), ConfigError);
}
