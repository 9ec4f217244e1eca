#include "apps/bench/server_cpu.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace troupe::bench {
namespace {

namespace fs = std::filesystem;

/// Inode of the socket → port, of all TCP sockets of this machine that listen.
void read_listening(const char* table, std::map<std::string, unsigned>& ports) {
  constexpr const char* listening = "0A";
  std::ifstream in(table);
  std::string line;
  std::getline(in, line);  // the heading
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
    words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
    if (state == listening)
      ports["socket:[" + inode + "]"] =
          static_cast<unsigned>(std::stoul(local.substr(local.rfind(':') + 1), nullptr, 16));
  }
}

/// Port → process, of those whose descriptors this user may see.
std::map<unsigned, pid_t> listening_processes() {
  std::map<std::string, unsigned> ports;
  read_listening("/proc/net/tcp", ports);
  read_listening("/proc/net/tcp6", ports);
  std::map<unsigned, pid_t> processes;
  std::error_code gone;  // processes and descriptors come and go meanwhile
  for (const auto& entry : fs::directory_iterator("/proc", gone)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    for (fs::directory_iterator file(entry.path() / "fd", gone), end; !gone && file != end; file.increment(gone)) {
      const auto port = ports.find(fs::read_symlink(file->path(), gone).string());
      if (port != ports.end()) processes[port->second] = std::stoi(name);
    }
    gone.clear();
  }
  return processes;
}

bool is_here(const std::string& host) { return host.starts_with("127.") || host == "localhost" || host == "[::1]"; }

}  // namespace

std::vector<pid_t> listeners(const std::vector<std::string>& addresses) {
  const std::map<unsigned, pid_t> processes = listening_processes();
  std::vector<pid_t> found;
  for (const std::string& address : addresses) {
    const std::size_t colon = address.rfind(':');
    const auto process = processes.find(static_cast<unsigned>(std::stoul(address.substr(colon + 1))));
    if (!is_here(address.substr(0, colon)) || process == processes.end()) return {};
    found.push_back(process->second);
  }
  return found;
}

Usage usage_of(const std::vector<pid_t>& processes) {
  Usage sum;
  for (pid_t process : processes) {
    std::ostringstream text;
    text << std::ifstream("/proc/" + std::to_string(process) + "/stat").rdbuf();
    // Fields are counted from behind the name, which may contain anything: state is the third.
    std::istringstream fields(text.str().substr(text.str().rfind(')') + 1));
    std::string skipped;
    std::uint64_t minor = 0, of_children = 0, major = 0, user = 0, system = 0;
    for (int field = 3; field < 10; ++field) fields >> skipped;
    fields >> minor >> of_children >> major >> of_children >> user >> system;
    sum.page_faults += minor + major;
    sum.cpu +=
        std::chrono::duration<double>(static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK)));
  }
  return sum;
}

Memory memory_of(const std::vector<pid_t>& processes) {
  constexpr std::uint64_t kib = 1024;
  Memory sum;
  for (pid_t process : processes) {
    std::ifstream in("/proc/" + std::to_string(process) + "/status");
    std::string line;
    while (std::getline(in, line)) {
      std::istringstream words(line);
      std::string name;
      std::uint64_t size = 0;
      words >> name >> size;
      if (name == "RssAnon:") sum.anonymous += size * kib;
      if (name == "RssFile:") sum.of_files += size * kib;
    }
  }
  return sum;
}

}  // namespace troupe::bench
