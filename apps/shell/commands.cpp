#include "apps/shell/commands.hpp"

#include <strings.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "apps/shell/format.hpp"
#include "apps/shell/shell.hpp"
#include "apps/shell/subtree.hpp"

namespace troupe::shell {
namespace {

constexpr std::int32_t any_version = -1;

std::int32_t version(const Arguments& arguments) {
  auto given = arguments.number('v', any_version, std::numeric_limits<std::int32_t>::max());
  return static_cast<std::int32_t>(given.value_or(any_version));
}

client::Watch watch_if_asked(Shell& shell, const Arguments& arguments) {
  return arguments.has('w') ? shell.watch() : client::Watch();
}

client::Kind kind_of(const Arguments& arguments) {
  bool sequential = arguments.has('s'), ephemeral = arguments.has('e'), container = arguments.has('c');
  bool ttl = arguments.has('t');
  if (ephemeral + container + ttl > 1 || (container && sequential))
    throw CommandError("of -e, -c and -t a znode can have one, and -c not with -s; leave the others out");
  if (container) return client::Kind::container;
  if (ttl) return sequential ? client::Kind::ttl_sequential : client::Kind::ttl;
  if (ephemeral) return sequential ? client::Kind::ephemeral_sequential : client::Kind::ephemeral;
  return sequential ? client::Kind::persistent_sequential : client::Kind::persistent;
}

std::string create(Shell& shell, const Arguments& arguments) {
  client::CreateOptions options{.kind = kind_of(arguments)};
  if (auto ttl = arguments.number('t', 1, (1ll << 40) - 1)) options.ttl = std::chrono::milliseconds(*ttl);
  if (arguments.size() > 2) options.acl = parse_acl(arguments[2]);
  std::string data = arguments.size() > 1 ? arguments[1] : "";
  return "Created " + shell.client().create(arguments[0], data, options).path + "\n";
}

std::string get(Shell& shell, const Arguments& arguments) {
  client::Value value = shell.client().get(arguments[0], watch_if_asked(shell, arguments));
  return shell.show(value) + "\n" + (arguments.has('s') ? format_stat(value.stat) : "");
}

std::string set(Shell& shell, const Arguments& arguments) {
  client::Stat stat = shell.client().set(arguments[0], arguments[1], version(arguments));
  return arguments.has('s') ? format_stat(stat) : "";
}

std::string remove(Shell& shell, const Arguments& arguments) {
  shell.client().remove(arguments[0], version(arguments));
  return "";
}

std::string remove_all(Shell& shell, const Arguments& arguments) {
  auto batch = arguments.number('b', 1, 10'000).value_or(1000);
  remove_subtree(shell.client(), arguments[0], static_cast<std::size_t>(batch));
  return "";
}

std::string list(Shell& shell, const Arguments& arguments) {
  if (!arguments.has('R')) {
    client::Children children = shell.client().children(arguments[0], watch_if_asked(shell, arguments));
    return format_list(children.names) + "\n" + (arguments.has('s') ? format_stat(children.stat) : "");
  }
  std::string text;
  walk_subtree(shell.client(), arguments[0], [&](const std::string& path) { text += path + "\n"; });
  return text;
}

std::string stat(Shell& shell, const Arguments& arguments) {
  auto found = shell.client().exists(arguments[0], watch_if_asked(shell, arguments));
  if (!found) throw client::ClientError(Error::no_node, "");
  return format_stat(*found);
}

std::string get_acl(Shell& shell, const Arguments& arguments) {
  client::AclValue value = shell.client().get_acl(arguments[0]);
  return format_acl(value.acl) + (arguments.has('s') ? format_stat(value.stat) : "");
}

std::string set_acl(Shell& shell, const Arguments& arguments) {
  std::vector<client::Acl> acl = parse_acl(arguments[1]);
  std::int32_t expected = version(arguments);
  std::string text;
  auto set_one = [&](const std::string& path) {
    client::Stat stat = shell.client().set_acl(path, acl, expected);
    if (arguments.has('s')) text += format_stat(stat);
  };
  if (!arguments.has('R')) {
    set_one(arguments[0]);
    return text;
  }
  // All paths first: the new list may take away the right to read them.
  std::vector<std::string> paths;
  walk_subtree(shell.client(), arguments[0], [&](const std::string& path) { paths.push_back(path); });
  for (const std::string& path : paths) set_one(path);
  return text;
}

std::string count_all(Shell& shell, const Arguments& arguments) {
  std::size_t count = 0;
  walk_subtree(shell.client(), arguments[0], [&](const std::string&) { ++count; });
  return std::to_string(count - 1) + "\n";  // the node itself is no child
}

std::string sync(Shell& shell, const Arguments&) {
  shell.client().sync();
  return "Sync is OK\n";
}

std::string add_auth(Shell& shell, const Arguments& arguments) {
  shell.client().add_auth(arguments[0], arguments.size() > 1 ? arguments[1] : "");
  return "";
}

/// What is asked for in a file, one server a line, goes out as ZooKeeper's command sends it.
std::string read_members(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw CommandError(path + " cannot be read; name a file with the members, one server.N=… a line");
  std::string members;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#') || line.starts_with("version=")) continue;
    members += (members.empty() ? "" : ",") + line;
  }
  return members;
}

std::string reconfig(Shell& shell, const Arguments& arguments) {
  client::Reconfiguration change{.joining = arguments.text('a').value_or(""),
                                 .leaving = arguments.text('r').value_or(""),
                                 .new_members = arguments.text('m').value_or("")};
  const bool some = !change.joining.empty() || !change.leaving.empty();
  const bool all = arguments.has('m') || arguments.has('f');
  if (some == all || (arguments.has('m') && arguments.has('f')))
    throw CommandError("give what changes, with -add and -remove, or all members, with -members or -file");
  if (arguments.has('f')) change.new_members = read_members(*arguments.text('f'));
  if (auto version = arguments.text('v')) {
    char* end = nullptr;
    change.version = static_cast<std::int64_t>(std::strtoull(version->c_str(), &end, 16));
    if (version->empty() || *end != '\0') throw CommandError("\"" + *version + "\" is no version; see config");
  }
  const auto done = shell.client().reconfig(change);
  return "Committed new configuration:\n" + done.configuration + "\n" +
         (arguments.has('s') ? format_stat(done.stat) : "");
}

/// "100000007 host:2181,host:2181", as ZooKeeper's command shows it: where its clients connect.
std::string connect_string(const std::string& configuration) {
  std::string version, addresses;
  std::istringstream lines(configuration);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("version=")) version = line.substr(8);
    const auto semicolon = line.find(';');
    if (!line.starts_with("server.") || semicolon == std::string::npos) continue;
    const auto begin = line.find('=') + 1;
    const auto end = line[begin] == '[' ? line.find(']', begin) + 1 : line.find(':', begin);
    const std::string client = line.substr(semicolon + 1);
    const auto port = client.rfind(':');
    std::string host = port == std::string::npos ? "" : client.substr(0, port);
    if (host.empty() || host == "0.0.0.0") host = line.substr(begin, end - begin);
    addresses +=
        (addresses.empty() ? "" : ",") + host + ":" + (port == std::string::npos ? client : client.substr(port + 1));
  }
  return version + " " + addresses;
}

