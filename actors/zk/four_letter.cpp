// The words about the server itself; those about its clients are in four_letter_clients.cpp.
#include "actors/zk/four_letter.hpp"

#include <pwd.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "actors/clock.hpp"
#include "actors/zk/text.hpp"

namespace troupe::zk {
namespace {

namespace fs = std::filesystem;

/// Tools look here for what they may ask: first the ZooKeeper that is spoken, then who speaks.
constexpr const char* version = "3.8.0-troupe-" TROUPE_VERSION ", built on " __DATE__;

/// Bytes of the files below; what vanishes meanwhile does not count.
std::uintmax_t size_of(const fs::path& directory) {
  std::uintmax_t size = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (const auto bytes = at->file_size(gone); !gone) size += bytes;
  }
  return size;
}

std::size_t open_files() {
  std::error_code error;
  const fs::directory_iterator files("/proc/self/fd", error);
  return error ? 0 : static_cast<std::size_t>(std::distance(fs::begin(files), fs::end(files)));
}

std::uint64_t most_open_files() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

std::uint32_t session_timeout(std::uint32_t configured, std::uint32_t by_default) {
  return configured != 0 ? configured : by_default;
}

}  // namespace

FourLetterWords::FourLetterWords(const Gateway& gateway, const NodeConfig& config, const StatusBoard& board,
                                 const Admission& admission, const NodeClients& clients)
    : gateway_(gateway),
      config_(config),
      board_(board),
      admission_(admission),
      clients_(clients),
      started_ms_(monotonic_ms()) {}

const FourLetterWords::Word* FourLetterWords::find(std::string_view name) {
  using F = FourLetterWords;
  constexpr ClientQuestion counts{}, connections{.connections = true}, watches{.watches = true};
  static constexpr std::array words = {
      Word{"ruok", &F::ruok, true},
      Word{"isro", &F::isro},
      Word{"srvr", &F::srvr, false, counts},
      Word{"stat", &F::stat, false, connections},
      Word{"mntr", &F::mntr, false, counts},
      Word{"conf", &F::conf, true},
      Word{"envi", &F::envi, true},
      Word{"dirs", &F::dirs, true},
      Word{"hash", &F::hash},
      Word{"gtmk", &F::gtmk, true},
      Word{"stmk", &F::gtmk, true},
      Word{"srst", &F::srst, false, ClientQuestion{.reset_server = true}},
      Word{"cons", &F::cons, false, connections},
      Word{"crst", &F::crst, false, ClientQuestion{.reset_connections = true}},
      Word{"dump", &F::dump, false, connections},
      Word{"wchs", &F::wchs, false, watches},
      Word{"wchc", &F::wchc, false, watches},
      Word{"wchp", &F::wchp, false, watches},
  };
  const auto it = std::find_if(words.begin(), words.end(), [&](const Word& word) { return word.name == name; });
  return it == words.end() ? nullptr : &*it;
}

kj::Maybe<kj::Promise<std::string>> FourLetterWords::answer(std::string_view received) {
  const auto name = received.substr(0, 4);
  if (name[0] < 'a') return nullptr;  // the length of a frame, as nearly always
  const Word* word = find(name);
  if (word == nullptr) return nullptr;
  const auto& allowed = config_.four_letter_words;
  if (std::none_of(allowed.begin(), allowed.end(), [&](const auto& each) { return each == "*" || each == name; })) {
    return kj::Promise<std::string>(std::string(name) + " is not executed because it is not in the whitelist.\n");
  }
  const auto not_serving = [this, word]() -> std::optional<std::string> {
    if (word->always || gateway_.is_serving()) return std::nullopt;
    return "This ZooKeeper instance is not currently serving requests\n";
  };
  if (auto refusal = not_serving()) return kj::Promise<std::string>(std::move(*refusal));
  if (name == "stmk") set_trace_mask(received.substr(4));
  if (!word->about_clients) return kj::Promise<std::string>((this->*word->answer)({}));
  return kj::evalNow([&] { return clients_.ask(*word->about_clients); })
      .then([this, word, not_serving](const ClientFacts& clients) {
        const auto refusal = not_serving();
        return refusal ? *refusal : (this->*word->answer)(clients);
      });
}

