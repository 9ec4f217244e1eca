#include "actors/frame_reader.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace troupe {
namespace {
constexpr std::size_t block_size = 128 << 10;
constexpr std::size_t least_space = 16 << 10;  // a smaller rest of a block is not worth a read
constexpr std::size_t credit = 1 << 20;        // block that a header gets without more behind it
}  // namespace

std::span<std::byte> FrameReader::space() {
  const std::size_t have = end_ - begin_;
  const std::size_t room = capacity_ - end_;
  // A frame at the beginning of its block stays there until the block is full, then the block grows.
  const bool fits = wanted_ == 0 ? room >= least_space : room > 0 && (begin_ == 0 || begin_ + wanted_ <= capacity_);
  if (fits) return {at(end_), room};

  std::size_t size = std::clamp(wanted_, block_size, std::max(credit, 2 * have));
  size = (size + 7) / 8 * 8;
  std::shared_ptr<std::uint64_t[]> block(new std::uint64_t[size / 8]);
  if (have > 0) std::memcpy(block.get(), at(begin_), have);
  block_ = std::move(block);
  capacity_ = size;
  begin_ = 0;
  end_ = have;
  return {at(end_), capacity_ - end_};
}

std::optional<Bytes> FrameReader::next() {
  const std::size_t have = end_ - begin_;
  if (wanted_ == 0) {
    wanted_ = frame_size({at(begin_), have});
    if (wanted_ > limit_) throw MalformedFrame("a frame of " + std::to_string(wanted_) + " bytes");
  }
  if (wanted_ == 0 || have < wanted_) return std::nullopt;
  Bytes frame(block_, at(begin_), wanted_);
  begin_ += wanted_;
  wanted_ = 0;
  return frame;
}

}  // namespace troupe
