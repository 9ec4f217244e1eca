// The TOML format. One table of keys for the node and one for a member say what is known, how it is
// read and checked, and how to_toml() writes it.
#include <toml++/toml.h>

#include <array>
#include <concepts>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <sstream>
#include <utility>

#include "apps/config_draft.hpp"

namespace troupe {
namespace {

using config::Draft;
using config::Range;
namespace range = config::range;

int line_of(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

/// "a string", "an integer".
std::string kind_of(const toml::node& node) {
  std::ostringstream out;
  out << node.type();
  return (out.str().find_first_of("aeiou") == 0 ? "an " : "a ") + out.str();
}

std::int64_t read_number(const Draft& draft, std::string_view key, const toml::node& value, Range range) {
  if (!value.is_integer())
    draft.fail(line_of(value), std::string(key) + " must be a whole number, not " + kind_of(value));
  std::int64_t number = value.as_integer()->get();
  config::check_range(draft, line_of(value), key, number, range);
  return number;
}

std::string read_text(const Draft& draft, std::string_view key, const toml::node& value) {
  if (!value.is_string())
    draft.fail(line_of(value), std::string(key) + " must be a text in quotes, not " + kind_of(value));
  const std::string& text = value.as_string()->get();
  if (text.empty()) draft.fail(line_of(value), std::string(key) + " is empty; give it a value, or leave the line out");
  return text;
}

/// As a TOML basic string.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      result += c;
      continue;
    }
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\u%04X", c);
    result += escaped;
  }
  return result + '"';
}

/// One key of a table that is read into a T.
template <class T>
struct Key {
  std::string_view name;
  std::function<void(const Draft&, const toml::node&, T&)> read;
  std::function<void(std::ostream&, const T&)> write;
};

template <class T, std::integral N>
Key<T> number(std::string_view name, N T::*field, Range range) {
  return {name,
          [=](const Draft& draft, const toml::node& value, T& into) {
            into.*field = static_cast<N>(read_number(draft, name, value, range));
          },
          [=](std::ostream& out, const T& from) { out << +(from.*field); }};
}

template <class T>
Key<T> text(std::string_view name, std::string T::*field) {
  return {name,
          [=](const Draft& draft, const toml::node& value, T& into) { into.*field = read_text(draft, name, value); },
          [=](std::ostream& out, const T& from) { out << quoted(from.*field); }};
}

/// The empty text is what is written where there is none. `field` finds it in a T.
template <class T, class Field>
Key<T> optional_text(std::string_view name, Field field) {
  return {name,
          [=](const Draft& draft, const toml::node& value, T& into) {
            if (value.is_string() && value.as_string()->get().empty()) return;
            std::invoke(field, into) = read_text(draft, name, value);
          },
          [=](std::ostream& out, const T& from) { out << quoted(std::invoke(field, from)); }};
}

template <class T>
Key<T> flag(std::string_view name, bool T::*field) {
  return {name,
          [=](const Draft& draft, const toml::node& value, T& into) {
            if (!value.is_boolean())
              draft.fail(line_of(value), std::string(name) + " must be true or false, not " + kind_of(value));
            into.*field = value.as_boolean()->get();
          },
          [=](std::ostream& out, const T& from) { out << (from.*field ? "true" : "false"); }};
}

template <class T>
Key<T> id(PeerId T::*field) {
  return {"id",
          [=](const Draft& draft, const toml::node& value, T& into) {
            into.*field = {static_cast<std::uint32_t>(read_number(draft, "id", value, range::id))};
          },
          [=](std::ostream& out, const T& from) { out << (from.*field).value; }};
}

struct NumberedMember : Member {
  PeerId id;
};

void read_role(const Draft& draft, const toml::node& value, NumberedMember& into) {
  std::string role = read_text(draft, "role", value);
  if (role != "participant" && role != "observer")
    draft.fail(line_of(value), "role is \"" + role + "\"; write \"participant\" or \"observer\"");
  into.observer = role == "observer";
}

void read_log_level(const Draft& draft, const toml::node& value, NodeConfig& into) {
  static constexpr std::array<std::string_view, 7> levels{"trace", "debug", "info", "warn", "error", "critical", "off"};
  into.log_level = read_text(draft, "log_level", value);
  if (std::find(levels.begin(), levels.end(), into.log_level) == levels.end())
    draft.fail(line_of(value),
               "log_level is \"" + into.log_level + "\"; write trace, debug, info, warn, error, critical or off");
}

void read_super_digest(const Draft& draft, const toml::node& value, NodeConfig& into) {
  if (value.is_string() && value.as_string()->get().empty()) return;  // as it is written where there is none
  into.super_digest = read_text(draft, "super_digest", value);
  config::check_super_digest(draft, line_of(value), "super_digest", into.super_digest);
}

void read_client_auth(const Draft& draft, const toml::node& value, NodeConfig& into) {
  const auto auth = config::client_auth(read_text(draft, "client_auth", value));
  if (!auth) draft.fail(line_of(value), "client_auth must be need, want or none; write one of these");
  into.tls.client_auth = *auth;
}

