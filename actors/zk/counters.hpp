// What the door counts, for its four-letter words. Single thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::zk {

/// Times from a request to its reply, milliseconds.
struct Latency {
  std::int64_t min = 0, max = 0, total = 0;
  std::uint64_t count = 0;

  void add(std::int64_t ms) {
    min = count == 0 ? ms : std::min(min, ms);
    max = std::max(max, ms);
    total += ms;
    ++count;
  }
  void add(const Latency& other) {
    if (other.count == 0) return;
    min = count == 0 ? other.min : std::min(min, other.min);
    max = std::max(max, other.max);
    total += other.total;
    count += other.count;
  }
  double average() const { return count == 0 ? 0 : static_cast<double>(total) / static_cast<double>(count); }
};

struct Counters {
  std::uint64_t received = 0, sent = 0;  ///< frames
  Latency latency;

  void add(const Counters& other) {
    received += other.received;
    sent += other.sent;
    latency.add(other.latency);
  }
};

/// When the requests that are not answered came. Replies are in the order of the requests, and many
/// requests come in one millisecond: they share an entry.
class Outstanding {
 public:
  std::size_t size() const { return size_; }
  void came(std::int64_t now_ms) {
    if (entries_.size() == first_ || entries_.back().ms != now_ms) entries_.push_back({now_ms, 0});
    ++entries_.back().count;
    ++size_;
  }
  /// The first is answered; when it came.
  std::int64_t answered() {
    Entry& first = entries_[first_];
    const std::int64_t ms = first.ms;
    --size_;
    if (--first.count == 0 && ++first_ == entries_.size()) {
      entries_.clear();
      first_ = 0;
    }
    return ms;
  }

 private:
  struct Entry {
    std::int64_t ms = 0;
    std::size_t count = 0;
  };
  std::vector<Entry> entries_;
  std::size_t first_ = 0;  // the entries before it are used up
  std::size_t size_ = 0;
};

}  // namespace troupe::zk
