// Where clients come in over ZooKeeper's wire protocol: accepts connections, reads what they send into
// one buffer that all share, and writes what each has to send once, at the end of the loop's turn.
//
// The sockets are in an epoll set of their own, edge-triggered, which the KJ loop watches as one file
// descriptor: an idle connection costs its few fields and no promise. Only what is left of a frame
// that has not come whole is kept per connection.
//
// A secure door speaks TLS on all its connections (tls.hpp).
//
// Invariant: sockets are destroyed in flush() alone, when nothing of theirs is on the stack.
// Owner: the wiring. Thread: the event loop of the gateway.
#pragma once

#include <kj/async-unix.h>
#include <kj/io.h>
#include <kj/timer.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/zk/admission.hpp"
#include "actors/zk/connection.hpp"
#include "actors/zk/door_balance.hpp"
#include "actors/zk/tls.hpp"

namespace troupe::zk {

struct DoorOptions {
  std::size_t max_frame = 0xfffff;             ///< bytes of a request: jute.maxbuffer
  const SaslUsers* sasl_users = nullptr;       ///< who logs in by SASL; outlives the door
  const TlsContext* tls = nullptr;             ///< of a secure door; outlives it
  std::int64_t handshake_timeout_ms = 10'000;  ///< for asking for a session, and for taking the last words
};

class Door final : private ConnectionHost, private kj::TaskSet::ErrorHandler {
 public:
  /// Runs a task at the end of the loop's turn (KjHost::at_end_of_turn).
  using AtEndOfTurn = std::function<void(std::function<void()>)>;
  /// Runs a task on the loop's thread; any thread may call it (KjHost::post).
  using Post = std::function<void(std::function<void()>)>;
  /// Answers a four-letter word; nothing for what is none.
  using Words = std::function<kj::Maybe<kj::Promise<std::string>>(std::string_view received)>;

  /// `listening` is a non-blocking socket, the one of all doors in `balance`. The gateway, `admission` and `balance`
  /// outlive the door and what it posts.
  Door(Gateway& gateway, kj::UnixEventPort& port, kj::Timer& timer, AtEndOfTurn at_end_of_turn, Post post,
       kj::AutoCloseFd listening, Admission& admission, DoorBalance& balance, Words words,
       const DoorOptions& options = {});
  ~Door() noexcept;

  const Counters& counters() const { return context_.counters; }
  void reset_counters() { context_.counters = {}; }
  /// Requests that are not answered.
  std::size_t outstanding() const;
  void each(const std::function<void(Connection&)>& visit);

 private:
  struct Socket;

  void changed(Connection& connection) override;
  bool four_letter_word(Connection& connection, std::string_view received) override;
  void answer_word(std::uint64_t id, std::string_view answer);
  std::int64_t now_ms() const override;
  void taskFailed(kj::Exception&& exception) override;

  kj::Promise<void> watch();
  kj::Promise<void> tick();
  void poll();
  void accept_all();
  void add(NewClient& client);
  void release(const std::string& address);
  void wait_for_turn(Socket& socket);
  void serve();
  void serve_later();
  void take(Socket& socket);
  void read(Socket& socket);
  void report_failed_handshake(const Socket& socket);
  void touch(Socket& socket);
  void flush();
  void send(Socket& socket);
  void destroy(Socket& socket);
  void expire();

  ConnectionContext context_;
  kj::Timer& timer_;
  const AtEndOfTurn at_end_of_turn_;
  kj::AutoCloseFd listening_;
  Admission& admission_;
  DoorBalance& balance_;
  std::size_t number_ = 0;  // in balance_
  const Words words_;
  const DoorOptions options_;

  kj::AutoCloseFd epoll_;
  kj::UnixEventPort::FdObserver observer_;
  bool accepting_ = true;

  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<Socket>> sockets_;
  std::vector<Socket*> touched_;  // have something to send, or ended
  std::deque<Socket*> waiting_;   // there is something to take from
  bool serving_later_ = false;
  std::int64_t next_warning_ms_ = 0;
  std::deque<std::pair<std::int64_t, std::uint64_t>> deadlines_;  // of sockets, by id: later ones come later
  std::unique_ptr<char[]> buffer_;                                // what is read lies here first
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);    // tasks of the turn's end may come later
  kj::TaskSet tasks_;
};

}  // namespace troupe::zk