void read_tls_versions(const Draft& draft, const toml::node& value, NodeConfig& into) {
  const auto versions = read_text(draft, "tls_versions", value);
  if (versions != "1.2" && versions != "1.3" && versions != "1.2,1.3")
    draft.fail(line_of(value), "tls_versions is \"" + versions + "\"; write \"1.2\", \"1.3\" or \"1.2,1.3\"");
  into.tls.only_older = versions == "1.2";
  into.tls.only_newest = versions == "1.3";
}

void write_tls_versions(std::ostream& out, const NodeConfig& from) {
  out << quoted(from.tls.only_older ? "1.2" : from.tls.only_newest ? "1.3" : "1.2,1.3");
}

void read_words(const Draft& draft, const toml::node& value, NodeConfig& into) {
  const toml::array* words = value.as_array();
  if (!words) draft.fail(line_of(value), "four_letter_words must be a list of texts, not " + kind_of(value));
  into.four_letter_words.clear();
  for (const toml::node& word : *words) into.four_letter_words.push_back(read_text(draft, "four_letter_words", word));
}

void write_words(std::ostream& out, const NodeConfig& from) {
  out << '[';
  const char* separator = "";
  for (const std::string& word : from.four_letter_words) out << std::exchange(separator, ", ") << quoted(word);
  out << ']';
}

const std::vector<Key<NodeConfig>>& node_keys() {
  using C = NodeConfig;
  static const std::vector<Key<C>> keys{
      id(&C::id),
      text("data_dir", &C::data_dir),
      text("peer_address", &C::peer_address),
      text("client_address", &C::client_address),
      number("rpc_port", &C::rpc_port, range::port_or_none),
      number("zk_port", &C::zk_port, range::port_or_none),
      optional_text<C>("rpc_address", &C::rpc_address),
      number("zk_secure_port", &C::zk_secure_port, range::port_or_none),
      optional_text<C>("secure_address", &C::secure_address),
      optional_text<C>(
          "key_store", [](auto& node) -> auto& { return node.tls.key_store; }),
      optional_text<C>(
          "key_store_password", [](auto& node) -> auto& { return node.tls.key_store_password; }),
      optional_text<C>(
          "trust_store", [](auto& node) -> auto& { return node.tls.trust_store; }),
      optional_text<C>(
          "trust_store_password", [](auto& node) -> auto& { return node.tls.trust_store_password; }),
      optional_text<C>(
          "ciphers", [](auto& node) -> auto& { return node.tls.ciphers; }),
      {"tls_versions", read_tls_versions, write_tls_versions},
      {"client_auth", read_client_auth,
       [](std::ostream& out, const C& from) { out << quoted(config::to_text(from.tls.client_auth)); }},
      optional_text<C>("super_subject", &C::super_subject),
      number("max_client_cnxns", &C::max_client_cnxns, range::connections),
      number("max_cnxns", &C::max_cnxns, range::connections),
      number("jute_maxbuffer", &C::jute_maxbuffer, range::jute_maxbuffer),
      {"four_letter_words", read_words, write_words},
      flag("reconfig_enabled", &C::reconfig_enabled),
      flag("standalone_enabled", &C::standalone_enabled),
      number("tick_ms", &C::tick_ms, range::tick_ms),
      number("init_limit", &C::init_limit, range::ticks),
      number("sync_limit", &C::sync_limit, range::ticks),
      number("min_session_timeout_ms", &C::min_session_timeout_ms, range::timeout_ms),
      number("max_session_timeout_ms", &C::max_session_timeout_ms, range::timeout_ms),
      number("heartbeat_ms", &C::heartbeat_ms, range::heartbeat_ms),
      number("failure_timeout_ms", &C::failure_timeout_ms, range::heartbeat_ms),
      number("container_check_ms", &C::container_check_ms, range::interval_ms),
      number("container_max_per_minute", &C::container_max_per_minute, range::per_minute),
      number("container_never_used_ms", &C::container_never_used_ms, range::timeout_ms),
      flag("enforce_quota", &C::enforce_quota),
      flag("read_only_mode", &C::read_only_mode),
      flag("local_sessions", &C::local_sessions),
      flag("local_sessions_upgrading", &C::local_sessions_upgrading),
      flag("acl_x509", &C::acl_x509),
      flag("acl_sasl", &C::acl_sasl),
      optional_text<C>("jaas_file", &C::jaas_file),
      {"super_digest", read_super_digest, [](std::ostream& out, const C& from) { out << quoted(from.super_digest); }},
      number("checkpoint_txns", &C::checkpoint_txns, range::checkpoint_txns),
      number("log_map_size", &C::log_map_size, range::map_size),
      number("state_map_size", &C::state_map_size, range::map_size),
      number("gateways", &C::gateways, range::gateways),
      flag("batch_scheduling", &C::batch_scheduling),
      number("idle_poll_us", &C::idle_poll_us, range::idle_poll_us),
      {"log_level", read_log_level, [](std::ostream& out, const C& from) { out << quoted(from.log_level); }},
  };
  return keys;
}