std::string FourLetterWords::ruok(const ClientFacts&) { return "imok"; }

std::string FourLetterWords::isro(const ClientFacts&) { return gateway_.is_read_only() ? "ro" : "rw"; }

std::string FourLetterWords::hash(const ClientFacts&) { return ""; }  // ZooKeeper's, too, without a history of digests

std::string FourLetterWords::gtmk(const ClientFacts&) { return std::to_string(trace_mask_); }

void FourLetterWords::set_trace_mask(std::string_view argument) {
  Reader in(argument);
  const std::int64_t mask = in.i64();
  if (!in.failed()) trace_mask_ = mask;
}

std::string FourLetterWords::srst(const ClientFacts&) { return "Server stats reset.\n"; }

std::string FourLetterWords::mode() const {
  if (gateway_.is_read_only()) return "read-only";
  if (config_.members.size() == 1) return "standalone";
  switch (board_.status().role) {
    case zab::PeerState::leading:
      return "leader";
    case zab::PeerState::following:
      return "follower";
    case zab::PeerState::observing:
      return "observer";
    case zab::PeerState::looking:
      break;
  }
  return "looking";
}

std::string FourLetterWords::server_lines(const ClientFacts& clients) const {
  const auto& counters = clients.counters;
  const auto& latency = counters.latency;
  const auto* view = gateway_.view();
  std::string text;
  text += "Latency min/avg/max: " + std::to_string(latency.min) + "/" + decimal(latency.average()) + "/" +
          std::to_string(latency.max) + "\n";
  text += "Received: " + std::to_string(counters.received) + "\n";
  text += "Sent: " + std::to_string(counters.sent) + "\n";
  text += "Connections: " + std::to_string(admission_.connections()) + "\n";
  text += "Outstanding: " + std::to_string(clients.outstanding) + "\n";
  text += "Zxid: " + hexadecimal(view->zxid().value) + "\n";
  text += "Mode: " + mode() + "\n";
  text += "Node count: " + std::to_string(view->node_count()) + "\n";
  return text;
}

std::string FourLetterWords::first_lines() const {
  std::string text = "Zookeeper version: " + std::string(version) + "\n";
  if (gateway_.is_read_only()) text += "READ-ONLY mode; serving only read-only clients\n";
  return text;
}

std::string FourLetterWords::srvr(const ClientFacts& clients) { return first_lines() + server_lines(clients); }

std::string FourLetterWords::mntr(const ClientFacts& clients) {
  std::string text;
  const auto line = [&](std::string_view key, const std::string& value) {
    text.append("zk_").append(key).append("\t").append(value).append("\n");
  };
  const auto number = [&](std::string_view key, std::uint64_t value) { line(key, std::to_string(value)); };
  const auto& counters = clients.counters;
  const auto* view = gateway_.view();
  const auto status = board_.status();
  line("version", version);
  line("server_state", mode());
  number("ephemerals_count", view->ephemeral_count());
  number("num_alive_connections", admission_.connections());
  line("avg_latency", decimal(counters.latency.average()));
  number("min_latency", static_cast<std::uint64_t>(counters.latency.min));
  number("max_latency", static_cast<std::uint64_t>(counters.latency.max));
  number("packets_received", counters.received);
  number("packets_sent", counters.sent);
  number("outstanding_requests", clients.outstanding);
  number("znode_count", view->node_count());
  number("watch_count", board_.clients().watches);
  number("approximate_data_size", size_of(fs::path(config_.data_dir) / "state"));
  number("global_sessions", view->session_count());
  number("local_sessions", gateway_.node_sessions().size());
  number("connection_rejected", admission_.rejected());
  number("open_file_descriptor_count", open_files());
  number("max_file_descriptor_count", most_open_files());
  number("uptime", static_cast<std::uint64_t>(monotonic_ms() - started_ms_));
  if (config_.members.size() == 1) return text;
  line("peer_state", mode() == "leader"     ? "leading - broadcast"
                     : mode() == "follower" ? "following - broadcast"
                                            : "observing - broadcast");
  number("quorum_size",
         static_cast<std::uint64_t>(std::count_if(config_.members.begin(), config_.members.end(),
                                                  [](const auto& member) { return !member.second.observer; })));
  if (status.role != zab::PeerState::leading) return text;
  std::size_t synced_followers = 0, synced_observers = 0;
  for (const auto& learner : status.learners) {
    if (learner.active) ++(learner.observer ? synced_observers : synced_followers);
  }
  number("learners", status.learners.size());
  number("followers", status.learners.size());
  number("synced_followers", synced_followers);
  number("synced_observers", synced_observers);
  return text;
}

