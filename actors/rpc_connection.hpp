// One client's connection over Cap'n Proto RPC (schema/client.capnp): the Door, the Session and the
// stream below them.
//
// Answers are written where they will be sent from: a submit's result is laid out when the submit
// comes, and each reply of the gateway is encoded into its place in it. Replies come in the order of the
// calls, so the first incomplete submit is always the one that a reply belongs to. When the answers of a
// submit have become many bytes it returns with those that there are; the others go to the Watcher, part
// by part, each when the system has taken what was sent before. So a client that does not read costs
// about two parts of memory and one answer, whatever it asked for, until its session has ended: while nothing is taken
// nothing is heard of it. A single answer is as large as it is (the children of a znode with very many).
//
// Owner: the RpcDoor. Thread: its event loop.
#pragma once

#include <capnp/rpc-twoparty.h>

#include <deque>
#include <functional>
#include <string>

#include "actors/gateway.hpp"
#include "actors/rpc_calls.hpp"
#include "actors/rpc_messages.hpp"
#include "schema/client.capnp.h"
#include "schema/rpc_stream.hpp"

namespace troupe {

struct RpcLimits {
  std::size_t max_message = 4 << 20;    ///< bytes of a message from a client
  std::size_t max_calls = 16384;        ///< in a submit
  std::size_t pause_above = 1 << 20;    ///< bytes of unsent answers above which a client is not read from
  std::size_t max_answers = 1 << 20;    ///< bytes of answers that complete a message, the last may go beyond
  std::size_t max_connections = 10000;  ///< further ones are closed as they come
};

class RpcConnection final : private ClientSink, private kj::TaskSet::ErrorHandler {
 public:
  using StatusSource = std::function<void(schema::Status::Builder)>;

  /// `address`: the client's, as text. `drop` is called once, when the connection is of no more use;
  /// it must not destroy it at once. `status` outlives the connection.
  RpcConnection(Gateway& gateway, kj::Own<kj::AsyncIoStream> stream, std::string address, const RpcLimits& limits,
                const StatusSource& status, std::function<void(RpcConnection&)> drop);
  ~RpcConnection() noexcept override;

 private:
  class DoorServer;
  class SessionServer;
  using ConnectContext = capnp::CallContext<schema::ConnectRequest, schema::Connected>;
  using SubmitContext = capnp::CallContext<schema::Session::SubmitParams, schema::Session::SubmitResults>;

  using Results = schema::Session::SubmitResults::Builder;
  using Part = capnp::Request<schema::Watcher::AnswersParams, schema::Watcher::AnswersResults>;

  struct Submit {
    Results results;
    kj::Own<kj::PromiseFulfiller<void>> done;  // null when it has returned
    kj::Maybe<Part> part;                      // what is answered now; none while that is the return itself
    unsigned left = 0;                         // calls without an answer

    // The list of answers in the return or in the part.
    capnp::List<schema::Answer>::Builder answers{};
    unsigned answered = 0;
    std::size_t bytes = 0;
  };

  kj::Promise<void> connect(ConnectContext context);
  kj::Promise<void> submit(SubmitContext context);
  void prefetch(capnp::List<schema::Call>::Reader calls, unsigned first) const;
  void finish_connect(Error error);
  void detach(const kj::Exception& why);
  void drop();
  void begin_part(Submit& submit);
  void finish_part(Submit& submit);
  void drained();

  void on_accepted(const Accepted& accepted) override;
  void on_reply(const Reply& reply) override;
  void on_events(std::span<const Event> events) override;
  void on_events_lost(std::string_view path, Zxid zxid) override;
  void on_closed(Closed why) override;
  void on_uncongested() override { stream_.resume(); }
  std::size_t backlog() const override { return event_bytes_; }
  bool full() const override { return answer_bytes_ > limits_.max_answers; }
  void taskFailed(kj::Exception&& exception) override;

  template <class Fill>
  void send_events(std::size_t count, std::size_t bytes, Fill fill);

  Gateway& gateway_;
  const std::string address_;
  const RpcLimits& limits_;
  const StatusSource& status_;
  std::function<void(RpcConnection&)> drop_;

  Attachment* attachment_ = nullptr;
  SessionServer* session_ = nullptr;  // while attached
  kj::Maybe<ConnectContext> connecting_;
  kj::Own<kj::PromiseFulfiller<void>> connected_;
  kj::Maybe<schema::Watcher::Client> watcher_;
  std::deque<Submit> submits_;
  RpcCalls calls_;
  std::uint64_t position_ = 0;    // of the last answer or event
  std::size_t event_bytes_ = 0;   // of events that the client has not confirmed
  std::size_t answer_bytes_ = 0;  // of answers since the stream was last drained

  // Destroyed in the reverse order: first the RPC system, which holds the servers above.
  RpcStream stream_;
  RpcMessages messages_;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
  kj::TaskSet unconfirmed_;  // events under way
  kj::Promise<void> disconnected_;
};

}  // namespace troupe
