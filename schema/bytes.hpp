// Immutable bytes that many owners share: a proposal is built once and the same bytes go to the
// log, to every follower and into the tree. Copying a Bytes copies a pointer. Any thread may hold
// one; nobody may write through it. The first byte is aligned to eight, so that a Cap'n Proto
// message can be read where it lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace troupe {

class Bytes {
 public:
  Bytes() = default;

  /// Copies `size` bytes into a block of their own.
  static Bytes copy(const void* data, std::size_t size) {
    std::shared_ptr<std::uint64_t[]> block(new std::uint64_t[(size + 7) / 8]);
    if (size != 0) std::memcpy(block.get(), data, size);
    return Bytes(block, reinterpret_cast<const std::byte*>(block.get()), size);
  }
  static Bytes copy(std::string_view text) { return copy(text.data(), text.size()); }

  /// A part of a larger block that `owner` keeps alive.
  Bytes(std::shared_ptr<const void> owner, const std::byte* data, std::size_t size)
      : owner_(std::move(owner)), data_(data), size_(size) {}

  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {reinterpret_cast<const char*>(data_), size_}; }
  std::span<const std::byte> span() const { return {data_, size_}; }

  friend bool operator==(const Bytes& a, const Bytes& b) { return a.view() == b.view(); }

 private:
  std::shared_ptr<const void> owner_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace troupe
