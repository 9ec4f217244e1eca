// Cuts what comes in on a connection into frames (Cap'n Proto's stream framing). Bytes are read
// straight into blocks, and the frames share these blocks: nothing is copied but the beginning of a
// frame whose end did not fit.
//
// A frame is believed only as far as it has come: what a block may be larger than one chunk for is
// mostly received already, so a header that lies costs no memory. Plain class, one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "actors/peer_codec.hpp"
#include "schema/bytes.hpp"

namespace troupe {

class FrameReader {
 public:
  /// Frames longer than `limit` bytes are malformed.
  explicit FrameReader(std::size_t limit = max_frame_size) : limit_(limit) {}
  void set_limit(std::size_t limit) { limit_ = limit; }

  /// Where to put the next bytes; never empty. Call next() until it has no more frames before.
  std::span<std::byte> space();
  /// `size` bytes were put into space().
  void received(std::size_t size) { end_ += size; }
  /// The next complete frame, its first byte aligned to eight. Throws MalformedFrame.
  std::optional<Bytes> next();

 private:
  std::byte* at(std::size_t offset) const { return reinterpret_cast<std::byte*>(block_.get()) + offset; }

  std::size_t limit_;
  std::shared_ptr<std::uint64_t[]> block_;
  std::size_t capacity_ = 0;  // bytes in block_
  std::size_t begin_ = 0;     // of the frame that is not complete
  std::size_t end_ = 0;       // of what was received
  std::size_t wanted_ = 0;    // length of that frame; 0 while unknown
};

}  // namespace troupe
