// Numbers as bytes. Keys hold them big-endian, so that the order of bytes is the order of numbers;
// values hold them little-endian, as the machine does.
#pragma once

#include <xxhash.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace troupe::store {

static_assert(std::endian::native == std::endian::little,
              "the formats on disk are read and written as they lie in memory");

/// 8 bytes, big-endian.
inline void append_big_endian(std::string& to, std::uint64_t number) {
  number = __builtin_bswap64(number);
  to.append(reinterpret_cast<const char*>(&number), sizeof number);
}
inline std::string big_endian(std::uint64_t number) {
  std::string bytes;
  append_big_endian(bytes, number);
  return bytes;
}
/// `bytes` holds at least 8.
inline std::uint64_t from_big_endian(std::string_view bytes) {
  std::uint64_t number;
  std::memcpy(&number, bytes.data(), sizeof number);
  return __builtin_bswap64(number);
}

/// The bytes of a number or of a struct of numbers without padding, as they lie in memory.
template <typename T>
std::string_view raw_bytes(const T& value) {
  static_assert(std::has_unique_object_representations_v<T>);
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
/// `bytes` holds at least sizeof(T).
template <typename T>
T from_raw_bytes(std::string_view bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// XXH3 of `bytes`. Part of the formats on disk and of the tree's digest: it must never change.
inline std::uint64_t hash(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace troupe::store
