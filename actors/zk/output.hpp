// A connection's send buffer: one piece of memory, written at its end and sent from its front. Has
// no memory while it is empty, so an idle connection costs none. Single thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace troupe::zk {

class Output {
 public:
  /// Room for so many bytes at the end, which count as written. Valid until the next call.
  char* extend(std::size_t size) {
    if (capacity_ - end_ < size) make_room(size);
    end_ += size;
    return bytes_.get() + end_ - size;
  }
  void append(std::string_view text) {
    if (!text.empty()) std::memcpy(extend(text.size()), text.data(), text.size());
  }

  std::string_view pending() const { return {bytes_.get() + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  /// So many bytes from the front are sent.
  void consume(std::size_t size) {
    begin_ += size;
    consumed_ += size;
    if (begin_ == end_) clear();
  }
  /// Drops what was not sent.
  void clear() {
    consumed_ += end_ - begin_;
    bytes_.reset();
    begin_ = end_ = capacity_ = 0;
  }

  /// Of the end, counted from the beginning of the connection.
  std::uint64_t position() const { return consumed_ + size(); }
  /// What was written at that position and is not sent.
  char* at(std::uint64_t position) { return bytes_.get() + begin_ + (position - consumed_); }

 private:
  static constexpr std::size_t first_size = 1000;  // small enough for the allocator's fastest way

  void make_room(std::size_t size) {
    const std::size_t used = end_ - begin_;
    if (used + size <= capacity_ / 2) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, used);
    } else {
      const std::size_t capacity = std::max({first_size, 2 * capacity_, used + size});
      std::unique_ptr<char[]> larger(new char[capacity]);
      if (used != 0) std::memcpy(larger.get(), bytes_.get() + begin_, used);
      bytes_ = std::move(larger);
      capacity_ = capacity;
    }
    begin_ = 0;
    end_ = used;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
  std::uint64_t consumed_ = 0;
};

}  // namespace troupe::zk
