// Many calls of one client under way at once, made from one thread that waits in the end. For preparing
// and tidying, where only the result counts.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

#include "client/types.hpp"

namespace troupe::bench {

class Bulk {
 public:
  /// At most `limit` calls are under way. Errors in `tolerated` are none.
  explicit Bulk(std::size_t limit, std::vector<Error> tolerated = {})
      : limit_(limit), tolerated_(std::move(tolerated)) {}
  ~Bulk() { wait_until_below(1); }

  /// A callback for one call; waits while too many are under way.
  template <class T>
  client::Callback<T> next() {
    wait_until_below(limit_);
    std::lock_guard lock(mutex_);
    ++under_way_;
    return [this](client::Result<T> result) { answered(result.error()); };
  }

  /// Waits for all answers. Throws ClientError with the first error.
  void finish() {
    wait_until_below(1);
    if (failed_) throw client::ClientError(*failed_, describe(*failed_));
  }

 private:
  void wait_until_below(std::size_t count) {
    std::unique_lock lock(mutex_);
    fewer_.wait(lock, [&] { return under_way_ < count; });
  }

  void answered(Error error) {
    std::lock_guard lock(mutex_);
    --under_way_;
    const bool fine = error == Error::ok || std::find(tolerated_.begin(), tolerated_.end(), error) != tolerated_.end();
    if (!fine && !failed_) failed_ = error;
    fewer_.notify_one();
  }

  const std::size_t limit_;
  const std::vector<Error> tolerated_;
  std::mutex mutex_;
  std::condition_variable fewer_;
  // Guarded by mutex_.
  std::size_t under_way_ = 0;
  std::optional<Error> failed_;
};

}  // namespace troupe::bench
