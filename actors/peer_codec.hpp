// Between the protocol core's messages and their bytes on the wire (schema/peer.capnp). Any thread.
#pragma once

#include <stdexcept>

#include "actors/zab/messages.hpp"
#include "schema/bytes.hpp"

namespace troupe {

/// A frame that is not what schema/peer.capnp says. Its connection must end.
class MalformedFrame : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The longest frame that is accepted, bytes: a transaction at its largest, and room.
inline constexpr std::size_t max_frame_size = 64u << 20;

struct Hello {
  std::uint32_t version = 0;
  PeerId from;
  bool learner = false;  ///< else: for election
};

Bytes encode(const Hello& hello);
Bytes encode(const zab::Notification& notification);
Bytes encode(const zab::Message& message);

// These throw MalformedFrame. What they return shares the frame's memory.
Hello decode_hello(const Bytes& frame);
zab::Notification decode_notification(const Bytes& frame);
zab::Message decode_message(const Bytes& frame);

/// Length of the frame that begins here, header included; 0 while the header is not complete.
/// Throws MalformedFrame when it announces more than max_frame_size.
std::size_t frame_size(std::span<const std::byte> received);

}  // namespace troupe
