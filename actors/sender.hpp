// A sender: one learner's stream, first in first out. Brings the learner up to date from the log or
// with a snapshot, then passes on what is proposed, committed and said.
//
// It puts no more into the link than a window of bytes. What a learner has not taken waits in memory
// only while it is recent; a learner that falls behind that is fed from the log, so a slow one costs
// no memory and slows nobody. Runs on the peer host, which owns the link. Spawned by the leader,
// ends with it or with the link.
//
// StreamAs makes a follower of an observer, and the reverse, in the middle of the stream.
//
//   awaiting the plan → [snapshot] → history up to `last` → NEWLEADER → proposals as they come
//
// Invariants: records go out in order and without gaps; a COMMIT never precedes what it commits; an
// observer gets only what is committed, once it has the leader's initial history.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "actors/host.hpp"
#include "actors/interfaces.hpp"
#include "actors/network.hpp"
#include "store/log.hpp"

namespace troupe {

class Sender : public Hosted<SenderActor> {
 public:
  Sender(caf::actor_config& config, std::shared_ptr<Link> link, const store::Log& log, ApplierActor applier);
  ~Sender() override;
  behavior_type make_behavior() override;
  const char* name() const override { return "sender"; }
  void on_exit() override;

 private:
  struct SnapshotStream;

  void begin(const BeginStream& begin);
  void begin_snapshot(std::shared_ptr<store::View> view);
  void pump();
  bool send_snapshot_chunk();
  bool send_records();
  bool send_commit();
  std::vector<Proposal> next_records(Zxid upto) const;
  void trim();

  std::shared_ptr<Link> link_;
  const store::Log& log_;
  ApplierActor applier_;

  bool begun_ = false;  // the plan is known and, with a snapshot, its zxid
  bool new_leader_sent_ = false;
  Zxid last_;  // NEWLEADER comes behind this
  Epoch epoch_;
  bool observer_ = false;
  std::unique_ptr<SnapshotStream> snapshot_;

  Zxid sent_;         // the last record put into the link
  Zxid commit_;       // the last committed, as far as the leader has said
  Zxid commit_with_;  // and the last that is once the learner has it
  Zxid sent_commit_;
  Zxid durable_;                 // the leader's log holds everything up to here
  std::deque<Proposal> recent_;  // every record after recent_after_
  Zxid recent_after_;
  std::size_t recent_bytes_ = 0;
};

}  // namespace troupe
