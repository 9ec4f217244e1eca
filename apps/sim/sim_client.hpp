// A simulated client: opens a session, issues requests of all kinds without waiting for answers, loses
// its connection, takes its session up on another node, repeats what was not answered, and writes down
// all that it saw, in order. verify() holds that against the true history.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/sim/history.hpp"
#include "apps/sim/sim_node.hpp"
#include "apps/sim/world.hpp"

namespace troupe::sim {

class SimClient {
 public:
  SimClient(World& world, std::vector<std::unique_ptr<SimNode>>& nodes, int id, Zxid& seen_by_any);
  ~SimClient();

  void start();
  /// How the ensemble is to change next, asked now and then; nothing: not at all.
  struct Change {
    std::string joining, leaving, members;
    std::int64_t version = -1;
  };
  std::function<std::optional<Change>()> next_change;
  /// No new requests from now on; what is under way is finished.
  void wind_down() { winding_down_ = true; }
  bool idle() const { return calls_.empty(); }
  void lose_connection();
  void move_to(SimNode& node);  ///< loses its connection and comes to that node next
  std::string name() const { return "client " + std::to_string(id_); }
  std::size_t acknowledged() const;

  /// All acknowledged writes of a set of clients, against the history and against each other.
  static void verify_writes(const std::vector<std::unique_ptr<SimClient>>& clients, const History& history);
  /// What this client read, and the order of its events.
  void verify_reads(const History& history) const;

 private:
  struct Connection;
  /// A request as the client keeps it until it is answered.
  struct Pending {
    std::uint64_t number = 0;
    OpCode code = OpCode::exists;
    std::string path, data;
    schema::NodeKind kind = schema::NodeKind::PERSISTENT;
    std::int32_t version = -1;
    std::int64_t ttl = 0;
    bool watch = false;
    bool multi = false;
    Change change;
    bool repeated = false;  // sent again after a lost connection
    Micros invoked = 0;
    Zxid seen_by_any;  // when it was invoked
  };
  /// What the client was told, in order.
  struct Seen {
    enum class What { write, read, event, connected, expired };
    What what;
    SessionId session;
    Pending call;
    Error error = Error::ok;
    Zxid zxid;
    std::string text;  // data read; path created; path of an event
    bool found = false;
    bool lost = false;  // event: stands for changes that cannot be told one by one
    Micros at = 0;
  };

  void connect();
  void prove_identity();
  void issue();
  void invoke(Pending call);
  void send(const Pending& call);
  void on_accepted(SessionId session, SessionPassword password);
  void on_reply(std::uint64_t tag, Error error, Zxid zxid, std::string text, bool found);
  void on_event(const std::string& path, Zxid zxid);
  void saw(Zxid zxid);
  void on_closed(Closed why);
  void new_session();

  World& world_;
  std::vector<std::unique_ptr<SimNode>>& nodes_;
  int id_;
  Zxid& seen_by_any_;  // the last transaction that any client has seen, in an answer or an event
  bool winding_down_ = false;
  SessionId session_;
  SessionPassword password_{};
  Zxid last_seen_;
  Micros sign_of_life_ = 0;  // the leader has heard of this session at that time or later
  bool closing_ = false;     // this client has asked for the session's end
  std::uint64_t next_number_ = 1;
  std::uint64_t unique_ = 0;
  std::deque<Pending> calls_;            // not answered, in order
  std::map<std::string, Zxid> watched_;  // armed, since when
  std::shared_ptr<Connection> connection_;
  std::uint64_t attempts_ = 0;
  SimNode* next_node_ = nullptr;  // where to connect next, if it is decided
  std::vector<Seen> seen_;
};

}  // namespace troupe::sim
