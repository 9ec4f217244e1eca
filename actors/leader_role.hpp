// The leader (and proposer) of one epoch: plays zab::Leader over the network and the log, turns
// requests into transactions, and says who owns which session.
//
//   spawned by the peer ─▶ discovery and synchronisation ─▶ established ─▶ the tree has caught up
//     with the history ─▶ serving;   any ─▶ stepped down: RoleEnded to the peer, then it quits
//
// Runs on the peer host; one object per reign, so whatever comes late from an earlier one goes to
// nobody. Invariants: a request becomes a transaction only while broadcasting, on a tree overlaid with
// all that is proposed; a session's requests are taken only from the gateway that attached it last.
// No requests wait here: gateways and learners are told to serve when this leader does, and a learner
// that asks before is disconnected.
//
// A reconfiguration is two transactions: the joint step and, once that is committed, the activation, which
// answers who asked. What his session asks for in between waits here, so that it is done in order. A leader
// that finds a joint step at the end of its history begins with the activation. One that is no voter any
// more steps down when its tree has the activation: then its own client has the answer. One that was elected
// only because its history was needed (configuration.hpp) does not begin to serve.
//
// Where clients may not change the ensemble, or a node alone, the files do: a leader whose file has other members than
// the history, which no client ever changed, takes the same two steps to them as soon as they are there.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/cleanup.hpp"
#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "actors/network.hpp"
#include "actors/proposer.hpp"
#include "actors/role_context.hpp"
#include "actors/zab/leader.hpp"

namespace troupe {

class LeaderRole : public Hosted<LeaderActor>, private zab::History {
 public:
  LeaderRole(caf::actor_config& config, const RoleContext& context, RoleUserActor peer, HistoryFacts facts,
             std::int64_t now);
  behavior_type make_behavior() override;
  const char* name() const override { return "leader"; }
  void on_exit() override;

 private:
  struct LearnerLink {
    PeerId peer;
    std::shared_ptr<Link> link;
    SenderActor sender;
    bool streaming = false;     // has its plan: gets proposals and commits
    std::size_t queued = 0;     // bytes in the link at the last tick
    std::size_t questions = 0;  // of its gateways, since the last confirmation was asked for
    std::string ensemble;       // that it says it belongs to
  };
  static constexpr zab::LinkId here{0};  // this node's own gateways; links count from 1
  /// A gateway: at the end of which link, and its number there. A node that comes back is another, even while
  /// its old link lasts: its gateways ask anew, and count anew.
  struct Origin {
    zab::LinkId link;
    std::uint32_t gateway = 0;
    bool operator==(const Origin&) const = default;
  };
  /// An answer to a gateway that a leader deposed unawares must not give: what the latest transaction is,
  /// or that there is no such session. It is given when a quorum has confirmed that this node leads.
  struct Unconfirmed {
    Origin to;
    std::uint64_t ticket = 0;
    Zxid barrier;
    bool expired = false;
  };

  // zab::History
  Zxid base() const override { return context_.data->log().base(); }
  std::optional<Zxid> floor(Zxid zxid) const override { return context_.data->log().floor(zxid); }

  void perform(zab::LeaderEffects& effects);
  void perform(const zab::leader_effect::Send& effect);
  void perform(const zab::leader_effect::StoreAcceptedEpoch& effect);
  void perform(const zab::leader_effect::StoreCurrentEpoch& effect);
  void perform(const zab::leader_effect::BeginSync& effect);
  void perform(const zab::leader_effect::Established& effect);
  void perform(const zab::leader_effect::Propose& effect);
  void perform(const zab::leader_effect::Commit& effect);
  void perform(const zab::leader_effect::CommitWith& effect);
  void perform(const zab::leader_effect::Confirmed& effect);
  void perform(const zab::leader_effect::StreamAs& effect);
  void perform(const zab::leader_effect::Disconnect& effect);
  void perform(const zab::leader_effect::StepDown& effect);
  void flush_proposals();