std::string config(Shell& shell, const Arguments& arguments) {
  const auto value = shell.client().get("/zookeeper/config", watch_if_asked(shell, arguments));
  return (arguments.has('c') ? connect_string(value.data) : value.data) + "\n" +
         (arguments.has('s') ? format_stat(value.stat) : "");
}

std::string who_am_i(Shell& shell, const Arguments&) {
  std::string text = "Auth scheme: User\n";
  for (const client::Identity& identity : shell.client().who_am_i()) {
    // Of a digest the name alone: the rest is a hash of the password.
    std::string user = identity.scheme == "digest" ? identity.id.substr(0, identity.id.find(':')) : identity.id;
    text += identity.scheme + ": " + user + "\n";
  }
  return text;
}

std::string add_watch(Shell& shell, const Arguments& arguments) {
  std::string mode = arguments.text('m').value_or("PERSISTENT_RECURSIVE");
  bool recursive = strcasecmp(mode.c_str(), "PERSISTENT_RECURSIVE") == 0;
  if (!recursive && strcasecmp(mode.c_str(), "PERSISTENT") != 0)
    throw CommandError("\"" + mode + "\" is no mode of a watch; write PERSISTENT or PERSISTENT_RECURSIVE");
  shell.client().add_watch(arguments[0], recursive ? client::WatchMode::recursive : client::WatchMode::persistent,
                           shell.watch());
  return "";
}

