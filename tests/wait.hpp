// Waiting for what happens elsewhere and tells nobody: another process, a file.
#pragma once

#include <chrono>
#include <thread>

namespace troupe::test {

/// Whatever must happen in the end has happened by then, also on a machine that is busy with something else.
inline constexpr std::chrono::seconds patience{90};

/// Looks until `so()` holds; false if it does not within `limit`.
template <class So>
bool comes_true(So&& so, std::chrono::milliseconds limit = patience) {
  for (const auto deadline = std::chrono::steady_clock::now() + limit; !so();) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// Looks for so long; false as soon as `so()` does not hold.
template <class So>
bool stays_true(So&& so, std::chrono::milliseconds time) {
  return !comes_true([&] { return !so(); }, time);
}

}  // namespace troupe::test
