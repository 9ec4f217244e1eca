// How many clients may be connected to a node, from one address and in all. Shared by the doors of all
// its event loops; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace troupe::zk {

class Admission {
 public:
  /// 0 is no limit.
  Admission(std::size_t most_per_address, std::size_t most) : most_per_address_(most_per_address), most_(most) {}

  /// Counts a connection in, unless there are too many; one that was counted in is to be released.
  bool admit(const std::string& address) {
    std::lock_guard lock(mutex_);
    std::size_t& here = of_[address];
    if ((most_ != 0 && all_ >= most_) || (most_per_address_ != 0 && here >= most_per_address_)) {
      if (here == 0) of_.erase(address);
      ++rejected_;
      return false;
    }
    ++here;
    ++all_;
    return true;
  }
  void release(const std::string& address) {
    std::lock_guard lock(mutex_);
    const auto it = of_.find(address);
    --all_;
    if (--it->second == 0) of_.erase(it);
  }

  std::size_t connections() const {
    std::lock_guard lock(mutex_);
    return all_;
  }
  std::uint64_t rejected() const {
    std::lock_guard lock(mutex_);
    return rejected_;
  }

 private:
  const std::size_t most_per_address_, most_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::size_t> of_;  // guarded by mutex_; by address
  std::size_t all_ = 0;                              // guarded by mutex_
  std::uint64_t rejected_ = 0;                       // guarded by mutex_
};

}  // namespace troupe::zk
