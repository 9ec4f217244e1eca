#include "apps/config.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "apps/config_draft.hpp"
#include "apps/jaas.hpp"

namespace troupe {
namespace config {

int Draft::line_of(std::string_view key) const {
  auto it = lines.find(key);
  return it == lines.end() ? 0 : it->second;
}

std::string Draft::at(int line) const { return file + ":" + (line > 0 ? std::to_string(line) + ":" : "") + " "; }

void Draft::fail(int line, const std::string& what) const { throw ConfigError(at(line) + what); }

void Draft::warn(int line, const std::string& what) { result.warnings.push_back(at(line) + what); }

void check_range(const Draft& draft, int line, std::string_view key, std::int64_t value, Range range) {
  if (value >= 0 && static_cast<std::uint64_t>(value) >= range.low && static_cast<std::uint64_t>(value) <= range.high)
    return;
  draft.fail(line, std::string(key) + " is " + std::to_string(value) + "; choose a number from " +
                       std::to_string(range.low) + " to " + std::to_string(range.high));
}

void check_super_digest(const Draft& draft, int line, std::string_view key, std::string_view digest) {
  if (digest.find(':') != digest.npos && !digest.ends_with(':')) return;
  draft.fail(line, std::string(key) + " is \"" + std::string(digest) +
                       "\"; write a name, a colon and the base64 text of the SHA-1 of \"name:password\"");
}

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

std::string member_key(PeerId id) { return "member " + to_string(id); }

void check_addresses(const Draft& draft, const NodeConfig& node) {
  std::map<std::pair<std::string, std::uint16_t>, PeerId> taken;
  for (const auto& [id, member] : node.members) {
    int line = draft.line_of(member_key(id));
    if (member.host.empty() || member.host.find_first_of(" \t") != std::string::npos)
      draft.fail(line,
                 "member " + to_string(id) + " has no usable host; give the name or address where the others reach it");
    for (std::uint16_t port : {member.peer_port, member.rpc_port}) {
      if (port == 0) continue;
      auto [it, is_new] = taken.try_emplace({member.host, port}, id);
      if (is_new) continue;
      draft.fail(line, "member " + to_string(id) + " uses " + member.host + " port " + std::to_string(port) +
                           ", as member " + to_string(it->second) + " does; give each port of a host once");
    }
  }
}

void check_votes(const Draft& draft, const NodeConfig& node) {
  bool voter = false, weight = false, grouped = false;
  for (const auto& [id, member] : node.members) {
    if (member.observer) continue;
    voter = true;
    weight |= member.weight > 0;
    grouped |= member.group != 0;
  }
  if (!voter) draft.fail(0, "every member is an observer; make at least one a participant, or nobody can lead");
  if (!weight) draft.fail(0, "every participant has weight 0; give at least one a weight, or nobody can lead");
  for (const auto& [id, member] : node.members)
    if (grouped && !member.observer && member.group == 0)
      draft.fail(draft.line_of(member_key(id)),
                 "member " + to_string(id) + " is in no group but others are; put every participant into a group");
}

/// The ensemble's history will have the members as text.
void check_text(const Draft& draft, const NodeConfig& node) {
  try {
    troupe::check_text({node.members, {}});
    if (node.reconfig_enabled && node.members.size() > 1) check_reachable({node.members, {}});
  } catch (const BadConfiguration& bad) {
    draft.fail(0, std::string(bad.what()) + "; correct the members");
  }
}

void check_failure_timing(const Draft& draft, const NodeConfig& node) {
  if (node.failure_timeout_ms >= 2ull * node.heartbeat_ms) return;
  draft.fail(std::max(draft.line_of("heartbeat_ms"), draft.line_of("failure_timeout_ms")),
             "failure_timeout_ms is " + std::to_string(node.failure_timeout_ms) + " and heartbeat_ms " +
                 std::to_string(node.heartbeat_ms) +
                 "; a node that misses one heartbeat would be given up: make the timeout at least twice the heartbeat");
}

void check_session_timeouts(const Draft& draft, const NodeConfig& node) {
  std::uint64_t low = node.min_session_timeout_ms ? node.min_session_timeout_ms : 2ull * node.tick_ms;
  std::uint64_t high = node.max_session_timeout_ms ? node.max_session_timeout_ms : 20ull * node.tick_ms;
  if (low <= high) return;
  int line = std::max(draft.line_of("min_session_timeout_ms"), draft.line_of("max_session_timeout_ms"));
  draft.fail(line, "the shortest session timeout, " + std::to_string(low) + " ms, is above the longest, " +
                       std::to_string(high) + " ms (by default 2 and 20 ticks); lower the one or raise the other");
}

}  // namespace

std::optional<zk::TlsConfig::ClientAuth> client_auth(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const auto auth :
       {zk::TlsConfig::ClientAuth::none, zk::TlsConfig::ClientAuth::want, zk::TlsConfig::ClientAuth::need}) {
    if (lower == to_text(auth)) return auth;
  }
  return std::nullopt;
}