  void received(zab::LinkId id, const zab::Message& message);
  void drop_link(zab::LinkId id, const std::string& reason);
  /// Disconnects a learner that breaks the protocol: its node tells its clients, and looks for a leader.
  void dismiss(zab::LinkId id, const std::string& reason);
  void watch_progress();

  void start_serving(const store::View& view);
  void submit(zab::LinkId from, const std::vector<Bytes>& requests);
  void submit(zab::LinkId from, const Bytes& bytes, schema::Request::Reader request);
  void propose(const Bytes& request);
  void propose(schema::Request::Reader request);
  /// The two steps of a reconfiguration; see configuration.hpp.
  void reconfigure(schema::Request::Reader request);
  Error check_reconfig(schema::Request::Reader request, EnsembleConfig& next) const;
  void reconfigure(const EnsembleConfig& next, const ReconfigAsker& asker);
  void adopt_file();
  void resign();
  void activate();
  /// Whether this node leads an ensemble, for good, in which it does not vote.
  bool removed(const store::View& view) const;
  /// The history has come to where the ensemble has this id.
  void name_ensemble(const std::string& id);
  /// Of another ensemble than this one, for all that is known.
  bool foreign(const std::string& ensemble) const {
    return !ensemble.empty() && !ensemble_.empty() && ensemble != ensemble_;
  }
  /// What a reign begins with, where the history does not have it yet: the ensemble, its configuration.
  void propose_beginnings(const store::View& view);
  bool standalone() const { return context_.options.standalone_enabled && configuration_->members().size() == 1; }
  void activate_if_committed();
  /// Whether the session waits for its reconfiguration: what it asks for now has its turn behind that.
  bool waits(SessionId session) const { return configuration_->joint() && configuration_->asker.session == session; }
  void revalidate(zab::LinkId from, const zab::RevalidateSession& request);
  void sync(zab::LinkId from, const zab::SyncRequest& request);
  void answer_when_confirmed(const Unconfirmed& unconfirmed);
  void ask();
  void refuse(const Origin& to, SessionId session, std::uint64_t number, Error error);
  /// To a gateway, on this node or at the end of a link.
  template <class Local, class Remote>
  void answer(const Origin& to, const Local& local, const Remote& remote);
  void expire(const std::vector<SessionId>& sessions);
  void clean_up();
  Rules rules();
  void applied(const Applied& applied);
  void report() const;
  Proposer& proposer();

  const RoleContext& context_;
  RoleUserActor peer_;
  std::int64_t now_;
  zab::Leader core_;
  std::string ensemble_;  // id; empty while no transaction has named it
  bool ended_ = false;

  std::uint64_t next_link_ = 1;
  std::map<zab::LinkId, LearnerLink> links_;
  std::unordered_map<const Link*, zab::LinkId> link_ids_;

  std::vector<Proposal> batch_;     // proposed by the message that is being handled
  std::deque<Proposal> in_flight_;  // proposed and not yet durable here
  Zxid durable_;
  std::int64_t next_heartbeat_ = 0;

  std::uint64_t subscription_ = 0;
  std::optional<Zxid> established_;   // the end of the history that this reign began with
  std::optional<Proposer> proposer_;  // there while serving
  std::unordered_map<SessionId, Origin> owners_;
  std::shared_ptr<const Configuration> configuration_;  // in force: the last in the history or proposed
  std::vector<std::function<void()>> behind_reconfig_;  // what its asker's session wants meanwhile
  std::vector<Unconfirmed> asked_;                      // the confirmation is under way
  std::vector<Unconfirmed> waiting_;                    // for the next one
  SessionTrackerActor tracker_;
  Cleanup cleanup_;
  std::int64_t next_quota_warning_ = 0;
  Zxid digest_zxid_;
  std::uint64_t digest_ = 0;
};

}  // namespace troupe

template <>
struct std::hash<troupe::zab::LinkId> {
  std::size_t operator()(troupe::zab::LinkId id) const noexcept { return id.value; }
};
