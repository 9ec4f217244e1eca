// ZooKeeper's encoding: big-endian numbers, strings and buffers behind a length of four bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace troupe::bench::jute {

/// Writes into room that was measured before.
class Writer {
 public:
  explicit Writer(char* room) : at_(room) {}
  Writer& i8(std::uint8_t value) {
    *at_++ = static_cast<char>(value);
    return *this;
  }
  Writer& i32(std::int32_t value) { return number(__builtin_bswap32(static_cast<std::uint32_t>(value))); }
  Writer& i64(std::int64_t value) { return number(__builtin_bswap64(static_cast<std::uint64_t>(value))); }
  Writer& raw(std::string_view bytes) {
    at_ += bytes.copy(at_, bytes.size());
    return *this;
  }
  Writer& bytes(std::string_view value) { return i32(static_cast<std::int32_t>(value.size())).raw(value); }

 private:
  template <class T>
  Writer& number(T swapped) {
    std::memcpy(at_, &swapped, sizeof swapped);
    at_ += sizeof swapped;
    return *this;
  }
  char* at_;
};

/// What a server sent does not fit together.
struct Malformed : std::runtime_error {
  Malformed() : std::runtime_error("malformed message") {}
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  std::uint8_t i8() { return static_cast<std::uint8_t>(raw(1)[0]); }
  std::int32_t i32() { return static_cast<std::int32_t>(__builtin_bswap32(number<std::uint32_t>())); }
  std::int64_t i64() { return static_cast<std::int64_t>(__builtin_bswap64(number<std::uint64_t>())); }
  /// A buffer that is not there reads as an empty one.
  std::string_view bytes() {
    const std::int32_t size = i32();
    return size < 0 ? std::string_view() : raw(static_cast<std::size_t>(size));
  }
  std::string_view raw(std::size_t size) {
    if (size > rest_.size()) throw Malformed();
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  bool empty() const { return rest_.empty(); }

 private:
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, raw(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view rest_;
};

}  // namespace troupe::bench::jute

namespace troupe::bench::zk {

/// Operation codes and the like, as on the wire.
namespace code {
inline constexpr std::int32_t notification = 0, create = 1, remove = 2, exists = 3, get = 4, set = 5, children = 8,
                              ping = 11, multi = 14, add_watch = 106, close = -11;
}
inline constexpr std::int32_t notification_xid = -1, ping_xid = -2;
inline constexpr std::size_t stat_size = 68, stat_children_at = 56;

}  // namespace troupe::bench::zk
