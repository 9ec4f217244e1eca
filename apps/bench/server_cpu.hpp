// The processor time and the memory of the nodes that run on this machine, from /proc.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe::bench {

/// What a process has used so far.
struct Usage {
  std::chrono::duration<double> cpu{0};  ///< user and system; the kernel counts in steps of 10 ms
  std::uint64_t page_faults = 0;         ///< those without reading from a disk and those with
};

/// The processes that listen on `addresses` ("127.0.0.1:2182") on this machine. Empty unless all were
/// found: some may run elsewhere, or as another user.
std::vector<pid_t> listeners(const std::vector<std::string>& addresses);

/// The sum over `processes`; one that has ended counts nothing.
Usage usage_of(const std::vector<pid_t>& processes);

/// What processes have in memory, in bytes.
struct Memory {
  std::uint64_t anonymous = 0;  ///< their own: heaps and stacks
  std::uint64_t of_files = 0;   ///< mapped files, which the kernel may drop at any time
};

/// As usage_of().
Memory memory_of(const std::vector<pid_t>& processes);

}  // namespace troupe::bench