const std::vector<Key<NumberedMember>>& member_keys() {
  using M = NumberedMember;
  static const std::vector<Key<M>> keys{
      id(&M::id),
      text("host", static_cast<std::string M::*>(&M::host)),
      number("peer_port", static_cast<std::uint16_t M::*>(&M::peer_port), range::port),
      number("rpc_port", static_cast<std::uint16_t M::*>(&M::rpc_port), range::port_or_none),
      number("election_port", static_cast<std::uint16_t M::*>(&M::election_port), range::port_or_none),
      number("zk_port", static_cast<std::uint16_t M::*>(&M::client_port), range::port_or_none),
      {"role", read_role,
       [](std::ostream& out, const M& from) { out << quoted(from.observer ? "observer" : "participant"); }},
      number("weight", static_cast<std::uint32_t M::*>(&M::weight), range::weight),
      number("group", static_cast<std::uint32_t M::*>(&M::group), range::group),
  };
  return keys;
}

template <class T>
std::vector<std::string_view> names(const std::vector<Key<T>>& keys) {
  std::vector<std::string_view> result;
  for (const auto& key : keys) result.push_back(key.name);
  return result;
}

template <class T>
void read_table(const Draft& draft, const toml::table& table, const std::vector<Key<T>>& keys, T& into,
                const std::function<void(std::string_view name, const toml::node&)>& other) {
  for (auto&& entry : table) {
    std::string_view name = entry.first.str();
    auto key = std::find_if(keys.begin(), keys.end(), [&](const auto& k) { return k.name == name; });
    if (key == keys.end())
      other(name, entry.second);
    else
      key->read(draft, entry.second, into);
  }
}

void read_member(Draft& draft, const toml::node& value) {
  const toml::table* table = value.as_table();
  if (!table) draft.fail(line_of(value), "member must be [[member]] tables, one for each node, not " + kind_of(value));
  NumberedMember member;
  read_table<NumberedMember>(draft, *table, member_keys(), member, [&](std::string_view name, const toml::node& at) {
    draft.fail(line_of(at),
               "unknown key " + std::string(name) + " in [[member]]" + config::suggest(name, names(member_keys())));
  });
  if (!table->contains("zk_port") && member.rpc_port > 1)
    member.client_port = static_cast<std::uint16_t>(member.rpc_port - 1);
  int line = line_of(value);
  for (const char* required : {"id", "host"})
    if (!table->contains(required)) draft.fail(line, std::string("a [[member]] has no ") + required + "; add the line");
  if (!draft.node().members.try_emplace(member.id, member).second)
    draft.fail(line, "member " + to_string(member.id) + " is listed twice; give each node an id of its own");
  draft.lines["member " + to_string(member.id)] = line;
}

void read_members(Draft& draft, const toml::node& value) {
  const toml::array* members = value.as_array();
  if (!members)
    draft.fail(line_of(value), "member must be [[member]] tables, one for each node, not " + kind_of(value));
  for (const toml::node& member : *members) read_member(draft, member);
}

toml::table parse(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    throw ConfigError(file + ":" + std::to_string(error.source().begin.line) + ": " + std::string(error.description()) +
                      "; the file must be TOML (texts in quotes, key = value)");
  }
}

}  // namespace

LoadedConfig parse_toml(std::string_view text, const std::string& file) {
  toml::table table = parse(text, file);
  Draft draft{.file = file};
  for (auto&& [name, value] : table) draft.lines[std::string(name.str())] = line_of(value);

  read_table<NodeConfig>(draft, table, node_keys(), draft.node(), [&](std::string_view name, const toml::node& value) {
    if (name == "member") return read_members(draft, value);
    auto known = names(node_keys());
    known.push_back("member");
    draft.fail(line_of(value), "unknown key " + std::string(name) + config::suggest(name, known));
  });

  for (const char* required : {"id", "data_dir"})
    if (!table.contains(required))
      draft.fail(0, std::string(required) + " is missing; add the line " + required + " = ...");
  if (draft.node().members.empty())
    draft.fail(0,
               "the ensemble has no members; add a [[member]] table with id and host for each node, this one included");
  if (!table.contains("rpc_port") && draft.node().members.contains(draft.node().id))
    draft.node().rpc_port = draft.node().members.at(draft.node().id).rpc_port;
  // Side by side, as by default: nodes on one machine that say where one port is have the other apart, too.
  if (!table.contains("zk_port") && draft.node().rpc_port > 1)
    draft.node().zk_port = static_cast<std::uint16_t>(draft.node().rpc_port - 1);

  std::filesystem::path directory = std::filesystem::path(file).parent_path();
  draft.node().data_dir = (directory / draft.node().data_dir).lexically_normal().string();
  config::check_whole(draft);
  return draft.result;
}

std::string to_toml(const NodeConfig& node) {
  std::ostringstream out;
  for (const auto& key : node_keys()) {
    out << key.name << " = ";
    key.write(out, node);
    out << '\n';
  }
  for (const auto& [id, member] : node.members) {
    out << "\n[[member]]\n";
    NumberedMember numbered{member, id};
    for (const auto& key : member_keys()) {
      out << key.name << " = ";
      key.write(out, numbered);
      out << '\n';
    }
  }
  return out.str();
}

}  // namespace troupe
