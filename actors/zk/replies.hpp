// From a gateway's replies and events to frames, written where they will be sent from. Pure
// functions.
#pragma once

#include <span>
#include <string_view>

#include "actors/calls.hpp"
#include "actors/zk/output.hpp"
#include "actors/zk/protocol.hpp"

namespace troupe::zk {

/// The answer of the request whose header the reply's tag holds. `path` is that of a sync.
void write_reply(Output& to, const Reply& reply, std::optional<std::string_view> path = {});
void write_event(Output& to, const Event& event);

/// What answers a connect request; `with_read_only` if the client said so.
void write_accepted(Output& to, const Accepted& accepted, bool with_read_only);
void write_refused_session(Output& to, bool with_read_only);

}  // namespace troupe::zk
