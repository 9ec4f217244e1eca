// ZooKeeper's configuration format, so that an ensemble's existing files can be used as they are.
//
// Where it differs from TOML: a node's id stands in dataDir/myid, the unit of the limits is the same,
// and ZooKeeper's rules for what is left out hold (tickTime 3000; without server lines a standalone
// node; peers listen on the node's own name unless quorumListenOnAllIPs is true). A key without effect
// is named in a warning. A key that asks for protection which would not be given is refused.
//
// clientPort is where ZooKeeper's own protocol is spoken. Four keys are Troupe's own: gateways, batchScheduling and
// idlePollMicros, as in TOML, and rpcPort, where its RPC is; by default 10000 above clientPort, so that the ports of
// several nodes on one machine, which often lie side by side, stay apart.
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

#include "apps/config_draft.hpp"

namespace troupe {
namespace {

using config::Draft;
using config::Range;
namespace range = config::range;
namespace fs = std::filesystem;

struct Entry {
  std::string key, value;
  int line = 0;
};

std::string_view trim(std::string_view text) {
  constexpr std::string_view space = " \t\r\f";
  auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0;;) {
    std::size_t end = text.find(separator, start);
    parts.push_back(trim(text.substr(start, end - start)));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

std::vector<Entry> read_entries(const Draft& draft, std::string_view text) {
  std::vector<Entry> entries;
  int number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.empty() || line.front() == '#' || line.front() == '!') continue;
    std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0)
      draft.fail(number, "\"" + std::string(line) + "\" is not a setting; write key=value, or # before a comment");
    std::string key(trim(line.substr(0, equals)));
    auto earlier = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
    if (earlier != entries.end())
      draft.fail(number,
                 key + " was given before, in line " + std::to_string(earlier->line) + "; remove one of the two");
    entries.push_back({std::move(key), std::string(trim(line.substr(equals + 1))), number});
  }
  return entries;
}

std::int64_t read_number(const Draft& draft, const Entry& entry, std::string_view text, Range range) {
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    draft.fail(entry.line, entry.key + " has \"" + std::string(text) + "\" where a whole number belongs; correct it");
  config::check_range(draft, entry.line, entry.key, number, range);
  return number;
}

bool read_flag(const Draft& draft, const Entry& entry) {
  if (entry.value == "true") return true;
  if (entry.value != "false") draft.fail(entry.line, entry.key + " is \"" + entry.value + "\"; write true or false");
  return false;
}

/// "host:2888" and "[::1]:2888" taken apart; without brackets the host ends at the first colon.
std::pair<std::string, std::string_view> split_host(const Draft& draft, const Entry& entry, std::string_view text) {
  std::size_t end = text.find(':');
  if (text.starts_with('[')) {
    std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos)
      draft.fail(entry.line, entry.key + " has an address without its \"]\"; add it");
    end = bracket + 1 < text.size() ? bracket + 1 : std::string_view::npos;
    return {std::string(text.substr(1, bracket - 1)), end == std::string_view::npos ? "" : text.substr(end + 1)};
  }
  return {std::string(text.substr(0, end)), end == std::string_view::npos ? "" : text.substr(end + 1)};
}

/// What the keys say beside the node's configuration itself.
struct Zoo {
  std::optional<Entry> client_port, secure_client_port, rpc_port, peer_type;
  std::map<PeerId, std::string> client_addresses;  ///< from server lines: "host" of ";host:port"
  std::map<PeerId, std::uint16_t> client_ports;
  std::map<PeerId, std::pair<std::uint32_t, int>> weights, groups;  ///< value and line
  bool listen_on_all = false;
};

/// Where a node's RPC is whose file does not say.
std::uint16_t default_rpc_port(std::uint16_t client_port) {
  constexpr std::uint16_t distance = 10'000;
  return static_cast<std::uint16_t>(client_port + (client_port <= 65535 - distance ? distance : -distance));
}

