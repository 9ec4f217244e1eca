// What a node's event loops know of their clients, gathered for its four-letter words, which any of the loops is asked.
//
// NodeClients is shared by the loops; each tells it how it is asked, before any client can come.
#pragma once

#include <kj/async.h>

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "actors/watches.hpp"
#include "actors/zk/connection.hpp"
#include "actors/zk/counters.hpp"

namespace troupe::zk {

/// What to gather, and what to do beside: lists are long.
struct ClientQuestion {
  bool connections = false, watches = false;
  bool reset_server = false, reset_connections = false;  ///< their counters
};

struct ClientFacts {
  Counters counters;
  std::size_t outstanding = 0;                 ///< requests without an answer
  std::vector<Connection::Facts> connections;  ///< if asked for
  std::vector<std::pair<WatcherId, std::string>>
      watches;  ///< if asked for: who watches which path; some more than once

  void add(ClientFacts&& other);
};

class NodeClients {
 public:
  using Answer = std::function<ClientFacts(const ClientQuestion&)>;

  /// `answer` runs on the calling thread's event loop, while that is running.
  void add(Answer answer);
  /// Of all loops together. On the thread of one of them. Fails where another has ended.
  kj::Promise<ClientFacts> ask(const ClientQuestion& question) const;

 private:
  struct Loop {
    kj::Own<const kj::Executor> executor;
    Answer answer;
  };
  mutable std::mutex mutex_;
  std::vector<Loop> loops_;  // guarded by mutex_
};

}  // namespace troupe::zk
