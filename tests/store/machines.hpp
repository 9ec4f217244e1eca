// The two machines that the store runs on, behind one face: real directories, and memory. Tests that
// hold on both are templates over them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "store/data_dir.hpp"
#include "store/memory_disk.hpp"

namespace troupe::store::testing {

/// A directory that goes with its owner.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "troupe-test-XXXXXX";
    if (!mkdtemp(pattern.data())) throw std::runtime_error("cannot make a temporary directory");
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class RealMachine {
 public:
  std::unique_ptr<Disk> disk() { return open_lmdb_disk(path()); }
  std::string path() const { return directory_.path() + "/data"; }

 private:
  TemporaryDirectory directory_;
};

/// Small enough for any sanitizer.
inline constexpr std::uint64_t test_map_size = 256u << 20;
inline constexpr DataDirOptions test_options{.log_map_size = test_map_size, .state_map_size = test_map_size};

}  // namespace troupe::store::testing