std::string remove_watches(Shell& shell, const Arguments& arguments) {
  shell.client().remove_watches(arguments[0]);
  return "";
}

std::string connect(Shell& shell, const Arguments& arguments) {
  try {
    shell.connect(arguments[0]);
  } catch (const std::invalid_argument& error) {
    throw CommandError(error.what());
  }
  return "";
}

std::string close(Shell& shell, const Arguments&) {
  shell.close();
  return "";
}

std::string quit(Shell& shell, const Arguments&) {
  shell.quit();
  return "";
}

std::string history(Shell& shell, const Arguments&) { return shell.history(); }

std::string redo(Shell& shell, const Arguments& arguments) {
  const std::string& number = arguments[0];
  if (number.empty() || number.size() > 9 || number.find_first_not_of("0123456789") != std::string::npos)
    throw CommandError("\"" + number + "\" is no number of a line; see history");
  return shell.redo(std::stoul(number));
}

std::string help(Shell&, const Arguments& arguments) {
  if (arguments.size() == 1) {
    const Command* command = find_command(arguments[0]);
    if (!command) throw CommandError("there is no command " + arguments[0] + "; help lists them");
    return std::string(command->signature.usage) + "\n";
  }
  std::string text;
  for (const Command& command : commands()) text += "  " + std::string(command.signature.usage) + "\n";
  return text;
}

std::string show_version(Shell&, const Arguments&) { return "Troupe " TROUPE_VERSION "\n"; }

constexpr std::array table{
    Command{"addWatch", {"addWatch [-m PERSISTENT|PERSISTENT_RECURSIVE] path", "m:", 1, 1}, add_watch},
    Command{"addauth", {"addauth scheme [credentials]", "", 1, 2}, add_auth},
    Command{"close", {"close", "", 0, 0}, close},
    Command{"config", {"config [-c] [-w] [-s]", "cws", 0, 0}, config},
    Command{"connect", {"connect host:port[,host:port...][/chroot]", "", 1, 1}, connect},
    Command{"create", {"create [-s] [-e] [-c] [-t milliseconds] path [data] [acl]", "sect:", 1, 3}, create},
    Command{"delete", {"delete [-v version] path", "v:", 1, 1}, remove},
    Command{"deleteall", {"deleteall path [-b batch-size]", "b:", 1, 1}, remove_all},
    Command{"get", {"get [-s] [-w] path", "sw", 1, 1}, get},
    Command{"getAcl", {"getAcl [-s] path", "s", 1, 1}, get_acl},
    Command{"getAllChildrenNumber", {"getAllChildrenNumber path", "", 1, 1}, count_all},
    Command{"help", {"help [command]", "", 0, 1}, help},
    Command{"history", {"history", "", 0, 0}, history},
    Command{"ls", {"ls [-s] [-w] [-R] path", "swR", 1, 1}, list},
    Command{"quit", {"quit", "", 0, 0}, quit},
    Command{"reconfig",
            {"reconfig [-s] [-v version] [-add server.N=host:port:port;port,...] [-remove N,...] | -members "
             "server.N=...,... | -file path",
             "sv:a:r:m:f:", 0, 0, "add=a remove=r members=m file=f"},
            reconfig},
    Command{"redo", {"redo number", "", 1, 1}, redo},
    Command{"removewatches", {"removewatches path", "", 1, 1}, remove_watches},
    Command{"set", {"set [-s] [-v version] path data", "sv:", 2, 2}, set},
    Command{"setAcl", {"setAcl [-s] [-v version] [-R] path acl", "sv:R", 2, 2}, set_acl},
    Command{"stat", {"stat [-w] path", "w", 1, 1}, stat},
    Command{"sync", {"sync [path]", "", 0, 1}, sync},
    Command{"version", {"version", "", 0, 0}, show_version},
    Command{"whoami", {"whoami", "", 0, 0}, who_am_i},
};

}  // namespace

std::span<const Command> commands() { return table; }

const Command* find_command(std::string_view name) {
  std::string wanted(name);
  auto found = std::find_if(table.begin(), table.end(), [&](const Command& command) {
    return strcasecmp(std::string(command.name).c_str(), wanted.c_str()) == 0;
  });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace troupe::shell