std::string FourLetterWords::conf(const ClientFacts&) {
  const auto line = [](std::string_view key, const auto& value) { return std::string(key) + "=" + value + "\n"; };
  const auto number = [&](std::string_view key, std::int64_t value) { return line(key, std::to_string(value)); };
  const fs::path data(config_.data_dir);
  std::string text =
      number("clientPort", config_.zk_port) +
      number("secureClientPort", config_.zk_secure_port == 0 ? -1 : config_.zk_secure_port) +
      line("dataDir", (data / "state").string()) +
      number("dataDirSize", static_cast<std::int64_t>(size_of(data / "state"))) +
      line("dataLogDir", (data / "log").string()) +
      number("dataLogSize", static_cast<std::int64_t>(size_of(data / "log"))) + number("tickTime", config_.tick_ms) +
      number("maxClientCnxns", config_.max_client_cnxns) +
      number("minSessionTimeout", session_timeout(config_.min_session_timeout_ms, 2 * config_.tick_ms)) +
      number("maxSessionTimeout", session_timeout(config_.max_session_timeout_ms, 20 * config_.tick_ms)) +
      number("clientPortListenBacklog", -1) + number("serverId", config_.id.value);
  if (config_.members.size() == 1) return text;
  const Member& self = config_.members.at(config_.id);
  text += number("initLimit", config_.init_limit) + number("syncLimit", config_.sync_limit) + number("electionAlg", 3) +
          number("electionPort", self.peer_port) + number("quorumPort", self.peer_port) +
          number("peerType", self.observer ? 1 : 0);
  if (gateway_.is_read_only()) return text;
  text += "membership: \n";
  for (const auto& [id, member] : config_.members) {
    const std::string port = std::to_string(member.peer_port);
    text += "server." + to_string(id) + "=" + member.host + ":" + port + ":" + port + ":" +
            (member.observer ? "observer" : "participant") + "\n";
  }
  return text;
}

std::string FourLetterWords::envi(const ClientFacts&) {
  std::string text = "Environment:\n";
  const auto line = [&](std::string_view key, std::string_view value) {
    text.append(key).append("=").append(value).append("\n");
  };
  const auto megabytes = [](std::uint64_t bytes) { return std::to_string(bytes >> 20) + "MB"; };
  utsname system{};
  uname(&system);
  struct sysinfo memory {};
  sysinfo(&memory);
  const passwd* user = getpwuid(getuid());
  std::error_code error;
  line("zookeeper.version", version);
  line("host.name", system.nodename);
  line("os.name", system.sysname);
  line("os.arch", system.machine);
  line("os.version", system.release);
  line("user.name", user != nullptr ? user->pw_name : std::to_string(getuid()));
  line("user.home", user != nullptr ? user->pw_dir : "");
  line("user.dir", fs::current_path(error).string());
  line("os.memory.free", megabytes(std::uint64_t{memory.freeram} * memory.mem_unit));
  line("os.memory.max", megabytes(std::uint64_t{memory.totalram} * memory.mem_unit));
  line("os.memory.total", megabytes(std::uint64_t{memory.totalram} * memory.mem_unit));
  return text;
}

std::string FourLetterWords::dirs(const ClientFacts&) {
  const fs::path data(config_.data_dir);
  const auto log = size_of(data / "log");
  return "datadir_size: " + std::to_string(size_of(data) - log) + "\nlogdir_size: " + std::to_string(log) + "\n";
}

}  // namespace troupe::zk
