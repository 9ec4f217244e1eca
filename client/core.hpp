// The heart of a client: the session, its connection to one node after the other, the calls that
// are waiting or under way, and the order in which answers and events reach the user.
//
//   waiting_ → submitted_ → delivered         what a turn gathers goes in one submit, several of which
//      ↑___________|  connection lost         may be under way; unanswered calls are repeated, in
//                                             their order, the writes under their numbers
//
// Answers and events of a connection are delivered in the order of their positions
// (schema/client.capnp), so a user never sees data before the event that announces it.
//
// Owner: the client's loop thread.
#pragma once

#include <kj/async-io.h>
#include <kj/timer.h>

#include <deque>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "client/address.hpp"
#include "client/call.hpp"
#include "client/connection.hpp"
#include "client/types.hpp"
#include "client/watches.hpp"

namespace troupe::client {

class Core final : private kj::TaskSet::ErrorHandler {
 public:
  /// `released` is told the bytes of each call that is answered or failed.
  Core(kj::AsyncIoContext& io, ConnectString nodes, const Options& options, WatchTable& watches,
       std::function<void(std::size_t)> released);
  /// Fails what is unanswered with connection_loss.
  ~Core() noexcept;

  void enqueue(std::unique_ptr<Call> call);
  /// Remembered, to be proved again on every connection to come.
  void remember_credentials(std::string scheme, std::string credentials);
  /// From now on calls fail. `done` once the session has ended, or cannot be ended now.
  void close(std::function<void()> done);

  SessionId session() const { return session_; }

 private:
  class WatcherServer;
  struct Submitted {
    std::vector<std::unique_ptr<Call>> calls;
    kj::Maybe<capnp::Response<schema::Session::SubmitResults>> response;
    // Of the response. Looked up once: each look counts the whole list against the message's limit.
    capnp::List<schema::Answer>::Reader returned;
    std::size_t delivered = 0;
  };
  /// Answers that the return of their submit had no room for. The message that they are in is there until the call
  /// that brought it has returned.
  struct Part {
    capnp::List<schema::Answer>::Reader answers;
    kj::Own<kj::PromiseFulfiller<void>> done;
    unsigned delivered = 0;
  };
  struct Happened {
    std::uint64_t position;
    Zxid zxid;
    schema::EventType type;
    std::string path;
  };

  // Connecting.
  kj::Promise<void> seek();
  kj::Promise<void> attempt(const std::string& server);
  kj::Promise<void> take_up();
  kj::Promise<void> pause_between_attempts();
  void established(schema::Connected::Reader connected);
  void lose();
  void clear_connection();
  void expire();
  kj::Promise<void> tick();
  void keep_alive();

  // Calling.
  void arm();
  void flush();
  void submit();
  void prepare_connection_calls();
  void deliver();
  void seen(Zxid zxid);
  bool deliver_event();
  bool deliver_answer();
  kj::Maybe<schema::Answer::Reader> next_answer();
  void fail_all(Error error, const std::string& why);
  std::string shown(const std::string& path) const;
  void set_state(State state);
  void taskFailed(kj::Exception&& exception) override;
  kj::TimePoint now() const { return timer_.now(); }
  bool idle() const { return waiting_.empty() && submitted_.empty(); }

  kj::Network& network_;
  kj::Timer& timer_;
  const ConnectString nodes_;
  const Options options_;
  WatchTable& watches_;
  const std::function<void(std::size_t)> released_;
  std::mt19937_64 random_;

  // The session.
  State state_ = State::connecting;
  SessionId session_;
  kj::Array<kj::byte> password_;
  kj::Duration timeout_;
  Zxid last_zxid_;            // of what was delivered
  Zxid watched_;              // up to here every watch was told
  std::size_t rearming_ = 0;  // calls of the connection that set watches again, and are unanswered
  // What was told behind watched_: a node that is asked again from there on tells it again.
  std::set<std::tuple<Zxid, schema::EventType, std::string>> told_;
  std::uint64_t last_number_ = 0;  // of the writes
  std::uint64_t answered_ = 0;     // the writes up to here were delivered
  std::vector<std::pair<std::string, std::string>> credentials_;

  // The calls.
  std::deque<std::unique_ptr<Call>> waiting_;
  std::deque<Submitted> submitted_;
  std::size_t in_flight_ = 0;  // of submitted_, how many have no response
  std::deque<Part> parts_;
  std::deque<Happened> happened_;
  std::uint64_t next_position_ = 1;
  bool armed_ = false;
  bool delivering_ = false;
  bool closing_ = false;

  // The connection.
  std::size_t next_server_ = 0;
  std::size_t failed_attempts_ = 0;
  kj::TimePoint useful_until_;  // the last moment at which there was a connection that answered
  kj::TimePoint last_sent_, last_heard_;
  std::uint64_t received_ = 0;  // when the connection was last looked at
  bool answered_here_ = false;  // a call of the user, or a ping, on this connection
  std::unique_ptr<Connection> connection_;
  kj::Own<kj::PromiseFulfiller<void>> lost_;  // null when there is no connection
  kj::Own<kj::TaskSet> connection_tasks_;     // end with the connection
  kj::TaskSet tasks_;
};

}  // namespace troupe::client
