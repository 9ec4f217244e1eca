// The four-letter words about the server's clients: connections, sessions, watches.
#include <chrono>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "actors/clock.hpp"
#include "actors/zk/four_letter.hpp"
#include "actors/zk/text.hpp"

namespace troupe::zk {
namespace {

std::string name_of(SessionId session) { return hexadecimal(static_cast<std::uint64_t>(session.value)); }

/// What the last request was, in the four letters that ZooKeeper gives it.
const char* name_of(Op op) {
  switch (op) {
    case Op::create_session:
      return "SESS";
    case Op::close_session:
      return "CLOS";
    case Op::create:
    case Op::create2:
    case Op::create_container:
    case Op::create_ttl:
      return "CREA";
    case Op::remove:
      return "DELE";
    case Op::exists:
      return "EXIS";
    case Op::get_data:
      return "GETD";
    case Op::set_data:
      return "SETD";
    case Op::get_acl:
      return "GETA";
    case Op::set_acl:
      return "SETA";
    case Op::get_children:
    case Op::get_children2:
      return "GETC";
    case Op::sync:
      return "SYNC";
    case Op::ping:
      return "PING";
    case Op::multi:
      return "MULT";
    case Op::multi_read:
      return "MLTR";
    case Op::set_watches:
    case Op::set_watches2:
      return "SETW";
    case Op::check_watches:
      return "CHKW";
    case Op::remove_watches:
      return "REMW";
    case Op::add_watch:
      return "ADDW";
    case Op::get_ephemerals:
      return "GETE";
    case Op::get_all_children_number:
      return "GETACN";
    default:
      return "NA";
  }
}

std::string short_line(const Connection::Facts& facts) {
  return " " + facts.name + "[" + (facts.session == SessionId{} ? "0" : "1") +
         "](queued=" + std::to_string(facts.outstanding) + ",recved=" + std::to_string(facts.counters.received) +
         ",sent=" + std::to_string(facts.counters.sent);
}

std::string long_line(const Connection::Facts& facts) {
  std::string line = short_line(facts);
  if (facts.session == SessionId{}) return line + ")";
  using namespace std::chrono;
  const auto wall = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  const auto& latency = facts.counters.latency;
  const auto add = [&](std::string_view key, const std::string& value) {
    line.append(",").append(key).append("=").append(value);
  };
  add("sid", name_of(facts.session));
  add("lop", facts.last.op ? name_of(*facts.last.op) : "null");
  add("est", std::to_string(wall - (monotonic_ms() - facts.since_ms)));
  add("to", std::to_string(facts.timeout_ms));
  if (facts.last.xid >= 0) add("lcxid", hexadecimal(static_cast<std::uint32_t>(facts.last.xid)));
  add("lzxid", hexadecimal(facts.last.zxid.value));
  add("lresp", std::to_string(facts.last.reply_ms));
  add("llat", std::to_string(facts.last.latency_ms));
  add("minlat", std::to_string(latency.min));
  add("avglat", std::to_string(static_cast<std::int64_t>(latency.average())));
  add("maxlat", std::to_string(latency.max));
  return line + ")";
}

/// "name\n\tmember\n\tmember\n" for each group.
template <class Group, class Member>
std::string show_groups(const std::map<Group, std::set<Member>>& groups) {
  std::string text;
  for (const auto& [group, members] : groups) {
    text.append(group).append("\n");
    for (const auto& member : members) text.append("\t").append(member).append("\n");
  }
  return text;
}

}  // namespace

std::string FourLetterWords::stat(const ClientFacts& clients) {
  std::string text = first_lines() + "Clients:\n";
  for (const auto& connection : clients.connections) text += short_line(connection) + ")\n";
  return text + "\n" + server_lines(clients);
}

std::string FourLetterWords::cons(const ClientFacts& clients) {
  std::string text;
  for (const auto& connection : clients.connections) text += long_line(connection) + "\n";
  return text + "\n";
}

std::string FourLetterWords::crst(const ClientFacts&) { return "Connection stats reset.\n"; }

std::string FourLetterWords::dump(const ClientFacts& clients) {
  const auto* view = gateway_.view();
  const auto line = [](SessionId id, std::uint32_t timeout_ms) {
    return name_of(id) + "\t" + std::to_string(timeout_ms) + "ms\n";
  };
  std::string sessions;
  std::map<std::string, std::set<std::string>> ephemerals;
  view->sessions([&](const store::Session& session) {
    sessions += line(session.id, session.timeout_ms);
    view->ephemerals(session.id, [&](std::string_view path) {
      ephemerals[name_of(session.id) + ":"].emplace(path);
      return true;
    });
  });
  std::string connections;
  for (const auto& connection : clients.connections) {
    connections += "\tip: " + connection.name + " sessionId: " + name_of(connection.session) + "\n";
  }
  std::string local;
  if (gateway_.has_local_sessions()) {
    const auto known = gateway_.node_sessions().list();
    local = "Local Sessions(" + std::to_string(known.size()) + "):\n";
    for (const auto& [id, timeout_ms] : known) local += line(id, timeout_ms);
  }
  return "SessionTracker dump:\n" + local + "Global Sessions(" + std::to_string(view->session_count()) + "):\n" +
         sessions + "ephemeral nodes dump:\nSessions with Ephemerals (" + std::to_string(ephemerals.size()) + "):\n" +
         show_groups(ephemerals) + "Connections dump:\nConnections (" + std::to_string(clients.connections.size()) +
         "):\n" + connections;
}

std::string FourLetterWords::wchs(const ClientFacts& clients) {
  std::set<WatcherId> watchers;
  std::set<std::string_view> paths;
  for (const auto& [watcher, path] : clients.watches) {
    watchers.insert(watcher);
    paths.insert(path);
  }
  return std::to_string(watchers.size()) + " connections watching " + std::to_string(paths.size()) +
         " paths\nTotal watches:" + std::to_string(clients.watches.size()) + "\n";
}

std::string FourLetterWords::wchc(const ClientFacts& clients) {
  std::map<std::string, std::set<std::string>> paths;
  for (const auto& [watcher, path] : clients.watches) paths[hexadecimal(watcher)].insert(path);
  return show_groups(paths) + "\n";
}

std::string FourLetterWords::wchp(const ClientFacts& clients) {
  std::map<std::string, std::set<std::string>> watchers;
  for (const auto& [watcher, path] : clients.watches) watchers[path].insert(hexadecimal(watcher));
  return show_groups(watchers) + "\n";
}

}  // namespace troupe::zk
