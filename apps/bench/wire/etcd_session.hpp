// A connection to etcd: gRPC over HTTP/2, no more of it than calls of one request and one answer take.
//
// A call is a stream: a block of headers that is the same for every call of a method, and a frame with the
// message. Answers may come in any order. Headers of answers are not decoded: an answer without a message
// is an error. Windows that bound what etcd sends are opened wide; those that bound what is sent to it are
// kept to.
//
// Znodes are keys, parents are prefixes: gets are serializable, as ZooKeeper's reads; creates are
// transactions that fail where the key exists. There is no session, ephemeral or watch here.
//
// Owner: the event loop's thread.
#pragma once

#include <deque>
#include <unordered_map>

#include "apps/bench/wire/session.hpp"
#include "apps/bench/wire/stream.hpp"

namespace troupe::bench {

class EtcdDriver final : public Driver {
 public:
  std::unique_ptr<Session> open(EventLoop& loop, const std::vector<Endpoint>& nodes, std::size_t first,
                                const SessionOptions& options, Listener& listener) override;
};

class EtcdSession final : public Session, private Stream {
 public:
  EtcdSession(EventLoop& loop, const Endpoint& node, Listener& listener);

  void send(const Request& request, std::uint64_t token) override;
  void close() override;
  void abandon() override { drop(); }
  void tick() override {}
  bool connected() const override { return ready_ && open(); }
  std::size_t under_way() const override { return calls_.size(); }

 private:
  struct Call {
    Op op;
    std::uint64_t token;
    std::size_t path_size;
    std::string answer{};  // what has come of it
  };
  struct Waiting {
    std::string frames;
    std::int64_t window;  // that it takes
  };
  struct Frame;

  void opened() override;
  std::size_t parse(std::string_view bytes) override;
  void broken() override;

  void take(const Frame& frame);
  void take_settings(std::string_view settings);
  void take_data(const Frame& frame);
  void finish(std::uint32_t stream);
  void send_waiting();

  bool ready_ = false;
  std::uint32_t next_stream_ = 1;
  std::int64_t window_ = 65535;  // that etcd grants to all calls together
  std::uint64_t received_ = 0;   // since it was granted a window
  std::unordered_map<std::uint32_t, Call> calls_;
  std::deque<Waiting> waiting_;  // for a window
  std::string message_;          // of the request that is being encoded
  std::vector<std::string_view> names_;
};

}  // namespace troupe::bench