std::string to_text(zk::TlsConfig::ClientAuth auth) {
  using Auth = zk::TlsConfig::ClientAuth;
  return auth == Auth::none ? "none" : auth == Auth::want ? "want" : "need";
}

std::string suggest(std::string_view unknown, std::span<const std::string_view> known) {
  std::string_view best;
  std::size_t best_distance = unknown.size() / 2 + 1;  // further away it is another word, not a misspelling
  for (std::string_view key : known) {
    std::size_t distance = edit_distance(unknown, key);
    if (distance < best_distance) best = key, best_distance = distance;
  }
  return best.empty() ? "" : "; did you mean " + std::string(best) + "?";
}

void read_sasl_users(Draft& draft) {
  NodeConfig& node = draft.node();
  if (node.jaas_file.empty()) return;
  auto users = parse_jaas_users(read_file(node.jaas_file));
  if (!users || users->empty())
    draft.fail(draft.line_of("jaas_file"), node.jaas_file + " names no users; write a section " +
                                               "Server { …DigestLoginModule required user_NAME=\"PASSWORD\"; };");
  node.sasl_users = std::move(*users);
}

void check_whole(Draft& draft) {
  read_sasl_users(draft);
  const NodeConfig& node = draft.node();
  if (!node.members.contains(node.id))
    draft.fail(draft.line_of("id"),
               "this node is " + to_string(node.id) + ", which is not among the members; list it, or correct the id");
  check_addresses(draft, node);
  check_votes(draft, node);
  check_text(draft, node);
  check_failure_timing(draft, node);
  check_session_timeouts(draft, node);
  const Member& self = node.members.at(node.id);
  if (node.rpc_port != 0 && node.rpc_port == self.peer_port)
    draft.fail(draft.line_of("rpc_port"), "port " + std::to_string(node.rpc_port) +
                                              " is given for clients and for peers; choose two different ports");
  if (node.zk_port != 0 && (node.zk_port == self.peer_port || node.zk_port == node.rpc_port))
    draft.fail(draft.line_of("zk_port"), "port " + std::to_string(node.zk_port) +
                                             " is given for ZooKeeper's clients and for others too; choose another");
  for (const auto other : {self.peer_port, node.rpc_port, node.zk_port}) {
    if (node.zk_secure_port == 0 || node.zk_secure_port != other) continue;
    draft.fail(draft.line_of("zk_secure_port"),
               "port " + std::to_string(other) + " is given for clients over TLS and for others too; choose another");
  }
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  // A directory opens, and fails at the first read.
  if (in && in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (!in.is_open() || in.bad())
    throw ConfigError(path + ": cannot be read: " + std::strerror(errno) + "; check the path and its permissions");
  return std::move(text).str();
}

}  // namespace config

LoadedConfig load_config(const std::string& path) {
  std::string text = config::read_file(path);
  if (path.ends_with(".toml")) return parse_toml(text, path);
  if (path.ends_with(".cfg")) return parse_zoo_cfg(text, path);
  throw ConfigError(path + ": the format is told by the name; call a TOML file *.toml and a ZooKeeper file *.cfg");
}

}  // namespace troupe