/// The N of server.N, group.N, weight.N.
PeerId read_suffix(const Draft& draft, const Entry& entry) {
  return {static_cast<std::uint32_t>(
      read_number(draft, entry, std::string_view(entry.key).substr(entry.key.find('.') + 1), range::id))};
}

/// server.N=host:peer_port:election_port[:role][;[client_host:]client_port]
void read_server(Draft& draft, Zoo& zoo, const Entry& entry) {
  PeerId id = read_suffix(draft, entry);
  const char* form = "write host:peer-port:election-port, then optionally :observer and ;client-port";
  auto halves = split(entry.value, ';');
  if (halves.size() > 2) draft.fail(entry.line, entry.key + " has more than one \";\"; " + form);

  auto addresses = split(halves[0], '|');
  if (addresses.size() > 1)
    draft.warn(entry.line, entry.key + " has several addresses; the first is used, the others have no effect");
  auto [host, rest] = split_host(draft, entry, addresses[0]);
  auto ports = split(rest, ':');
  if (host.empty() || ports.size() < 2 || ports.size() > 3)
    draft.fail(entry.line, entry.key + " is \"" + entry.value + "\"; " + form);

  Member member{.host = host};
  member.peer_port = static_cast<std::uint16_t>(read_number(draft, entry, ports[0], range::port));
  // Elections go through the peer port too; the other one is shown.
  member.election_port = static_cast<std::uint16_t>(read_number(draft, entry, ports[1], range::port));
  member.rpc_port = 0;
  if (ports.size() == 3) {
    std::string role(ports[2]);
    std::transform(role.begin(), role.end(), role.begin(), [](unsigned char c) { return std::tolower(c); });
    if (role != "participant" && role != "observer")
      draft.fail(entry.line,
                 entry.key + " has the role \"" + std::string(ports[2]) + "\"; write participant or observer");
    member.observer = role == "observer";
  }
  if (halves.size() == 2) {
    std::string_view port = halves[1];
    if (port.find(':') != std::string_view::npos) {
      auto [client_host, client_port] = split_host(draft, entry, port);
      zoo.client_addresses[id] = client_host;
      if (client_host != "0.0.0.0") member.client_host = client_host;
      port = client_port;
    }
    zoo.client_ports[id] = static_cast<std::uint16_t>(read_number(draft, entry, port, range::port));
    member.rpc_port = default_rpc_port(zoo.client_ports[id]);
    member.client_port = zoo.client_ports[id];
  }
  draft.node().members[id] = member;
  draft.lines["member " + to_string(id)] = entry.line;
}

void read_group(const Draft& draft, Zoo& zoo, const Entry& entry) {
  std::uint32_t group = read_suffix(draft, entry).value;
  for (std::string_view member : split(entry.value, ':')) {
    PeerId id{static_cast<std::uint32_t>(read_number(draft, entry, member, range::id))};
    if (!zoo.groups.try_emplace(id, group, entry.line).second)
      draft.fail(entry.line, "server " + to_string(id) + " is in two groups; leave it in one");
  }
}

/// authProvider.NAME=CLASS: what ZooKeeper loads, and what lists may name from then on.
void read_auth_provider(Draft& draft, Zoo&, const Entry& entry) {
  if (entry.value.ends_with(".X509AuthenticationProvider")) {
    draft.node().acl_x509 = true;
  } else if (entry.value.ends_with(".SASLAuthenticationProvider")) {
    draft.node().acl_sasl = true;
  } else {
    draft.warn(entry.line, entry.key + " names " + entry.value + ", which is not known and has no effect");
  }
}

using Reader = std::function<void(Draft&, Zoo&, const Entry&)>;

template <class N>
Reader number(N NodeConfig::*field, Range range, const std::string& name = "") {
  return [=](Draft& draft, Zoo&, const Entry& entry) {
    draft.node().*field = static_cast<N>(read_number(draft, entry, entry.value, range));
    draft.lines[name] = entry.line;
  };
}

