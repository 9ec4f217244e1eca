// Where a server listens, resolved once, and non-blocking sockets to it.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

namespace troupe::bench {

struct Endpoint {
  std::string name;  ///< "127.0.0.1:2181"
  sockaddr_storage address{};
  socklen_t size = 0;
};

/// Of "host:port" each. Throws std::runtime_error for one that cannot be resolved.
std::vector<Endpoint> resolve(const std::vector<std::string>& addresses);

/// A socket that is connecting, without delay of small packets. -1 if the system refuses; errno says why.
int start_to_connect(const Endpoint& endpoint);

/// Sends `question` and reads until the server closes; nothing if that takes longer than `seconds`.
/// For ZooKeeper's commands of four letters. Blocks.
std::string ask(const Endpoint& endpoint, const std::string& question, int seconds);

/// Raises this process's limit of open files to what the system allows; returns it.
std::size_t raise_open_files();

}  // namespace troupe::bench
