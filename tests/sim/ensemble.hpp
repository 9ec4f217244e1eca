// An ensemble of simulated nodes for scenarios: the test starts and kills nodes, cuts the network and
// speaks as clients do; after every step of the world the invariants of ZAB are checked, and a broken
// one fails the test. Virtual time: what waits here waits for nobody.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/sim/history.hpp"
#include "apps/sim/invariants.hpp"
#include "apps/sim/message_rules.hpp"
#include "apps/sim/sim_node.hpp"
#include "apps/sim/world.hpp"
#include "tests/catch.hpp"

namespace troupe::sim {

constexpr Micros milliseconds = 1'000;
constexpr Micros seconds = 1'000'000;

struct EnsembleOptions {
  std::uint32_t voters = 3;
  std::uint32_t observers = 0;
  std::uint32_t spares = 0;  ///< nodes that know the others and are no members; numbered last
  std::uint64_t seed = 1;
  std::uint64_t checkpoint_txns = 1'000'000;  ///< batches between checkpoints; the log is pruned behind them
  std::uint32_t session_timeout_ms = 2'000;
  bool standalone_enabled = true;
  bool reconfig_enabled = true;
  bool local_sessions = false;  ///< of all clients, upgraded where they have to be
};

class Ensemble;

/// A client that does one thing at a time, or several on request.
class Client : private ClientSink {
 public:
  struct Answer {
    Error error = Error::connection_loss;
    Zxid zxid;
    std::string path;  ///< created
    std::string data;  ///< read
    bool found = false;
    bool ok() const { return error == Error::ok; }
  };

  explicit Client(Ensemble& ensemble) : ensemble_(ensemble) {}

  /// Opens the session at a node, as the super user, or takes it up there. Waits until it is served; false if it is
  /// not.
  bool connect(std::uint32_t node);
  /// Leaves without a word; the session lives on.
  void disconnect();
  bool connected() const;
  SessionId session() const { return session_; }
  /// Why the node ended the attachment last, if it did.
  std::optional<Closed> closed() const { return closed_; }

  // Each waits for its answer; connection_loss if it cannot come any more, or not within ten seconds.
  Answer create(const std::string& path, const std::string& data = "",
                schema::NodeKind kind = schema::NodeKind::PERSISTENT);
  Answer set(const std::string& path, const std::string& data);
  Answer remove(const std::string& path);
  Answer get(const std::string& path);
  Answer sync();
  /// What joins ("5": as a participant, "5o": as an observer) and what leaves ("1,2").
  Answer reconfig(const std::string& joining, const std::string& leaving = "");
  std::uint64_t send_reconfig(const std::string& joining, const std::string& leaving = "");

  // Without waiting; the number names the answer.
  std::uint64_t send_create(const std::string& path, const std::string& data = "",
                            schema::NodeKind kind = schema::NodeKind::PERSISTENT);
  std::uint64_t send_set(const std::string& path, const std::string& data);
  std::uint64_t send_get(const std::string& path);
  std::uint64_t send_sync();
  bool answered(std::uint64_t number) const { return answers_.contains(number); }
  Answer answer(std::uint64_t number) const { return answers_.at(number); }

  /// From now on an answer that has come is in the node's way until take_answers().
  void stand_still() { stands_still_ = true; }
  void take_answers();

  /// From now on sets `path` to one number after the other, each when the last was answered.
  void keep_writing(const std::string& path);
  void stop_writing() { written_path_.clear(); }
  /// The last number that was acknowledged, 0 if none.
  std::uint64_t acknowledged() const { return acknowledged_; }

 private:
  friend class Ensemble;

  std::uint64_t call(Call& call, WriteOp* op = nullptr);
  Answer wait(std::uint64_t number);
  void heartbeat();
  void write_next();

