// A session over Cap'n Proto RPC, by the client library, which has a thread for each. Its answers and
// events come to the event loop by a mailbox; whatever has come meanwhile takes one wake-up.
//
// The library reconnects and repeats by itself, so a session is disconnected() only when it is over.
//
// Owner: the event loop's thread, but for post(), which runs on the client's.
#pragma once

#include <mutex>

#include "apps/bench/wire/fifo.hpp"
#include "apps/bench/wire/session.hpp"
#include "client/client.hpp"

namespace troupe::bench {

class RpcDriver final : public Driver {
 public:
  std::unique_ptr<Session> open(EventLoop& loop, const std::vector<Endpoint>& nodes, std::size_t first,
                                const SessionOptions& options, Listener& listener) override;
};

class RpcSession final : public Session, private EventLoop::Handler {
 public:
  RpcSession(EventLoop& loop, const Endpoint& node, const SessionOptions& options, Listener& listener);
  ~RpcSession() override;

  void send(const Request& request, std::uint64_t token) override;
  void close() override;  ///< blocks until the session has ended
  void abandon() override;
  void tick() override {}
  bool connected() const override { return connected_; }
  std::size_t under_way() const override { return under_way_.size(); }

 private:
  struct Mail {
    enum class Kind { answer, event, connected, lost } kind;
    std::uint64_t token = 0;
    int error = error::ok;
    std::string text{};  // an answer's data or path, an event's path
    std::int32_t children_count = 0;
    std::vector<std::string> names{};
    client::EventType event{};
  };

  void ready(std::uint32_t events) override;
  void flush() override {}
  void post(Mail mail);
  void deliver(const Mail& mail);
  /// A callback that fills in a mail from a result that is ok.
  template <class T, class Fill>
  client::Callback<T> answers(std::uint64_t token, Fill fill);
  client::Watch watch();

  int wake_;
  bool connected_ = false;
  Fifo<std::uint64_t> under_way_;  // tokens: answers come in the order of the requests
  std::mutex mutex_;
  std::vector<Mail> mailbox_;  // guarded by mutex_
  client::Client client_;      // its thread ends first
};

}  // namespace troupe::bench
