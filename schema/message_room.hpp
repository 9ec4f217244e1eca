// Room for a message that is about to be written, so that it lies in few pieces.
#pragma once

#include <capnp/message.h>

#include <algorithm>
#include <cstdint>

namespace troupe {

/// About `words` of 8 bytes. Not more than 14 KiB at once: a larger zeroed block jemalloc gets page by page from the
/// system, which costs more than another piece.
inline capnp::MessageSize message_room(std::uint64_t words) { return {std::min<std::uint64_t>(words, 1750), 0}; }

}  // namespace troupe