  void on_accepted(const Accepted& accepted) override;
  void on_reply(const Reply& reply) override;
  void on_events(std::span<const Event>) override {}
  void on_events_lost(std::string_view, Zxid) override {}
  void on_closed(Closed why) override;
  void on_uncongested() override {}
  std::size_t backlog() const override { return 0; }
  bool full() const override { return stands_still_ && untaken_ > 0; }

  Ensemble& ensemble_;
  SessionId session_;
  SessionPassword password_{};
  Zxid last_seen_;
  SimNode* node_ = nullptr;
  std::uint64_t incarnation_ = 0;
  Attachment* attachment_ = nullptr;
  bool accepted_ = false;
  std::optional<Closed> closed_;
  std::uint64_t next_number_ = 1;
  std::map<std::uint64_t, Answer> answers_;
  bool stands_still_ = false;
  std::size_t untaken_ = 0;  // answers
  std::string written_path_;
  std::uint64_t writing_ = 0;  // the request under way
  std::uint64_t value_ = 0, acknowledged_ = 0;
};

class Ensemble {
 public:
  explicit Ensemble(const EnsembleOptions& options = {});
  ~Ensemble();

  // Nodes are numbered from 1; observers come after the voters.
  void start(std::uint32_t id);
  void start_all();
  void kill(std::uint32_t id) { node(id).kill(); }
  SimNode& node(std::uint32_t id) { return *nodes_[id - 1]; }
  std::size_t size() const { return nodes_.size(); }

  bool looking(std::uint32_t id);
  bool leads(std::uint32_t id);
  /// Follows or observes that leader, and serves.
  bool follows(std::uint32_t id, std::uint32_t leader);
  /// The node that leads the latest epoch and serves; 0 if none does.
  std::uint32_t leader();
  /// Waits for a leader; returns it.
  std::uint32_t wait_for_leader();
  /// Waits until every running node serves and has applied all that any node has.
  void settle();
  /// The data of a znode on a node's own tree; "(none)" if it is not there.
  std::string value(std::uint32_t id, const std::string& path);
  /// The znode's data, which must be the same on all running nodes.
  std::string value(const std::string& path);

  /// Cuts all between the nodes given and the others, in both directions.
  void isolate(const std::vector<std::uint32_t>& ids);
  void cut(std::uint32_t from, std::uint32_t to) { wire_.cut({from}, {to}); }
  void heal() { wire_.heal(); }
  /// What is under way on a node's connections, held by a cut or not, is lost with them.
  void lose_in_flight(std::uint32_t id) {
    for (const auto& other : nodes_) wire_.break_connections({id}, other->id());
  }

  Client& client();
  /// Another connection of a client: it knows the session and the password.
  Client& client(const Client& of);

  void step();
  void run_for(Micros time);
  /// Runs until it is so; fails the test if it is not within `limit`.
  void run_until(const std::string& what, const std::function<bool()>& so, Micros limit = 30 * seconds);
  /// Likewise; false if it is not within `limit`.
  bool comes_true(const std::function<bool()>& so, Micros limit);

  World& world() { return world_; }
  const History& history() const { return history_; }
  const EnsembleOptions& options() const { return options_; }

  /// Called with every message that goes into a connection.
  std::function<void(PeerId from, PeerId to, const zab::Message& message)> on_message;

  /// How a learner was brought up to date last: 'd'iff, 't'runc, 's'nap; ' ' not at all.
  char brought_up(std::uint32_t id) { return brought_up_.contains(id) ? brought_up_[id] : ' '; }
  void forget_brought_up() { brought_up_.clear(); }

 private:
  template <class Check>
  void guarded(Check&& check);

  EnsembleOptions options_;
  World world_;
  Wire wire_;
  History history_;
  std::unique_ptr<Invariants> invariants_;
  std::unique_ptr<MessageRules> rules_;
  std::vector<std::unique_ptr<Client>> clients_;  // outlive the nodes, whose gateways know them
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::string violation_;
  Micros next_heartbeat_ = 0;
  std::map<std::uint32_t, char> brought_up_;
};

}  // namespace troupe::sim
