#include "actors/zk/four_letter.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "actors/clock.hpp"

namespace troupe::zk {
namespace {

/// What the field's tools look for the version in.
constexpr const char* version_line = "Zookeeper version: " TROUPE_VERSION " (Troupe), built on " __DATE__;

std::string decimal(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.4f", value);
  std::string digits = text;
  while (digits.ends_with("0") && !digits.ends_with(".0")) digits.pop_back();
  return digits;
}

std::string hexadecimal(std::uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

/// As `stat` shows a connection.
std::string short_line(const Connection::Facts& facts) {
  return " " + facts.name + "[" + (facts.session == SessionId{} ? "0" : "1") +
         "](queued=" + std::to_string(facts.outstanding) + ",recved=" + std::to_string(facts.counters.received) +
         ",sent=" + std::to_string(facts.counters.sent) + ")";
}

}  // namespace

FourLetterWords::FourLetterWords(const Gateway& gateway, const NodeConfig& config, const StatusBoard& board,
                                 const Admission& admission)
    : gateway_(gateway), config_(config), board_(board), admission_(admission), started_ms_(monotonic_ms()) {}

const FourLetterWords::Word* FourLetterWords::find(std::string_view name) {
  static constexpr std::array words = {
      Word{"ruok", &FourLetterWords::ruok, true},
      Word{"isro", &FourLetterWords::isro},
      Word{"srvr", &FourLetterWords::srvr},
      Word{"stat", &FourLetterWords::stat},
  };
  const auto it = std::find_if(words.begin(), words.end(), [&](const Word& word) { return word.name == name; });
  return it == words.end() ? nullptr : &*it;
}

std::optional<std::string> FourLetterWords::answer(std::string_view name, Door& door) {
  if (name[0] < 'a') return std::nullopt;  // the length of a frame; usually
  const Word* word = find(name);
  if (word == nullptr) return std::nullopt;
  const auto& allowed = config_.four_letter_words;
  if (std::none_of(allowed.begin(), allowed.end(), [&](const auto& each) { return each == "*" || each == name; })) {
    return std::string(name) + " is not executed because it is not in the whitelist.\n";
  }
  if (!word->always && !gateway_.is_serving()) return "This ZooKeeper instance is not currently serving requests\n";
  return (this->*word->answer)(door);
}

std::string FourLetterWords::ruok(Door&) { return "imok"; }

std::string FourLetterWords::isro(Door&) { return "rw"; }

std::string FourLetterWords::mode() const {
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

std::string FourLetterWords::server_lines(Door& door) const {
  const auto& counters = door.counters();
  const auto& latency = counters.latency;
  const auto* view = gateway_.view();
  std::string text;
  text += "Latency min/avg/max: " + std::to_string(latency.min) + "/" + decimal(latency.average()) + "/" +
          std::to_string(latency.max) + "\n";
  text += "Received: " + std::to_string(counters.received) + "\n";
  text += "Sent: " + std::to_string(counters.sent) + "\n";
  text += "Connections: " + std::to_string(admission_.connections()) + "\n";
  text += "Outstanding: " + std::to_string(door.outstanding()) + "\n";
  text += "Zxid: " + hexadecimal(view->zxid().value) + "\n";
  text += "Mode: " + mode() + "\n";
  text += "Node count: " + std::to_string(view->node_count()) + "\n";
  return text;
}

std::string FourLetterWords::srvr(Door& door) { return version_line + ("\n" + server_lines(door)); }

std::string FourLetterWords::stat(Door& door) {
  std::string text = version_line;
  text += "\nClients:\n";
  door.each([&](Connection& connection) { text += short_line(connection.facts()) + "\n"; });
  return text + "\n" + server_lines(door);
}

}  // namespace troupe::zk
