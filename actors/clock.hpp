// The clock of every deadline. Any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace troupe {

/// Monotonic, milliseconds.
inline std::int64_t monotonic_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace troupe
