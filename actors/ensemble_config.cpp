#include "actors/ensemble_config.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <vector>

namespace troupe {
namespace {

constexpr std::string_view any_address = "0.0.0.0";

[[noreturn]] void fail(const std::string& what) { throw BadConfiguration(what); }

std::string_view trim(std::string_view text) {
  constexpr std::string_view space = " \t\r\n\f";
  const auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

template <class Each>
void split(std::string_view text, std::string_view separators, const Each& each) {
  for (std::size_t start = 0; start <= text.size();) {
    const auto end = std::min(text.find_first_of(separators, start), text.size());
    each(trim(text.substr(start, end - start)));
    start = end + 1;
  }
}

std::uint64_t read_number(std::string_view text, std::uint64_t most, const char* what, int base = 10) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size() || number > most) {
    fail("\"" + std::string(text) + "\" is no " + what);
  }
  return number;
}

std::uint16_t read_port(std::string_view text) { return static_cast<std::uint16_t>(read_number(text, 65535, "port")); }

PeerId read_id(std::string_view text) {
  const auto id = read_number(text, 255, "id of a server (1 to 255)");
  if (id == 0) fail("a server's id is 1 to 255");
  return {static_cast<std::uint32_t>(id)};
}

/// "host" and what follows its colon; an IPv6 address stands in brackets.
std::pair<std::string_view, std::string_view> split_host(std::string_view text) {
  std::size_t colon = text.find(':');
  std::string_view host = text.substr(0, colon);
  if (text.starts_with('[')) {
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos) fail("an address lacks its \"]\"");
    host = text.substr(1, bracket - 1);
    colon = bracket + 1;
    if (colon < text.size() && text[colon] != ':') fail("a colon belongs behind \"]\"");
  }
  return {host, colon < text.size() ? text.substr(colon + 1) : std::string_view()};
}

bool is_loopback(std::string_view host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

std::string bracketed(const std::string& host) { return host.find(':') == std::string::npos ? host : "[" + host + "]"; }

/// One line at a time; what the lines say together is checked at the end.
struct Parser {
  EnsembleConfig config;
  std::map<PeerId, std::uint32_t> weights, groups;
  std::map<PeerId, std::uint16_t> rpc_ports;

  void line(std::string_view key, std::string_view value) {
    const auto dot = key.find('.');
    const auto kind = key.substr(0, dot);
    if (key == "version") {
      config.version = {read_number(value, ~std::uint64_t{0}, "version", 16)};
    } else if (dot == std::string_view::npos) {
      fail("unrecognised parameter: " + std::string(key));
    } else if (kind == "server") {
      if (!config.members.emplace(read_id(key.substr(dot + 1)), parse_member(value)).second) {
        fail(std::string(key) + " is given twice");
      }
    } else if (kind == "weight") {
      weights[read_id(key.substr(dot + 1))] = static_cast<std::uint32_t>(read_number(value, 1'000'000, "weight"));
    } else if (kind == "rpc") {
      rpc_ports[read_id(key.substr(dot + 1))] = read_port(value);
    } else if (kind == "group") {
      const auto group = static_cast<std::uint32_t>(read_number(key.substr(dot + 1), 255, "group"));
      split(value, ":", [&](std::string_view id) {
        if (!groups.emplace(read_id(id), group).second) fail("server " + std::string(id) + " is in two groups");
      });
    } else {
      fail("unrecognised parameter: " + std::string(key));
    }
  }

  template <class Value>
  void assign(const std::map<PeerId, Value>& values, Value Member::*field) {
    for (const auto& [id, value] : values) {
      const auto member = config.members.find(id);
      if (member == config.members.end()) fail("there is no server." + to_string(id));
      member->second.*field = value;
    }
  }

  EnsembleConfig finish() {
    assign(weights, &Member::weight);
    assign(groups, &Member::group);
    assign(rpc_ports, &Member::rpc_port);
    bool weight = false;
    for (const auto& [id, member] : config.members) {
      if (member.observer) continue;
      weight |= member.weight != 0;
      if (!groups.empty() && !groups.contains(id)) fail("server." + to_string(id) + " is in no group, and others are");
    }
    if (!weight) fail("nobody in it can vote");
    check_addresses(config);
    return std::move(config);
  }
};

}  // namespace

zab::PeerSet ids_of(const std::map<PeerId, Member>& members) {
  zab::PeerSet ids;
  for (const auto& [id, member] : members) ids.insert(id);
  return ids;
}

zab::PeerSet EnsembleConfig::voters() const {
  zab::PeerSet voters;
  for (const auto& [id, member] : members) {
    if (!member.observer) voters.insert(id);
  }
  return voters;
}

bool EnsembleConfig::decides_as(const EnsembleConfig& other) const {
  return std::equal(members.begin(), members.end(), other.members.begin(), other.members.end(),
                    [](const auto& one, const auto& two) {
                      const Member &a = one.second, &b = two.second;
                      return one.first == two.first && a.observer == b.observer &&
                             (a.observer || (a.weight == b.weight && a.group == b.group));
                    });
}

bool EnsembleConfig::weighted() const {
  return std::any_of(members.begin(), members.end(), [](const auto& each) {
    return !each.second.observer && (each.second.weight != 1 || each.second.group != 0);
  });
}

std::shared_ptr<const zab::Quorum> EnsembleConfig::quorum() const {
  if (!weighted()) return std::make_shared<zab::MajorityQuorum>(voters());
  std::map<PeerId, zab::WeightedQuorum::Vote> votes;
  for (const auto& [id, member] : members) {
    if (!member.observer) votes[id] = {member.group, member.weight};
  }
  return std::make_shared<zab::WeightedQuorum>(votes);
}

