#include "apps/launcher.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>

#include "apps/exit_codes.hpp"
#include "apps/listen_check.hpp"
#include "apps/node_status.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr auto probe_interval = 100ms;
constexpr auto probe_patience = 500ms;
constexpr auto ready_patience = 30s;  ///< after that it says what it is waiting for
constexpr auto stop_patience = 20s;
constexpr auto longest_pause = 30s, long_life = 10s;

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void complain(const std::string& line) {
  std::fflush(stdout);
  std::fprintf(stderr, "troupe up: %s\n", line.c_str());
}

int open_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/// The end of the input means "stop" where somebody holds its other end; /dev/null says nothing.
bool input_has_an_end() {
  struct stat info;
  return fstat(STDIN_FILENO, &info) == 0 && (isatty(STDIN_FILENO) || S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode));
}

/// The last lines of a log file that were written from `start` on.
std::string tail(const std::string& file, std::uintmax_t start) {
  std::ifstream in(file);
  in.seekg(static_cast<std::streamoff>(start));
  std::deque<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
    if (lines.size() > 5) lines.pop_front();
  }
  std::string text;
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

}  // namespace

Launcher::Launcher(std::vector<EnsembleNode> nodes, Options options) : options_(options) {
  for (EnsembleNode& node : nodes) children_.push_back({.node = std::move(node)});
}

int Launcher::run() {
  if (!ports_are_free()) return exit_code::network;
  announce();
  int signals = open_signals();
  watch_input_ = !options_.shell && input_has_an_end();
  patience_end_ = Clock::now() + ready_patience;
  for (Child& child : children_) start(child);
  while (!stopping_) turn(signals);
  stop_all();
  close(signals);
  return status_;
}

bool Launcher::ports_are_free() const {
  bool free = true;
  auto check = [&](const std::string& address, std::uint16_t port, const Child& child, const char* key) {
    auto problem = why_not_listen(address, port);
    if (!problem) return;
    free = false;
    complain("node " + to_string(child.node.config.id) + " cannot listen on " + address + " port " +
             std::to_string(port) + ": " + *problem + "; end what uses it, change " + key + " in " +
             child.node.config_file + ", or start a new ensemble with --dir and --base-port");
  };
  for (const Child& child : children_) {
    const NodeConfig& config = child.node.config;
    check(config.client_address, config.rpc_port, child, "rpc_port");
    if (config.zk_port != 0) check(config.client_address, config.zk_port, child, "zk_port");
    check(config.peer_address, config.members.at(config.id).peer_port, child, "peer_port");
  }
  return free;
}

void Launcher::announce() const {
  for (const Child& child : children_) {
    const NodeConfig& config = child.node.config;
    say("node " + to_string(config.id) + (config.members.at(config.id).observer ? " (observer)" : "") + ": clients " +
        child.node.client_address() + (config.zk_port != 0 ? ", ZooKeeper's clients " + child.node.zk_address() : "") +
        ", peers " + child.node.peer_address() + ", data " + config.data_dir + ", log " + child.node.log_file);
  }
}

void Launcher::start(Child& child) {
  std::error_code none_yet;
  auto size = std::filesystem::file_size(child.node.log_file, none_yet);
  child.log_start = none_yet ? 0 : size;
  child.process = ChildProcess({own_program(), "node", "--config", child.node.config_file},
                               {.output_file = child.node.log_file, .detached = true});
  child.started = Clock::now();
  child.restart_at.reset();
}

void Launcher::turn(int signals) {
  pollfd waited[] = {{signals, POLLIN, 0}, {watch_input_ ? STDIN_FILENO : -1, POLLIN, 0}};
  poll(waited, 2, static_cast<int>(next_timeout().count()));
  if (waited[0].revents) read_signals(signals);
  if (waited[1].revents && input_ended()) stopping_ = true;
  reap();
  restart_due();
  if (!ready_ && !stopping_) probe();
}

std::chrono::milliseconds Launcher::next_timeout() const {
  if (!ready_) return probe_interval;
  std::chrono::milliseconds timeout{-1};  // poll's "for ever"
  for (const Child& child : children_) {
    if (!child.restart_at) continue;
    auto left = std::chrono::ceil<std::chrono::milliseconds>(*child.restart_at - Clock::now());
    left = std::max(left, std::chrono::milliseconds(0));
    if (timeout.count() < 0 || left < timeout) timeout = left;
  }
  return timeout;
}

