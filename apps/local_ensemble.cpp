#include "apps/local_ensemble.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <thread>

#include "apps/listen_check.hpp"
#include "apps/node_status.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr auto probe_patience = 500ms, probe_interval = 5ms;

bool has_leader(const StatusAnswer& answer, PeerId leader) {
  return answer.status && answer.status->leader == leader && answer.status->role != "looking";
}

/// Takes the range by the first of its ports, on which no node listens. False if somebody else was quicker.
bool reserve(std::uint32_t base) {
  const int held = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);  // until the process ends
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(static_cast<std::uint16_t>(base))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (held >= 0 && bind(held, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
  if (held >= 0) close(held);
  return false;
}

}  // namespace

std::uint32_t free_base_port(std::uint32_t nodes) {
  // Below the ports that the system gives to outgoing connections. Processes begin their search at different places.
  constexpr std::uint32_t lowest = 10'000, ranges = 200, range = 100;
  for (std::uint32_t step = 0; step < ranges; ++step) {
    std::uint32_t base = lowest + (static_cast<std::uint32_t>(getpid()) * 7 + step * 97) % ranges * range;
    bool free = true;
    for (std::uint32_t port = base; free && port < base + 10 * nodes; ++port)
      free = !why_not_listen("127.0.0.1", static_cast<std::uint16_t>(port));
    if (free && reserve(base)) return base;
  }
  throw std::runtime_error("no free ports between 10000 and 30000; end what uses them");
}

LocalEnsemble::LocalEnsemble(std::string program, const EnsembleOptions& options) : program_(std::move(program)) {
  for (EnsembleNode& node : open_ensemble(options)) nodes_.push_back({.files = std::move(node)});
}

std::string LocalEnsemble::address(std::size_t node) const { return nodes_[node].files.client_address(); }

std::vector<std::string> LocalEnsemble::addresses() const {
  std::vector<std::string> all;
  for (const Member& node : nodes_) all.push_back(node.files.client_address());
  return all;
}

std::string LocalEnsemble::zk_connect() const {
  std::string list;
  for (const Member& node : nodes_) list += (list.empty() ? "" : ",") + node.files.zk_address();
  return list;
}

std::string LocalEnsemble::connect() const {
  std::string list;
  for (const std::string& address : addresses()) list += (list.empty() ? "" : ",") + address;
  return list;
}

void LocalEnsemble::start(std::size_t node) {
  const EnsembleNode& files = nodes_[node].files;
  nodes_[node].process = ChildProcess({program_, "node", "--config", files.config_file},
                                      {.output_file = files.log_file, .detached = true});
}

void LocalEnsemble::start_all() {
  for (std::size_t node = 0; node < size(); ++node) start(node);
}

bool LocalEnsemble::wait_ready(std::chrono::milliseconds limit) const {
  std::vector<std::string> asked;
  for (const Member& node : nodes_)
    if (node.process.running()) asked.push_back(node.files.client_address());
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const std::vector<StatusAnswer> answers = query_status(asked, probe_patience);
    const auto leader = leader_of(answers);
    bool ready = leader.has_value();
    for (const StatusAnswer& answer : answers) ready = ready && has_leader(answer, *leader);
    if (ready) return true;
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(probe_interval);
  }
}

std::optional<int> LocalEnsemble::stop(std::size_t node, std::chrono::milliseconds limit) {
  ChildProcess& process = nodes_[node].process;
  process.signal(SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    if (auto status = process.poll_exit()) return status;
    if (std::chrono::steady_clock::now() > deadline) return std::nullopt;
    std::this_thread::sleep_for(probe_interval);
  }
}

}  // namespace troupe
