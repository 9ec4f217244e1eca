// Writes a client's call down as the schema::Request that goes to the leader. Pure functions.
#pragma once

#include "actors/calls.hpp"
#include "schema/bytes.hpp"

namespace troupe {

/// Who asks, and by which way.
struct Requester {
  SessionId session;
  std::uint32_t gateway = 0;
  capnp::List<schema::Identity>::Reader identities;
  bool local = false;  ///< the session is this node's alone
};

/// `call` is a write, whatever its own number; built once, these bytes travel as they are. A flat message.
Bytes write_request(const Requester& requester, const Call& call, std::uint64_t number);

/// The request that opens requester.session.
Bytes open_session_request(const Requester& requester, std::uint32_t timeout_ms);

}  // namespace troupe
