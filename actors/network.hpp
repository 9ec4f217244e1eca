// How a node reaches its peers. The protocol's actors know only this; kj_network speaks it over
// sockets, the simulation over a network that loses, delays and cuts.
//
// Threads: everything here belongs to the thread of the protocol's actors (the peer host).
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "actors/ensemble_config.hpp"
#include "actors/interfaces.hpp"
#include "actors/zab/messages.hpp"

namespace troupe {

/// One end of a learner's connection to its leader: ordered and reliable until it breaks, then
/// silent for ever. Destroying it closes it.
class Link {
 public:
  virtual ~Link() = default;
  virtual void send(const zab::Message& message) = 0;
  /// Bytes sent that the other side's machine has not taken yet.
  virtual std::size_t queued() const = 0;
  /// What is received goes to `user` from now on; nothing is read before. LinkDown comes last.
  virtual void deliver_to(LinkUserActor user) = 0;
  /// LinkDrained goes to `writer` whenever queued() has fallen below half of `bytes`.
  virtual void report_drained(LinkWriterActor writer, std::size_t bytes) = 0;
  /// Ends the connection; `user` gets LinkDown with this reason, the other side one of its own.
  virtual void close(const std::string& reason) = 0;
  /// Holds back what is received; the other side's queued() grows.
  virtual void pause(bool paused) = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  /// Who is told what: `elector` of Notifications and reachability, `peer` of learners that connect.
  virtual void start(ElectorActor elector, PeerActor peer) = 0;
  /// Who belongs to the ensemble from now on, and where they are reached.
  virtual void set_members(const std::map<PeerId, Member>& members) = 0;
  /// These exist as well, until the next set_members(): of an ensemble that has moved on.
  virtual void also_know(const std::map<PeerId, Member>& members) = 0;
  /// Sends a vote, as soon as there is a connection; a later one replaces it. May be lost.
  virtual void notify(PeerId to, const zab::Notification& notification) = 0;
  /// Connects as a learner. `user` gets LinkUp and what is received, or LinkDown.
  virtual std::shared_ptr<Link> connect(PeerId leader, LinkUserActor user) = 0;
};

}  // namespace troupe
