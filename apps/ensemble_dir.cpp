#include "apps/ensemble_dir.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "apps/config.hpp"

namespace troupe {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t default_participants = 3, default_base_port = 2180;
constexpr std::uint32_t ports_per_node = 10, zk_offset = 1, rpc_offset = 2, peer_offset = 8;

std::string address(const std::string& host, std::uint16_t port) {
  bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

/// Where this machine's clients find what listens on `host`.
std::string reachable(const std::string& host) { return host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host; }

EnsembleNode node_files(const fs::path& directory, std::uint32_t id) {
  fs::path stem = directory / ("node-" + std::to_string(id));
  return {.config_file = stem.string() + ".toml", .log_file = stem.string() + ".log"};
}

std::vector<EnsembleNode> read_ensemble(const fs::path& directory) {
  std::vector<EnsembleNode> nodes;
  for (std::uint32_t id = 1;; ++id) {
    EnsembleNode node = node_files(directory, id);
    if (!fs::exists(node.config_file)) return nodes;
    node.config = load_config(node.config_file).node;
    if (node.config.id.value != id)
      throw ConfigError(node.config_file + ": its id is " + to_string(node.config.id) +
                        "; it must be the one in the name");
    nodes.push_back(std::move(node));
  }
}

/// A member without a configuration is a node that nobody would start.
void check_complete(const fs::path& directory, const std::vector<EnsembleNode>& nodes) {
  for (const EnsembleNode& node : nodes)
    for (const auto& [id, member] : node.config.members)
      if (id.value > nodes.size())
        throw ConfigError(node.config_file + ": lists member " + to_string(id) + ", but " +
                          node_files(directory, id.value).config_file + " is missing; add it, or remove the member");
}

[[noreturn]] void refuse(const fs::path& directory, const std::string& what, const char* option) {
  throw ConfigError(directory.string() + ": holds an ensemble with " + what + "; leave " + option +
                    " out to start it again, or choose another directory with --dir");
}

void check_fits(const EnsembleOptions& options, const std::vector<EnsembleNode>& nodes) {
  const NodeConfig& first = nodes.front().config;
  std::uint32_t observers = 0;
  for (const auto& [id, member] : first.members) observers += member.observer;
  auto participants = static_cast<std::uint32_t>(first.members.size()) - observers;
  if (options.participants && *options.participants != participants)
    refuse(options.directory, std::to_string(participants) + " participants", "--nodes");
  if (options.observers && *options.observers != observers)
    refuse(options.directory, std::to_string(observers) + " observers", "--observers");
  if (options.tick_ms && *options.tick_ms != first.tick_ms)
    refuse(options.directory, "ticks of " + std::to_string(first.tick_ms) + " ms", "--tick-ms");
  if (options.base_port && *options.base_port + rpc_offset != first.rpc_port)
    refuse(options.directory, "other ports (node 1 has " + std::to_string(first.rpc_port) + ")", "--base-port");
}

std::vector<EnsembleNode> plan_ensemble(const EnsembleOptions& options) {
  std::uint32_t participants = options.participants.value_or(default_participants);
  std::uint32_t count = participants + options.observers.value_or(0);
  std::uint32_t base = options.base_port.value_or(default_base_port);
  if (participants == 0) throw ConfigError("--nodes is 0; an ensemble needs at least one participant");
  if (count > 255) throw ConfigError("an ensemble has at most 255 nodes; ask for fewer");
  if (base == 0 || base + count * ports_per_node > 65536)
    throw ConfigError("--base-port is " + std::to_string(base) + "; choose one from 1 to " +
                      std::to_string(65536 - count * ports_per_node));
  NodeConfig common;
  common.peer_address = common.client_address = "127.0.0.1";
  common.tick_ms = options.tick_ms.value_or(common.tick_ms);
  for (std::uint32_t id = 1; id <= count; ++id) {
    auto first = static_cast<std::uint16_t>(base + (id - 1) * ports_per_node);
    common.members[{id}] = {.host = "127.0.0.1",
                            .peer_port = static_cast<std::uint16_t>(first + peer_offset),
                            .rpc_port = static_cast<std::uint16_t>(first + rpc_offset),
                            .observer = id > participants,
                            .client_port = static_cast<std::uint16_t>(first + zk_offset)};
  }
  std::vector<EnsembleNode> nodes;
  for (const auto& [id, member] : common.members) {
    EnsembleNode node = node_files(options.directory, id.value);
    node.config = common;
    node.config.id = id;
    node.config.rpc_port = member.rpc_port;
    node.config.zk_port = member.client_port;
    node.config.data_dir = "node-" + to_string(id);  // relative to the file: the directory may be moved
    nodes.push_back(std::move(node));
  }
  return nodes;
}

void write_ensemble(const std::vector<EnsembleNode>& nodes) {
  // The last first: a directory that was left half written is then read as none, and written again.
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    std::ofstream out(node->config_file);
    out << "# Node " << to_string(node->config.id) << " of an ensemble on this machine. May be edited.\n"
        << to_toml(node->config);
    if (!out.flush()) throw ConfigError(node->config_file + ": cannot be written; check the space and the permissions");
  }
}

}  // namespace

std::string EnsembleNode::client_address() const { return address(reachable(config.client_address), config.rpc_port); }

std::string EnsembleNode::zk_address() const { return address(reachable(config.client_address), config.zk_port); }

std::string EnsembleNode::peer_address() const {
  return address(config.peer_address, config.members.at(config.id).peer_port);
}

std::vector<EnsembleNode> open_ensemble(const EnsembleOptions& options) {
  std::error_code error;
  fs::create_directories(options.directory, error);
  if (error)
    throw ConfigError(options.directory + ": cannot be made: " + error.message() + "; choose another with --dir");

  std::vector<EnsembleNode> nodes = read_ensemble(options.directory);
  if (nodes.empty()) {
    write_ensemble(plan_ensemble(options));
    nodes = read_ensemble(options.directory);
  } else {
    check_fits(options, nodes);
  }
  check_complete(options.directory, nodes);
  return nodes;
}

}  // namespace troupe