std::string to_text(const Member& member) {
  std::string text = bracketed(member.host) + ":" + std::to_string(member.peer_port) + ":" +
                     std::to_string(member.election_port != 0 ? member.election_port : member.peer_port) +
                     (member.observer ? ":observer" : ":participant");
  if (member.client_port == 0) return text;
  const std::string host = member.client_host.empty() ? std::string(any_address) : bracketed(member.client_host);
  return text + ";" + host + ":" + std::to_string(member.client_port);
}

std::string to_text(const EnsembleConfig& config) {
  std::string text, weights, rpc_ports;
  std::map<std::uint32_t, std::string> groups;
  const bool weighted = config.weighted();
  for (const auto& [id, member] : config.members) {
    text += "server." + to_string(id) + "=" + to_text(member) + "\n";
    if (weighted && !member.observer) {
      if (member.group != 0) {
        auto& group = groups[member.group];
        group += (group.empty() ? "" : ":") + to_string(id);
      }
      weights += "weight." + to_string(id) + "=" + std::to_string(member.weight) + "\n";
    }
    if (member.rpc_port != 0) rpc_ports += "rpc." + to_string(id) + "=" + std::to_string(member.rpc_port) + "\n";
  }
  for (const auto& [group, ids] : groups) text += "group." + std::to_string(group) + "=" + ids + "\n";
  char version[24];
  std::snprintf(version, sizeof version, "%llx", static_cast<unsigned long long>(config.version.value));
  return text + weights + rpc_ports + "version=" + version;
}

Member parse_member(std::string_view text) {
  const auto semicolon = text.find(';');
  const auto [host, rest] = split_host(trim(text.substr(0, semicolon)));
  std::vector<std::string_view> parts;
  split(rest, ":", [&](std::string_view part) { parts.push_back(part); });
  if (host.empty() || parts.size() < 2 || parts.size() > 3 || text.find('|') != std::string_view::npos) {
    fail("\"" + std::string(text) +
         "\" is no server; write host:quorum-port:election-port[:role][;[host:]client-port]");
  }
  Member member{.host = std::string(host)};
  member.peer_port = read_port(parts[0]);
  member.election_port = read_port(parts[1]);
  member.rpc_port = 0;
  if (parts.size() == 3) {
    std::string role(parts[2]);
    std::transform(role.begin(), role.end(), role.begin(), [](unsigned char c) { return std::tolower(c); });
    if (role != "participant" && role != "observer") fail("\"" + role + "\" is no role: participant or observer");
    member.observer = role == "observer";
  }
  if (semicolon == std::string_view::npos) return member;
  std::string_view client = trim(text.substr(semicolon + 1));
  if (client.find(':') != std::string_view::npos) {
    const auto [client_host, port] = split_host(client);
    if (client_host != any_address) member.client_host = client_host;
    client = port;
  }
  member.client_port = read_port(client);
  return member;
}

EnsembleConfig parse_configuration(std::string_view text) {
  Parser parser;
  split(text, ",\n", [&](std::string_view line) {
    if (line.empty() || line.front() == '#') return;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) fail("\"" + std::string(line) + "\" is no key=value");
    parser.line(trim(line.substr(0, equals)), trim(line.substr(equals + 1)));
  });
  return parser.finish();
}

bool is_wildcard(std::string_view host) {
  return host.empty() || host == any_address || host == "::" || host == "0:0:0:0:0:0:0:0" || host == "*";
}

void check_reachable(const EnsembleConfig& config) {
  for (const auto& [id, member] : config.members) {
    if (!is_wildcard(member.host)) continue;
    fail("server." + to_string(id) + " is on \"" + member.host +
         "\", where nobody else can reach it; give the name or address under which the others do");
  }
}

void check_text(const EnsembleConfig& config) {
  const auto text = to_text(config);
  EnsembleConfig read;
  try {
    read = parse_configuration(text);
  } catch (const BadConfiguration& bad) {
    fail(std::string("the members cannot be written down as a configuration: ") + bad.what());
  }
  read.version = config.version;
  if (to_text(read) != text || !read.decides_as(config)) {
    fail("the members cannot be written down as a configuration: it would read\n" + to_text(read));
  }
}

void check_addresses(const EnsembleConfig& config) {
  std::map<std::pair<std::string_view, std::uint16_t>, PeerId> taken;
  for (const auto& [id, member] : config.members) {
    // Of the wildcard address nobody knows which machine it is on.
    // Of the loopback neither, unless the peers are on it, too.
    const bool wildcard =
        member.client_host.empty() || is_wildcard(member.client_host) || is_loopback(member.client_host);
    const std::array<std::pair<std::string_view, std::uint16_t>, 3> addresses{
        {{member.host, member.peer_port},
         {member.host, member.election_port != member.peer_port ? member.election_port : std::uint16_t{0}},
         {member.client_host, wildcard ? std::uint16_t{0} : member.client_port}}};
    for (const auto& address : addresses) {
      if (address.second == 0) continue;
      const auto [other, is_new] = taken.emplace(address, id);
      if (!is_new && other->second != id) {
        fail("server." + to_string(id) + " and server." + to_string(other->second) + " both have " +
             std::string(address.first) + ":" + std::to_string(address.second));
      }
    }
  }
}

}  // namespace troupe
