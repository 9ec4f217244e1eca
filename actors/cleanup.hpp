// When the leader cleans up containers and TTL znodes, and how many at a time: a pass over those that
// are due begins at every interval, and goes through them no faster than the rate.
//
// A plain class without a clock. Owner: the leader. A znode is proposed at most once in a pass; one that
// is not due any more when its deletion is decided is refused there, and looked at again in the next pass.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/tree.hpp"

namespace troupe {

struct CleanupOptions {
  std::int64_t interval_ms = 60'000;  ///< between the beginnings of passes
  std::int64_t per_minute = 10'000;   ///< at most so many deletions
  std::int64_t never_used_ms = 0;     ///< after so long a container that never had a child is due; 0: never
};

class Cleanup {
 public:
  /// The first pass begins an interval from `now`, milliseconds of a clock that does not go back.
  Cleanup(const CleanupOptions& options, std::int64_t now) : options_(options), next_pass_(now + options.interval_ms) {}

  /// The znodes to delete now. `time_ms` is what znodes are stamped with, since 1970.
  std::vector<std::string> tick(std::int64_t now, std::int64_t time_ms, const store::View& view);

 private:
  const CleanupOptions options_;
  std::int64_t next_pass_;
  bool passing_ = false;
  std::int64_t last_tick_ = 0;
  std::int64_t credit_ = 0;  // deletions that the rate allows, times the milliseconds of a minute
  std::string after_;        // how far the pass has come
};

}  // namespace troupe
