// The two machines that the store runs on, behind one face: real directories, and memory. Tests that
// hold on both are templates over them.
#pragma once

#include <memory>
#include <string>

#include "store/data_dir.hpp"
#include "store/memory_disk.hpp"
#include "tests/temp_dir.hpp"

namespace troupe::store::testing {

class RealMachine {
 public:
  std::unique_ptr<Disk> disk() const { return open_lmdb_disk(path()); }
  std::string path() const { return directory_.path() + "/data"; }

 private:
  test::TempDir directory_;
};

/// Small enough for any sanitizer.
inline constexpr std::uint64_t test_map_size = 256u << 20;
inline constexpr DataDirOptions test_options{.log = {.map_size = test_map_size}, .state_map_size = test_map_size};

}  // namespace troupe::store::testing
