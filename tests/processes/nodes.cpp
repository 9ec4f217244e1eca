#include "tests/processes/nodes.hpp"

#include <algorithm>
#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "apps/config.hpp"
#include "client/client.hpp"
#include "tests/catch.hpp"
#include "tests/wait.hpp"

namespace troupe::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto answer_patience = 5s;

EnsembleOptions configured(const NodesOptions& options, const std::string& directory) {
  const std::uint32_t count = options.voters + options.observers;
  EnsembleOptions ensemble{.directory = directory,
                           .participants = options.voters,
                           .observers = options.observers,
                           .base_port = free_base_port(count),
                           .tick_ms = 500};
  for (EnsembleNode& node : open_ensemble(ensemble)) {
    // Silence ends a reign late: a busy machine makes no leaders, and what the test does to a follower does not,
    // either. Broken connections are noticed at once.
    node.config.failure_timeout_ms = 20'000;
    node.config.gateways = node.config.id.value % 2;  // clients on the peers' loop, and on a thread of their own
    options.configure(node.config);
    std::ofstream(node.config_file) << to_toml(node.config);
  }
  return ensemble;
}

std::string read(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

/// The state of a thread as the kernel shows it, behind its name in parentheses: 'T' is stopped.
bool is_stopped(const fs::path& task) {
  const std::string text = read(task / "stat");
  const std::size_t name_end = text.rfind(") ");
  return name_end != std::string::npos && text[name_end + 2] == 'T';
}

Client client_of(const std::string& address) { return Client(address, {.session_timeout = 10s, .patience = patience}); }

}  // namespace

Nodes::Nodes(NodesOptions options) : ensemble_(TROUPE_PROGRAM, configured(options, directory_.path())) {}

std::vector<std::uint32_t> Nodes::others(std::uint32_t id) const {
  std::vector<std::uint32_t> found;
  for (std::uint32_t other = 1; other <= size(); ++other)
    if (other != id) found.push_back(other);
  return found;
}

void Nodes::start_all() {
  for (std::uint32_t id = 1; id <= size(); ++id)
    if (!ensemble_.running(id - 1)) start(id);
}

void Nodes::kill(std::uint32_t id) {
  ensemble_.kill(id - 1);
  frozen_.erase(id);
}

void Nodes::freeze(std::uint32_t id) {
  ensemble_.signal(id - 1, SIGSTOP);
  frozen_.insert(id);
  const fs::path tasks = "/proc/" + std::to_string(process(id)) + "/task";
  wait_until("node " + std::to_string(id) + " stands still", [&] {
    return std::all_of(fs::directory_iterator(tasks), fs::directory_iterator(),
                       [](const fs::directory_entry& task) { return is_stopped(task.path()); });
  });
}

void Nodes::thaw(std::uint32_t id) {
  ensemble_.signal(id - 1, SIGCONT);
  frozen_.erase(id);
}

std::optional<RemoteStatus> Nodes::status(std::uint32_t id) const {
  return query_status({address(id)}, answer_patience).front().status;
}

bool Nodes::looking(std::uint32_t id) const {
  const auto now = status(id);
  return now && now->role == "looking";
}

bool Nodes::leads(std::uint32_t id) const {
  const auto now = status(id);
  return now && now->role == "leading" && now->leader.value == id;
}

bool Nodes::follows(std::uint32_t id, std::uint32_t leader) const {
  const auto now = status(id);
  return now && (now->role == "following" || now->role == "observing") && now->leader.value == leader;
}

Epoch Nodes::epoch(std::uint32_t id) const {
  const auto now = status(id);
  return now ? now->epoch : Epoch{};
}

void Nodes::wait_until_serves(std::uint32_t id, std::uint32_t leader) {
  Client client(client_of(address(id)));
  wait_until("node " + std::to_string(id) + " serves and follows node " + std::to_string(leader),
             [&] { return client.state() == client::State::connected && follows(id, leader); });
}

std::uint32_t Nodes::settle() {
  std::uint32_t leader = 0;
  wait_until("all have one leader", [&] {
    std::vector<std::string> asked;
    for (std::uint32_t id = 1; id <= size(); ++id)
      if (works(id)) asked.push_back(address(id));
    const auto answers = query_status(asked, answer_patience);
    leader = leader_of(answers).value_or(PeerId{0}).value;
    return leader != 0 && works(leader) && std::all_of(answers.begin(), answers.end(), [&](const auto& answer) {
             return answer.status && answer.status->leader.value == leader && answer.status->role != "looking";
           });
  });
  return leader;
}

void Nodes::wait_until(const std::string& what, const std::function<bool()>& so) {
  const bool came = comes_true([&] {
    check_alive();
    return so();
  });
  if (!came) FAIL("in vain it was waited until " << what << story());
}

void Nodes::check_alive() {
  for (std::uint32_t id = 1; id <= size(); ++id)
    if (const auto status = ensemble_.poll_exit(id - 1))
      FAIL("node " << id << " " << describe_exit(*status) << story());
}

std::string Nodes::story() const {
  std::string text;
  for (std::uint32_t id = 1; id <= size(); ++id) {
    std::deque<std::string> lines;
    std::istringstream in(said(id));
    for (std::string line; std::getline(in, line); lines.size() > 20 ? lines.pop_front() : void())
      lines.push_back(line);
    text += "\nthe end of the log of node " + std::to_string(id) + ":";
    for (const std::string& line : lines) text += "\n  " + line;
  }
  return text;
}

bool Nodes::logged(std::uint32_t id, const std::string& bytes) const {
  const fs::path log = fs::path(directory_.path()) / ("node-" + std::to_string(id)) / "log";
  return std::any_of(fs::directory_iterator(log), fs::directory_iterator(), [&](const fs::directory_entry& file) {
    return read(file.path()).find(bytes) != std::string::npos;
  });
}

std::string Nodes::said(std::uint32_t id, std::size_t from) const {
  return read(ensemble_.log_file(id - 1)).substr(from);
}

std::optional<std::string> Nodes::value(std::uint32_t id, const std::string& path) const {
  Client client(client_of(address(id)));
  client.sync();
  try {
    return client.get(path).data;
  } catch (const ClientError& error) {
    if (error.error() != Error::no_node) throw;
    return std::nullopt;
  }
}

std::optional<std::string> Nodes::value(const std::string& path) const {
  std::optional<std::optional<std::string>> common;
  for (std::uint32_t id = 1; id <= size(); ++id) {
    if (!works(id)) continue;
    const auto here = value(id, path);
    if (!common) common = here;
    INFO("node " << id << " and those before it");
    CHECK(here == *common);
  }
  return common.value_or(std::nullopt);
}

std::set<std::string> Nodes::children(std::uint32_t id, const std::string& path) const {
  Client client(client_of(address(id)));
  client.sync();
  const auto names = client.children(path).names;
  return {names.begin(), names.end()};
}

}  // namespace troupe::test
