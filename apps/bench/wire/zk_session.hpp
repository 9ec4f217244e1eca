// A session over ZooKeeper's protocol, at ZooKeeper or at Troupe: the work is the same for both.
//
//   disconnected → connecting → connected → (closing) → disconnected
//
// Every reply is checked: its xid is that of the oldest request under way, and its zxid is not lower
// than the one before.
//
// Owner: the event loop's thread.
#pragma once

#include "apps/bench/wire/fifo.hpp"
#include "apps/bench/wire/session.hpp"
#include "apps/bench/wire/stream.hpp"

namespace troupe::bench {

class ZkDriver final : public Driver {
 public:
  std::unique_ptr<Session> open(EventLoop& loop, const std::vector<Endpoint>& nodes, std::size_t first,
                                const SessionOptions& options, Listener& listener) override;
};

class ZkSession final : public Session, private Stream {
 public:
  ZkSession(EventLoop& loop, const std::vector<Endpoint>& nodes, std::size_t first, const SessionOptions& options,
            Listener& listener);

  void send(const Request& request, std::uint64_t token) override;
  void close() override;
  void abandon() override;
  void tick() override;
  bool connected() const override { return state_ == State::connected; }
  std::size_t under_way() const override { return under_way_.size(); }

 private:
  enum class State { disconnected, connecting, connected, closing };
  struct UnderWay {
    std::int32_t xid;
    Op op;
    std::uint64_t token;
  };

  void opened() override;
  std::size_t parse(std::string_view bytes) override;
  void broken() override;

  void connect_to_next();
  void retry();
  void take_session(std::string_view frame);
  void take_reply(std::string_view frame);
  void take_answer(const UnderWay& request, int error, std::string_view body);
  void lose_connection();

  const std::vector<Endpoint>& nodes_;
  std::size_t node_;
  const SessionOptions options_;
  State state_ = State::disconnected;
  Fifo<UnderWay> under_way_;
  std::int32_t last_xid_ = 0;
  std::int64_t last_zxid_ = 0, session_ = 0;
  std::string password_ = std::string(16, '\0');
  std::chrono::milliseconds timeout_;  // as the server has granted it
  Clock::time_point last_sent_, last_heard_;
  std::vector<std::string_view> names_;  // of the answer that is being told
  Timer retry_;                          // when disconnected, to connect again; when connecting, to give that up
  bool abandoned_ = false;
};

}  // namespace troupe::bench
