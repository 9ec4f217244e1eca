#include "apps/shell/format.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <utility>

#include "apps/shell/words.hpp"

namespace troupe::shell {
namespace {

constexpr std::pair<char, std::uint32_t> permissions[] = {{'c', client::perm::create},
                                                          {'d', client::perm::remove},
                                                          {'r', client::perm::read},
                                                          {'w', client::perm::write},
                                                          {'a', client::perm::admin}};

/// "Sat Nov 21 08:24:50 UTC 2026".
std::string format_time(std::int64_t milliseconds) {
  std::time_t seconds = milliseconds / 1000;
  std::tm broken_down{};
  localtime_r(&seconds, &broken_down);
  char text[64];
  std::strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &broken_down);
  return text;
}

const char* event_name(client::EventType type) {
  switch (type) {
    case client::EventType::created:
      return "NodeCreated";
    case client::EventType::deleted:
      return "NodeDeleted";
    case client::EventType::data_changed:
      return "NodeDataChanged";
    case client::EventType::children_changed:
      return "NodeChildrenChanged";
    case client::EventType::dropped:
      return "Dropped";
    case client::EventType::session_expired:
      return "None";
  }
  return "Unknown";
}

client::Acl parse_acl_entry(std::string_view text) {
  std::size_t scheme_end = text.find(':'), perms_begin = text.rfind(':');
  if (scheme_end == std::string_view::npos || scheme_end == perms_begin)
    throw CommandError("\"" + std::string(text) +
                       "\" is not an ACL; write scheme:id:permissions, such as world:anyone:cdrwa");
  client::Acl acl{.perms = 0,
                  .scheme = std::string(text.substr(0, scheme_end)),
                  .id = std::string(text.substr(scheme_end + 1, perms_begin - scheme_end - 1))};
  for (char letter : text.substr(perms_begin + 1)) {
    auto found =
        std::find_if(std::begin(permissions), std::end(permissions), [&](auto& p) { return p.first == letter; });
    if (found == std::end(permissions))
      throw CommandError(std::string("'") + letter + "' in \"" + std::string(text) +
                         "\" is not a permission; use letters of cdrwa");
    acl.perms |= found->second;
  }
  return acl;
}

}  // namespace

std::string format_stat(const client::Stat& stat) {
  std::string text;
  auto line = [&](const char* name, const std::string& value) { text += std::string(name) + " = " + value + "\n"; };
  line("cZxid", to_string(stat.czxid));
  line("ctime", format_time(stat.ctime));
  line("mZxid", to_string(stat.mzxid));
  line("mtime", format_time(stat.mtime));
  line("pZxid", to_string(stat.pzxid));
  line("cversion", std::to_string(stat.cversion));
  line("dataVersion", std::to_string(stat.version));
  line("aclVersion", std::to_string(stat.aversion));
  line("ephemeralOwner", to_string(stat.ephemeral_owner));
  line("dataLength", std::to_string(stat.data_length));
  line("numChildren", std::to_string(stat.num_children));
  return text;
}

std::string format_acl(const std::vector<client::Acl>& acl) {
  std::string text;
  for (const client::Acl& entry : acl) {
    text += "'" + entry.scheme + ",'" + entry.id + "\n: ";
    for (auto [letter, bit] : permissions)
      if (entry.perms & bit) text += letter;
    text += '\n';
  }
  return text;
}

std::string format_list(const std::vector<std::string>& names) {
  std::string text = "[";
  for (const std::string& name : names) text += (text.size() > 1 ? ", " : "") + name;
  return text + "]";
}

std::string format_event(const client::Event& event) {
  const char* state = event.type == client::EventType::session_expired ? "Expired" : "SyncConnected";
  return std::string("WatchedEvent state:") + state + " type:" + event_name(event.type) + " path:" + event.path;
}

std::vector<client::Acl> parse_acl(std::string_view text) {
  std::vector<client::Acl> acl;
  for (std::size_t start = 0;;) {
    std::size_t end = text.find(',', start);
    acl.push_back(parse_acl_entry(text.substr(start, end - start)));
    if (end == std::string_view::npos) return acl;
    start = end + 1;
  }
}

std::string printable(std::string_view data) {
  std::string text;
  for (char c : data) {
    auto byte = static_cast<unsigned char>(c);
    bool control = (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f;
    if (!control) {
      text += c;
      continue;
    }
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
    text += escaped;
  }
  return text;
}

}  // namespace troupe::shell
