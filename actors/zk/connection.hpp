// One client's connection over ZooKeeper's wire protocol: bytes in, calls on the gateway, bytes out.
//
//   fresh ─▶ connecting ─▶ open ─▶ closing ─▶ ending
//     └── a four-letter word ─▶ answering ──────▶┘    any ─▶ ending: the protocol was broken, the session ended
//
// It parses where the bytes lie and writes where they will be sent from. While a session is being
// opened, once it is being closed, and while too much waits in either direction, it takes no requests:
// paused(). What is malformed ends in an error reply or in the connection's end, never in more than a frame's memory.
//
// No socket and no clock: its ConnectionHost sends what output() holds, brings what comes, and destroys it
// when ended() says so and the output is sent. Owner: the door. Thread: its event loop.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "actors/gateway.hpp"
#include "actors/zk/counters.hpp"
#include "actors/zk/output.hpp"
#include "actors/zk/requests.hpp"
#include "actors/zk/sasl_login.hpp"

namespace troupe::zk {

class Connection;

/// What a connection's owner does for it.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  /// Something changed from within the gateway: there is output, it ended, or it takes requests again.
  /// Called often; must not call back.
  virtual void changed(Connection& connection) = 0;
  /// Whether `received` begins with a four-letter word; then Connection::answer_word() follows, at once or later.
  virtual bool four_letter_word(Connection& connection, std::string_view received) = 0;
  /// Monotonic, milliseconds.
  virtual std::int64_t now_ms() const = 0;
};

/// What the connections of one door share.
struct ConnectionContext {
  Gateway& gateway;
  ConnectionHost& host;
  std::size_t max_frame = 0xfffff;        ///< bytes of a request: jute.maxbuffer
  std::size_t pause_above = 1 << 20;      ///< bytes of unsent output above which no requests are taken …
  std::size_t full_above = 4 << 20;       ///< … and above which replies wait at the gateway
  const SaslUsers* sasl_users = nullptr;  ///< null: nobody logs in by SASL
  std::int64_t now_ms = 0;                ///< of this turn of the loop
  Counters counters;
  Requests requests;  ///< scratch space
};

class Connection : private ClientSink {
 public:
  /// `address`: the client's, for access control; `name`: with its port, for people.
  Connection(ConnectionContext& context, std::string address, std::string name);
  ~Connection() override;

  /// Whom the connection itself has proved the client to be, by the subject of its certificate; empty: nobody. Before
  /// the client asks for a session.
  void set_subject(std::string subject) { subject_ = std::move(subject); }

  /// Takes what the client sent and returns how much of it was used. The rest, part of a frame or all
  /// that came while paused(), is to be brought again, with what follows.
  std::size_t receive(std::string_view bytes);
  /// The answer to the four-letter word that came; with it the connection ends.
  void answer_word(std::string_view answer);
  /// Nothing is taken now, so nothing need be read.
  bool paused() const;
  /// Bytes to send; consume what is sent, then call sent(), not without.
  Output& output() { return output_; }
  void sent();
  /// Nothing more comes; the connection is to be closed once its output is sent.
  bool ended() const { return state_ == State::ending; }
  /// The client has not asked for a session yet.
  bool fresh() const { return state_ == State::fresh; }

  // For people.
  /// The last request, and its reply; a new session's opening is one.
  struct Last {
    std::optional<Op> op;
    std::int32_t xid = 0;  ///< of the last that was not negative: pings have none of their own
    Zxid zxid;
    std::int64_t reply_ms = 0, latency_ms = 0;
  };
  struct Facts {
    std::string name;
    SessionId session;
    std::int64_t since_ms = 0;
    std::uint32_t timeout_ms = 0;
    std::size_t outstanding = 0;
    Counters counters;
    Last last;
  };
  Facts facts() const;
  void reset_counters() {
    counters_ = {};
    last_ = {.op = no_op, .xid = -1, .zxid = Zxid{~std::uint64_t{0}}};
  }

 private:
  static constexpr Op no_op{};
  enum class State { fresh, connecting, open, closing, answering, ending };

  std::size_t receive_first(std::string_view bytes);
  std::size_t look_ahead(std::string_view bytes) const;
  void receive_connect(std::string_view frame);
  void receive_request(std::string_view frame);
  void receive_login(Call call);
  void end();
  void count_received();
  void count_sent(std::size_t frames);
  std::int64_t count_answered();

  void on_accepted(const Accepted& accepted) override;
  void on_reply(const Reply& reply) override;
  void on_events(std::span<const Event> events) override;
  void on_events_lost(std::string_view, Zxid) override {}  // no words for it in this protocol
  void on_closed(Closed why) override;
  void on_uncongested() override;
  std::size_t backlog() const override { return std::min(event_bytes_, output_.size()); }
  bool full() const override { return output_.size() > context_.full_above; }

  ConnectionContext& context_;
  const std::string address_, name_;
  std::string subject_;
  const std::int64_t since_ms_;
  State state_ = State::fresh;
  bool opens_session_ = false;
  bool says_read_only_ = false;
  bool receiving_ = false;
  bool congested_ = false;
  Attachment* attachment_ = nullptr;
  std::list<std::optional<std::string>>
      echoes_;                        // of the syncs and logins that are not answered: the text of the answer
  std::unique_ptr<SaslLogin> login_;  // from the first login on
  Output output_;
  std::size_t event_bytes_ = 0;  // of events, written since output_ was empty

  SessionId session_;
  std::uint32_t timeout_ms_ = 0;
  Outstanding outstanding_;
  Counters counters_;
  Last last_;
};

}  // namespace troupe::zk
