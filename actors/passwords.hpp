// Session passwords: what a client shows to take up its session again, on this node or another. A
// password is a keyed MAC of the session's id, so no node has to remember any. Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "schema/types.hpp"

namespace troupe {

using SessionPassword = std::array<std::byte, 16>;

/// The first 16 bytes of HMAC-SHA256(key, the session's id as 8 bytes big-endian). `key` is the
/// ensemble's session key (store::View::session_key).
SessionPassword session_password(std::string_view key, SessionId session);

/// Whether `shown` is the session's password. Takes as long for a wrong one as for the right one.
bool password_matches(std::string_view key, SessionId session, std::span<const std::byte> shown);

}  // namespace troupe