Reader timeout(std::uint32_t NodeConfig::*field, const std::string& name) {
  return [read = number(field, range::timeout_ms, name)](Draft& draft, Zoo& zoo, const Entry& entry) {
    if (entry.value != "-1") read(draft, zoo, entry);  // -1 is ZooKeeper's way to say "the default"
  };
}

Reader tls(std::string zk::TlsConfig::*field) {
  return [=](Draft& draft, Zoo&, const Entry& entry) { draft.node().tls.*field = entry.value; };
}

Reader tls_password_in(std::string zk::TlsConfig::*field) {
  return [=](Draft& draft, Zoo&, const Entry& entry) {
    draft.node().tls.*field = trim(split(config::read_file(entry.value), '\n').front());
  };
}

/// Which versions of TLS are spoken: "TLSv1.3", "TLSv1.2,TLSv1.3".
void read_tls_versions(Draft& draft, Zoo&, const Entry& entry) {
  bool newest = false, older = false;
  for (const auto version : split(entry.value, ',')) {
    newest |= version == "TLSv1.3";
    older |= version == "TLSv1.2";
  }
  if (!newest && !older)
    draft.fail(entry.line, entry.key + " is \"" + entry.value + "\"; TLSv1.2 and TLSv1.3 are known: name one or both");
  draft.node().tls.only_newest = !older;
  draft.node().tls.only_older = !newest;
}

void read_servers_from(Draft& draft, Zoo& zoo, const Entry& entry);

