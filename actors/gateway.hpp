// A gateway: the sessions attached on one event loop. Reads are answered at once from its view of the
// tree; writes go upstream and are answered when the view has reached them.
//
// The view moves in applied() alone, and there in this order: the view is swapped, the events of the
// batch go to the clients, then the outcomes go to those who asked, and the reads behind them are
// answered. So an event precedes the data that it announces, a session reads its own writes, and no
// session goes back in time. Replies of a session are in the order of its calls.
//
// Sessions are the ensemble's, but for two kinds that are the node's own (node_sessions.hpp), for which nobody is
// asked when they begin, come back or end (gateway_local.cpp). Local ones, where these are switched on: they write as
// others do. And guests of a node without a leader, which may answer the reads of clients that ask for no more
// (read_only_after_ms): what they read stands still.
//
// A plain class: no actor, no socket, no clock. Owner: its event loop's thread. The doors call connect,
// call, heard and disconnect; gateway_actor passes on what comes from the other actors.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <unordered_map>
#include <vector>

#include "actors/attachment.hpp"
#include "actors/calls.hpp"
#include "actors/event_history.hpp"
#include "actors/node_sessions.hpp"
#include "actors/read_calls.hpp"
#include "actors/watches.hpp"
#include "schema/bytes.hpp"

namespace troupe {

/// The gateway's way to the leader. Messages keep their order.
class Upstream {
 public:
  virtual ~Upstream() = default;
  virtual void submit(std::vector<Bytes> requests) = 0;  ///< each a schema::Request
  /// Answered by attached(). The session's timeout becomes `timeout_ms`; 0 leaves it.
  virtual void attach(std::uint64_t ticket, SessionId session, std::uint32_t timeout_ms) = 0;
  virtual void sync(std::uint64_t ticket) = 0;  ///< answered by synced()
  virtual void heard(std::vector<SessionId> sessions) = 0;
  /// Asks for Gateway::flush() at the end of the loop's turn.
  virtual void want_flush() = 0;
};

struct GatewayOptions {
  PeerId node;
  std::uint32_t gateway = 0;  ///< among the node's
  std::uint64_t seed = 0;     ///< of the session ids; must differ from start to start
  std::uint32_t min_timeout_ms = 4000, max_timeout_ms = 40000;
  std::size_t max_data = 1 << 20;               ///< bytes of one znode's data
  std::size_t max_session_queue = 4 << 20;      ///< bytes of a session's calls that wait
  std::size_t max_queue = 256 << 20;            ///< of all sessions together
  std::size_t max_backlog = 8 << 20;            ///< bytes that a client has not taken
  std::size_t history = 50'000;                 ///< recent events and results, for clients that come back
  std::string super_digest;                     ///< "user:hash" of the super user, or empty
  std::string super_subject;                    ///< of the super user's certificate, or empty
  std::uint32_t tick_ms = 100;                  ///< between calls of tick()
  std::uint32_t patience_ms = 0;                ///< so long after the leader is lost who is not accepted yet waits
  std::uint32_t read_only_after_ms = 0;         ///< without a leader for so long, reads are answered; 0: never
  bool local_sessions = false;                  ///< sessions for which that will do are this node's alone …
  bool upgrade_local_sessions = false;          ///< … until they create an ephemeral; otherwise they cannot
  std::shared_ptr<NodeSessions> node_sessions;  ///< which the node's gateways share; null: there is no other gateway
  /// Told when the tree cannot be read for a client; without it the doors get the StorageError.
  std::function<void(const std::string& message)> on_storage_error;
};

class Gateway {
 public:
  Gateway(const GatewayOptions& options, Upstream& upstream);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // --- for the doors ---

  /// Opens a session or takes one up. Ends in sink.on_accepted() or sink.on_closed(). The handle is
  /// good until on_closed() or disconnect(); null when on_closed() has been called already.
  Attachment* connect(ClientSink& sink, const ConnectRequest& request);
  /// Only after on_accepted(). A call that breaks the protocol closes the attachment.
  void call(Attachment& attachment, const Call& call);
  /// The client is there.
  void heard(Attachment& attachment);
  /// The connection is gone; the session lives on. The sink is not called any more.
  void disconnect(Attachment& attachment);
  /// The sink is no longer full(): the reads that waited for that go on. Not from inside a sink's function.
  void drained(Attachment& attachment);
  /// Whether the door must stop reading from this client, until on_uncongested().
  bool congested(Attachment& attachment);

  // --- for the wiring ---

  void serving();
  void not_serving();  ///< closes all who were accepted, and the others too unless they may wait for the next leader
  void attached(std::uint64_t ticket, Error error, Zxid barrier);
  void synced(std::uint64_t ticket, Zxid barrier);
  void refused(SessionId session, std::uint64_t number, Error error);
  void applied(std::shared_ptr<const store::AppliedBatch> batch, std::shared_ptr<store::View> view);
  void tick();
  void flush();

