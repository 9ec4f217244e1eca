// The map of the system: every actor's interface, who sends each message and what comes back.
#pragma once

#include <caf/all.hpp>

#include "actors/messages.hpp"

namespace troupe {

/// Where a gateway's writes go: the leader's actor on the leader's node, elsewhere the learner's.
using UpstreamActor = caf::typed_actor<
    caf::reacts_to<Submit>,     // gateway, once a turn
    caf::reacts_to<Attach>,     // gateway; answers Attached
    caf::reacts_to<SyncRead>,   // gateway; answers Synced
    caf::reacts_to<Heard>>;     // gateway, each tick

/// The node serves clients, through `upstream`. Until the next NotServing.
struct Serving {
  UpstreamActor upstream;
};
/// The node has lost its leader: client connections are closed, so that their clients look elsewhere.
struct NotServing {};

/// A gateway: the sessions attached on one event loop, their reads, their watches.
using GatewayActor = caf::typed_actor<
    caf::reacts_to<Serving>,     // peer
    caf::reacts_to<NotServing>,  // peer
    caf::reacts_to<Attached>,    // upstream
    caf::reacts_to<Synced>,      // upstream
    caf::reacts_to<Refused>,     // upstream
    caf::reacts_to<Applied>,     // applier
    caf::reacts_to<Tick>>;       // the node's clock

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::Serving)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::NotServing)
