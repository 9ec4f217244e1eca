#include "actors/flat_message.hpp"

#include <algorithm>

namespace troupe {

kj::ArrayPtr<capnp::word> FlatMessage::allocateSegment(capnp::uint minimum_words) {
  if (!block_) {
    const std::size_t words = std::max<std::size_t>(first_words_, minimum_words);
    block_ = std::make_shared<std::uint64_t[]>(words + 1);  // zeroed, as Cap'n Proto asks
    total_words_ = words;
    return kj::arrayPtr(reinterpret_cast<capnp::word*>(block_.get() + 1), words);
  }
  const std::size_t words = std::max<std::size_t>(total_words_, minimum_words);
  more_.push_back(std::make_unique<std::uint64_t[]>(words));
  total_words_ += words;
  return kj::arrayPtr(reinterpret_cast<capnp::word*>(more_.back().get()), words);
}

Bytes FlatMessage::finish() {
  const auto segments = getSegmentsForOutput();
  if (segments.size() == 1) {
    // The table of one segment: their number less one, then its length, 32 bits each.
    const auto words = static_cast<std::uint32_t>(segments[0].size());
    const std::uint32_t table[2] = {0, words};
    std::memcpy(block_.get(), table, sizeof table);
    const auto* data = reinterpret_cast<const std::byte*>(block_.get());
    return Bytes(block_, data, (std::size_t{words} + 1) * sizeof(capnp::word));
  }
  auto flat = std::make_shared<kj::Array<capnp::word>>(capnp::messageToFlatArray(segments));
  const auto bytes = flat->asBytes();
  const auto* data = reinterpret_cast<const std::byte*>(bytes.begin());
  return Bytes(std::move(flat), data, bytes.size());
}

}  // namespace troupe