/// Keys in full, and those with a number after the dot ("server.").
const std::map<std::string_view, Reader>& readers() {
  static const std::map<std::string_view, Reader> table{
      {"tickTime", number(&NodeConfig::tick_ms, range::tick_ms)},
      {"initLimit", number(&NodeConfig::init_limit, range::ticks)},
      {"syncLimit", number(&NodeConfig::sync_limit, range::ticks)},
      {"snapCount", number(&NodeConfig::checkpoint_txns, range::checkpoint_txns)},
      {"minSessionTimeout", timeout(&NodeConfig::min_session_timeout_ms, "min_session_timeout_ms")},
      {"maxSessionTimeout", timeout(&NodeConfig::max_session_timeout_ms, "max_session_timeout_ms")},
      {"znode.container.checkIntervalMs", number(&NodeConfig::container_check_ms, range::interval_ms)},
      {"znode.container.maxPerMinute", number(&NodeConfig::container_max_per_minute, range::per_minute)},
      {"znode.container.maxNeverUsedIntervalMs", number(&NodeConfig::container_never_used_ms, range::timeout_ms)},
      {"java.security.auth.login.config",
       [](Draft& draft, Zoo&, const Entry& entry) {
         draft.node().jaas_file = entry.value;
         draft.lines["jaas_file"] = entry.line;
       }},
      {"readonlymode.enabled",
       [](Draft& draft, Zoo&, const Entry& entry) { draft.node().read_only_mode = read_flag(draft, entry); }},
      {"localSessionsEnabled",
       [](Draft& draft, Zoo&, const Entry& entry) { draft.node().local_sessions = read_flag(draft, entry); }},
      {"localSessionsUpgradingEnabled",
       [](Draft& draft, Zoo&, const Entry& entry) { draft.node().local_sessions_upgrading = read_flag(draft, entry); }},
      {"enforceQuota",
       [](Draft& draft, Zoo&, const Entry& entry) { draft.node().enforce_quota = read_flag(draft, entry); }},
      {"enforce.quota",
       [](Draft& draft, Zoo&, const Entry& entry) { draft.node().enforce_quota = read_flag(draft, entry); }},
      {"DigestAuthenticationProvider.superDigest",
       [](Draft& draft, Zoo&, const Entry& entry) {
         config::check_super_digest(draft, entry.line, entry.key, entry.value);
         draft.node().super_digest = entry.value;
       }},
      {"authProvider.", read_auth_provider},
      {"dataDir",
       [](Draft& draft, Zoo&, const Entry& entry) {
         if (entry.value.empty()) draft.fail(entry.line, "dataDir is empty; name the directory for the node's data");
         draft.node().data_dir = entry.value;
       }},
      {"clientPort", [](Draft&, Zoo& zoo, const Entry& entry) { zoo.client_port = entry; }},
      {"secureClientPort",
       [](Draft& draft, Zoo& zoo, const Entry& entry) {
         zoo.secure_client_port = entry;
         draft.lines["zk_secure_port"] = entry.line;
       }},
      {"secureClientPortAddress",
       [](Draft& draft, Zoo&, const Entry& entry) { draft.node().secure_address = entry.value; }},
      {"ssl.keyStore.location", tls(&zk::TlsConfig::key_store)},
      {"ssl.keyStore.password", tls(&zk::TlsConfig::key_store_password)},
      {"ssl.keyStore.passwordPath", tls_password_in(&zk::TlsConfig::key_store_password)},
      {"ssl.keyStore.type", [](Draft&, Zoo&, const Entry&) {}},  // the file shows it
      {"ssl.trustStore.location", tls(&zk::TlsConfig::trust_store)},
      {"ssl.trustStore.password", tls(&zk::TlsConfig::trust_store_password)},
      {"ssl.trustStore.passwordPath", tls_password_in(&zk::TlsConfig::trust_store_password)},
      {"ssl.trustStore.type", [](Draft&, Zoo&, const Entry&) {}},
      {"ssl.ciphersuites", tls(&zk::TlsConfig::ciphers)},
      {"ssl.clientAuth",
       [](Draft& draft, Zoo&, const Entry& entry) {
         const auto auth = config::client_auth(entry.value);
         if (!auth) draft.fail(entry.line, "ssl.clientAuth is \"" + entry.value + "\"; write need, want or none");
         draft.node().tls.client_auth = *auth;
       }},
      {"ssl.protocol", read_tls_versions},
      {"ssl.enabledProtocols", read_tls_versions},
      {"ssl.authProvider",
       [](Draft& draft, Zoo&, const Entry& entry) {
         if (entry.value != "x509")
           draft.fail(entry.line, "ssl.authProvider is \"" + entry.value + "\"; only x509 is known: remove the line");
       }},
      {"X509AuthenticationProvider.superUser",
       [](Draft& draft, Zoo&, const Entry& entry) { draft.node().super_subject = entry.value; }},
      {"rpcPort", [](Draft&, Zoo& zoo, const Entry& entry) { zoo.rpc_port = entry; }},
      {"gateways", number(&NodeConfig::gateways, range::gateways)},
      {"idlePollMicros", number(&NodeConfig::idle_poll_us, range::idle_poll_us)},
      {"batchScheduling",
       [](Draft& draft, Zoo&, const Entry& entry) { draft.node().batch_scheduling = read_flag(draft, entry); }},
      {"maxClientCnxns", number(&NodeConfig::max_client_cnxns, range::connections)},
      {"maxCnxns", number(&NodeConfig::max_cnxns, range::connections)},
      {"jute.maxbuffer", number(&NodeConfig::jute_maxbuffer, range::jute_maxbuffer)},
      {"4lw.commands.whitelist",
       [](Draft& draft, Zoo&, const Entry& entry) {
         draft.node().four_letter_words.clear();
         for (const auto word : split(entry.value, ',')) {
           if (!word.empty()) draft.node().four_letter_words.emplace_back(word);
         }
       }},
      {"clientPortAddress",
       [](Draft& draft, Zoo&, const Entry& entry) {
         if (entry.value.empty())
           draft.fail(entry.line, "clientPortAddress is empty; give an address or remove the line");
         draft.node().client_address = entry.value;
         draft.lines["client_address"] = entry.line;
       }},
      {"peerType", [](Draft&, Zoo& zoo, const Entry& entry) { zoo.peer_type = entry; }},
      {"quorumListenOnAllIPs",
       [](Draft& draft, Zoo& zoo, const Entry& entry) { zoo.listen_on_all = read_flag(draft, entry); }},
      {"reconfigEnabled",
       [](Draft& draft, Zoo&, const Entry& entry) { draft.node().reconfig_enabled = read_flag(draft, entry); }},
      {"standaloneEnabled",
       [](Draft& draft, Zoo&, const Entry& entry) { draft.node().standalone_enabled = read_flag(draft, entry); }},
      {"dynamicConfigFile", read_servers_from},
      {"version", [](Draft&, Zoo&, const Entry&) {}},  // of the dynamic file: which reconfiguration wrote it
      {"server.", read_server},
      {"group.", [](Draft& draft, Zoo& zoo, const Entry& entry) { read_group(draft, zoo, entry); }},
      {"weight.",
       [](Draft& draft, Zoo& zoo, const Entry& entry) {
         auto weight = static_cast<std::uint32_t>(read_number(draft, entry, entry.value, range::weight));
         zoo.weights[read_suffix(draft, entry)] = {weight, entry.line};
       }},
  };
  return table;
}