  /// What is served now; null before the first applied().
  const store::View* view() const { return view_.get(); }
  /// Whether any client is served.
  bool is_serving() const { return serving_ || read_only_; }
  bool is_read_only() const { return read_only_; }
  /// Whether clients that come now are served, or wait for the next leader.
  bool takes_clients() const { return is_serving() || ticks_of_patience_ > 0; }
  std::size_t connections() const { return sessions_.size(); }
  const Watches& watches() const { return watches_; }
  const NodeSessions& node_sessions() const { return *node_sessions_; }
  bool has_local_sessions() const { return options_.local_sessions; }
  std::size_t waiting_for_views() const { return barriers_.size(); }

 private:
  using State = Attachment::State;
  using Scope = Attachment::Scope;

  // How connections begin and end, in gateway_sessions.cpp.
  Attachment* find(SessionId session);
  void close(Attachment& attachment, Closed why);
  void forget(Attachment& attachment);
  Attachment* begin(ClientSink& sink, const ConnectRequest& request);
  void ask_for_session(Attachment& attachment);
  void hold(Attachment& attachment);
  /// Those in that state, or all. `visit` may close any of them.
  void each(std::optional<State> state, const std::function<void(Attachment&)>& visit);
  Attachment* refuse(ClientSink& sink, Closed why);
  Attachment& add(SessionId session, ClientSink& sink, const ConnectRequest& request);
  void accept(Attachment& attachment);
  SessionId new_session_id();
  std::uint32_t bounded(std::uint32_t timeout_ms) const;

  void settle();
  void refuse(Attachment& attachment, const Call& call, Error error);
  void submit_write(Attachment& attachment, const Call& call);
  void enqueue(Attachment& attachment, Waiting waiting);
  void issue(Attachment& attachment, Waiting& waiting);
  bool answer_front(Attachment& attachment);
  static bool waits_for_client(const Attachment& attachment);
  void storage_failed(const store::StorageError& error);
  template <class Work>
  void guard(Attachment& attachment, Work&& work);
  void take(Attachment& attachment, const Call& call);
  void advance(Attachment& attachment);
  void answer(Attachment& attachment, const Call& call);
  void reply(Attachment& attachment, const Waiting& waiting, const store::Outcome& outcome);
  void reply(Attachment& attachment, const Waiting& waiting, Error error);
  void reach_barrier(SessionId session, Zxid barrier);

  void fire(const store::AppliedBatch& batch);
  void deliver(const std::shared_ptr<const store::AppliedBatch>& batch, const store::Outcome& outcome);
  void pass_barriers();
  void dirty();

  // Sessions of this node, in gateway_local.cpp.
  void open_local(Attachment& attachment);
  void take_up_local(Attachment& attachment);
  Attachment* begin_guest(ClientSink& sink, const ConnectRequest& request);
  void take_from_guest(Attachment& attachment, const Call& call);
  void say_farewell(Attachment& attachment, const Call& call);
  bool must_upgrade(const Call& call) const;
  void issue_local(Attachment& attachment, const Waiting& write);
  void submit_where_held();
  void see_upgrades(const store::AppliedBatch& batch);
  void tick_local();

  const GatewayOptions options_;
  Upstream& upstream_;
  std::mt19937_64 random_;
  bool serving_ = false;
  bool read_only_ = false;
  std::uint32_t ticks_of_patience_ = 0;  // that are left
  std::uint64_t ticks_alone_ = 0;        // without a leader
  const std::shared_ptr<NodeSessions> node_sessions_;
  std::uint64_t own_number_;  // of the last write that its client did not number
  std::shared_ptr<store::View> view_;
  EventHistory history_;
  Watches watches_;
  ReadCalls reads_;

  std::unordered_map<SessionId, std::unique_ptr<Attachment>> sessions_;
  std::vector<std::unique_ptr<Attachment>> closed_;                    // freed when no call is under way in them
  std::unordered_map<std::uint64_t, SessionId> attaching_;             // by ticket
  std::unordered_map<std::uint64_t, std::vector<SessionId>> syncing_;  // by ticket
  std::multimap<Zxid, SessionId> barriers_;                            // who waits for the view to get there
  std::vector<Attachment*> touched_;                                   // by the events of the batch that is being fired

  // Gathered until flush().
  bool dirty_ = false;
  std::vector<Bytes> requests_;
  std::vector<std::pair<std::size_t, SessionId>> local_requests_;  // where in requests_, and whose
  bool sync_wanted_ = false;
  std::uint64_t next_ticket_ = 1;
  std::uint64_t sync_ticket_ = 0;  // of the syncs gathered now

  std::uint64_t tick_ = 1;
  std::vector<SessionId> heard_;
  std::vector<SessionId> heard_here_;  // of sessions of this node
  std::size_t queued_bytes_ = 0;
  std::vector<SessionId> stopped_;  // whose doors wait for room
};

}  // namespace troupe
