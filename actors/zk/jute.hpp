// Jute, ZooKeeper's encoding: numbers big-endian, a buffer and a string as their length and bytes with
// -1 for null, a vector as its count and elements.
//
// A Reader walks over bytes that it does not own and hands out views into them. What does not fit ends
// in failed(): from then on it reads zeros and nothing, so a record is read through and asked once.
// A Writer appends to an Output. Single thread.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "actors/zk/output.hpp"

namespace troupe::zk {

static_assert(std::endian::native == std::endian::little);
inline std::uint32_t swapped(std::uint32_t value) { return __builtin_bswap32(value); }
inline std::uint64_t swapped(std::uint64_t value) { return __builtin_bswap64(value); }

class Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool failed() const { return failed_; }
  void fail() { failed_ = true; }
  bool at_end() const { return at_ == end_; }

  std::int32_t i32() { return static_cast<std::int32_t>(number<std::uint32_t>()); }
  std::int64_t i64() { return static_cast<std::int64_t>(number<std::uint64_t>()); }
  bool boolean() { return has(1) && *at_++ != 0; }
  /// Nothing for null, and on failure.
  std::optional<std::string_view> buffer() {
    const std::int32_t size = i32();
    if (size == -1 || failed_) return std::nullopt;
    if (size < 0 || !has(static_cast<std::size_t>(size))) {
      failed_ = true;
      return std::nullopt;
    }
    const std::string_view bytes(at_, static_cast<std::size_t>(size));
    at_ += size;
    return bytes;
  }
  /// A string that must not be null.
  std::string_view string() {
    const auto text = buffer();
    if (!text) failed_ = true;
    return text.value_or(std::string_view());
  }
  /// Calls `element` once for each element of a vector, until one fails; one of a negative count has none.
  /// What the count claims costs nothing: every element takes bytes. False for null.
  template <class Element>
  bool vector(Element element) {
    const std::int32_t count = i32();
    for (std::int32_t i = 0; i < count && !failed_; ++i) element();
    return count != -1;
  }

 private:
  bool has(std::size_t size) {
    if (!failed_ && static_cast<std::size_t>(end_ - at_) < size) failed_ = true;
    return !failed_;
  }
  template <class Number>
  Number number() {
    if (!has(sizeof(Number))) return 0;
    Number value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return swapped(value);
  }

  const char* at_;
  const char* end_;
  bool failed_ = false;
};

class Writer {
 public:
  explicit Writer(Output& output) : output_(output) {}

  void i32(std::int32_t value) { number(static_cast<std::uint32_t>(value)); }
  void i64(std::int64_t value) { number(static_cast<std::uint64_t>(value)); }
  void boolean(bool value) { *output_.extend(1) = value ? 1 : 0; }
  void buffer(std::optional<std::string_view> bytes) {
    if (!bytes) return i32(-1);
    char* to = output_.extend(sizeof(std::uint32_t) + bytes->size());
    const std::uint32_t size = swapped(static_cast<std::uint32_t>(bytes->size()));
    std::memcpy(to, &size, sizeof size);
    if (!bytes->empty()) std::memcpy(to + sizeof size, bytes->data(), bytes->size());
  }
  void string(std::string_view text) { buffer(text); }

 private:
  template <class Number>
  void number(Number value) {
    value = swapped(value);
    std::memcpy(output_.extend(sizeof value), &value, sizeof value);
  }

  Output& output_;
};

/// A frame under construction at the end of an output: its length is filled in at the end of its scope.
class Frame : public Writer {
 public:
  explicit Frame(Output& output) : Writer(output), output_(output), start_(output.position()) { i32(0); }
  ~Frame() {
    const auto size = swapped(static_cast<std::uint32_t>(output_.position() - start_ - sizeof(std::uint32_t)));
    std::memcpy(output_.at(start_), &size, sizeof size);
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

 private:
  Output& output_;
  const std::uint64_t start_;
};

}  // namespace troupe::zk