/// The keys that ask for protection: to start without it would betray who wrote them.
constexpr std::array<std::string_view, 10> protection{"sslQuorum",
                                                      "ssl.crl",
                                                      "ssl.ocsp",
                                                      "ssl.clientHostnameVerification",
                                                      "portUnification",
                                                      "quorum.auth.enableSasl",
                                                      "quorum.auth.learnerRequireSasl",
                                                      "quorum.auth.serverRequireSasl",
                                                      "enforce.auth.enabled",
                                                      "sessionRequireClientSASLAuth"};

void read_unsupported(Draft& draft, const Entry& entry) {
  bool wanted = std::find(protection.begin(), protection.end(), entry.key) != protection.end() && entry.value == "true";
  if (wanted)
    draft.fail(entry.line, entry.key +
                               " asks for protection that this version does not give; remove the line to run "
                               "without it, in a network where that is safe");
  if (entry.key == "dataLogDir") return draft.warn(entry.line, "dataLogDir has no effect: the log is kept in dataDir");
  if (entry.key.starts_with("autopurge."))
    return draft.warn(entry.line, entry.key + " has no effect: what is no longer needed is removed unasked");
  std::vector<std::string_view> known;
  for (const auto& [name, reader] : readers()) known.push_back(name);
  draft.warn(entry.line, entry.key + " is not supported and has no effect" + config::suggest(entry.key, known));
}

void read_entry(Draft& draft, Zoo& zoo, const Entry& entry) {
  auto reader = readers().find(entry.key);
  if (reader == readers().end())
    reader = readers().find(std::string_view(entry.key).substr(0, entry.key.find('.') + 1));
  if (reader == readers().end()) return read_unsupported(draft, entry);
  reader->second(draft, zoo, entry);
}

void read_servers_from(Draft& draft, Zoo& zoo, const Entry& entry) {
  std::string main_file = std::exchange(draft.file, entry.value);
  for (const Entry& line : read_entries(draft, config::read_file(entry.value))) {
    bool allowed = line.key == "version" || line.key.starts_with("server.") || line.key.starts_with("group.") ||
                   line.key.starts_with("weight.");
    if (!allowed)
      draft.fail(line.line, line.key + " does not belong into a dynamic configuration; move it to " + main_file);
    read_entry(draft, zoo, line);
  }
  draft.file = main_file;
}

PeerId read_myid(const Draft& draft, bool needed) {
  fs::path path = fs::path(draft.result.node.data_dir) / "myid";
  if (!needed && !fs::exists(path)) return {1};
  std::string text = config::read_file(path.string());
  Draft myid{.file = path.string()};
  std::string_view number = trim(std::string_view(text).substr(0, text.find('\n')));
  return {static_cast<std::uint32_t>(read_number(myid, {"the node's id", "", 1}, number, range::id))};
}