void Launcher::read_signals(int signals) {
  signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) continue;
    if (info.ssi_signo == SIGINT && shell_) continue;  // Ctrl-C at the terminal is the shell's
    stopping_ = true;
  }
}

bool Launcher::input_ended() const {
  // A background process must not read its terminal: it would be stopped.
  if (isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) != getpgrp()) return false;
  char ignored[512];
  return read(STDIN_FILENO, ignored, sizeof ignored) <= 0;
}

void Launcher::reap() {
  for (Child& child : children_)
    if (auto status = child.process.poll_exit()) child_ended(child, *status);
  if (shell_ && shell_->poll_exit()) stopping_ = true;
}

void Launcher::child_ended(Child& child, int wait_status) {
  complain("node " + to_string(child.node.config.id) + " " + describe_exit(wait_status) + "; the end of " +
           child.node.log_file + ":" + tail(child.node.log_file, child.log_start));
  if (options_.restart) {
    auto now = Clock::now();
    bool lived_long = now - child.started > long_life;
    child.pause = lived_long ? 1s : std::clamp<std::chrono::seconds>(2 * child.pause, 1s, longest_pause);
    child.restart_at = now + child.pause;
    complain("node " + to_string(child.node.config.id) + " is started again in " + std::to_string(child.pause.count()) +
             " s");
    return;
  }
  bool any_left = false;
  for (const Child& other : children_) any_left |= other.process.running();
  if (ready_ && any_left) return;
  stopping_ = true;
  status_ = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) != 0 ? WEXITSTATUS(wait_status) : exit_code::failed;
}

void Launcher::restart_due() {
  for (Child& child : children_) {
    if (stopping_ || !child.restart_at || Clock::now() < *child.restart_at) continue;
    start(child);
    say("node " + to_string(child.node.config.id) + " is started again");
  }
}

void Launcher::probe() {
  std::vector<std::string> addresses;
  for (const Child& child : children_) addresses.push_back(child.node.client_address());
  std::vector<StatusAnswer> answers = query_status(addresses, probe_patience);
  std::optional<PeerId> leader = leader_of(answers);
  std::string waiting_for;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto& [address, status, problem] = answers[i];
    if (leader && status && status->leader == *leader && status->role != "looking") continue;
    waiting_for += "\n  node " + to_string(children_[i].node.config.id) + ": " + (status ? status->role : problem);
  }
  if (!waiting_for.empty()) {
    if (Clock::now() < patience_end_) return;
    complain("not ready yet:" + waiting_for);
    patience_end_ = Clock::now() + ready_patience;
    return;
  }
  ready_ = true;
  std::string list, zk_list;
  for (const std::string& address : addresses) list += (list.empty() ? "" : ",") + address;
  for (const Child& child : children_) {
    if (child.node.config.zk_port != 0) zk_list += (zk_list.empty() ? "" : ",") + child.node.zk_address();
  }
  if (!zk_list.empty()) say("ZooKeeper's clients connect to " + zk_list);
  say("ready: " + std::to_string(children_.size()) + (children_.size() == 1 ? " node" : " nodes") + ", leader " +
      to_string(*leader) + ", clients connect to " + list);
  if (options_.shell)
    shell_.emplace(std::vector<std::string>{own_program(), "shell", "--connect", list}, ChildProcess::Options{});
}

void Launcher::stop_all() {
  for (Child& child : children_) child.process.signal(SIGTERM);
  if (shell_) shell_->signal(SIGTERM);
  auto deadline = Clock::now() + stop_patience;
  sigset_t child_signal;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  for (;;) {
    std::size_t left = 0;
    for (Child& child : children_) {
      auto status = child.process.poll_exit();
      if (status && *status != 0) {
        complain("node " + to_string(child.node.config.id) + " " + describe_exit(*status) + " when it was stopped");
        status_ = exit_code::failed;
      }
      left += child.process.running();
    }
    if (left == 0) break;
    if (Clock::now() > deadline) {
      complain(std::to_string(left) + " nodes did not stop in time and are ended; they lose nothing by it");
      status_ = exit_code::failed;
      break;
    }
    timespec pause{.tv_sec = 0, .tv_nsec = 200'000'000};
    sigtimedwait(&child_signal, nullptr, &pause);
  }
  if (!options_.shell) say("stopped");
}

}  // namespace troupe