/// Applies `values` (weights, groups) to the members that they name.
void assign(const Draft& draft, NodeConfig& node, const std::map<PeerId, std::pair<std::uint32_t, int>>& values,
            std::uint32_t Member::*field) {
  for (const auto& [id, value] : values) {
    auto member = node.members.find(id);
    if (member == node.members.end())
      draft.fail(value.second,
                 "there is no server." + to_string(id) + "; add it, or take " + to_string(id) + " out here");
    member->second.*field = value.first;
  }
}

void resolve_client_port(Draft& draft, const Zoo& zoo) {
  NodeConfig& node = draft.node();
  std::optional<std::uint16_t> port;
  if (zoo.client_port)
    port = static_cast<std::uint16_t>(read_number(draft, *zoo.client_port, zoo.client_port->value, range::port));
  auto own = zoo.client_ports.find(node.id);
  int line = draft.line_of("member " + to_string(node.id));
  if (own != zoo.client_ports.end()) {
    if (port && *port != own->second)
      draft.fail(zoo.client_port->line, "clientPort is " + std::to_string(*port) + " but server." + to_string(node.id) +
                                            " says " + std::to_string(own->second) + "; remove one of the two");
    port = own->second;
  }
  if (zoo.secure_client_port) {
    node.zk_secure_port = static_cast<std::uint16_t>(
        read_number(draft, *zoo.secure_client_port, zoo.secure_client_port->value, range::port));
    node.acl_x509 = true;
  }
  if (!port && !zoo.secure_client_port) {
    draft.fail(0, "clientPort is missing; add the port where clients connect");
  }
  auto address = zoo.client_addresses.find(node.id);
  if (address != zoo.client_addresses.end()) node.client_address = address->second;
  node.zk_port = port.value_or(0);
  draft.lines["zk_port"] = zoo.client_port ? zoo.client_port->line : line;
  node.rpc_port = default_rpc_port(port.value_or(node.zk_secure_port));
  // Whoever lets clients in over TLS alone does not want them in the open beside it.
  if (!port && !zoo.rpc_port) node.rpc_address = "127.0.0.1";
  if (!zoo.rpc_port) return;
  node.rpc_port = static_cast<std::uint16_t>(read_number(draft, *zoo.rpc_port, zoo.rpc_port->value, range::port));
  draft.lines["rpc_port"] = zoo.rpc_port->line;
}

void check_peer_type(Draft& draft, const Zoo& zoo, bool observer) {
  if (!zoo.peer_type) return;
  const std::string& type = zoo.peer_type->value;
  if (type != "observer" && type != "participant")
    draft.fail(zoo.peer_type->line, "peerType is \"" + type + "\"; write participant or observer");
  if ((type == "observer") != observer)
    draft.warn(zoo.peer_type->line, "peerType is " + type +
                                        " but the server line of this node says otherwise; the "
                                        "server line counts");
}

}  // namespace

LoadedConfig parse_zoo_cfg(std::string_view text, const std::string& file) {
  Draft draft{.file = file};
  Zoo zoo;
  NodeConfig& node = draft.node();
  node.tick_ms = 3000;
  for (const Entry& entry : read_entries(draft, text)) read_entry(draft, zoo, entry);
  if (node.data_dir.empty())
    draft.fail(0, "dataDir is missing; add dataDir=... with the directory for the node's data");

  bool standalone = node.members.empty();
  node.id = read_myid(draft, node.members.size() > 1);
  if (node.members.size() == 1 && !fs::exists(fs::path(node.data_dir) / "myid")) node.id = node.members.begin()->first;
  if (standalone) node.members[node.id] = {.host = "127.0.0.1"};

  assign(draft, node, zoo.weights, &Member::weight);
  assign(draft, node, zoo.groups, &Member::group);
  resolve_client_port(draft, zoo);
  if (auto self = node.members.find(node.id); self != node.members.end()) {
    self->second.rpc_port = node.rpc_port;
    if (!zoo.listen_on_all) node.peer_address = self->second.host;
    check_peer_type(draft, zoo, self->second.observer);
  }
  config::check_whole(draft);
  return draft.result;
}

}  // namespace troupe
