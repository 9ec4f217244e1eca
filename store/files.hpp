// Files and directories as the disk needs them: every failure is a StorageError that names the path
// and says what to do, and what must survive a power cut is flushed where the name says so.
//
// Threads: free functions without state; a FileLock belongs to one owner.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/error.hpp"

namespace troupe::store {

/// Throws the StorageError for `code` (an errno) met while doing `what` to `path`.
[[noreturn]] void fail_file(const std::string& what, const std::string& path, int code);

bool is_directory(const std::string& path);
void make_directories(const std::string& path);  ///< with parents, readable by the owner alone
void make_directory(const std::string& path);    ///< CHECKs nothing: fails when it is there
void remove_directory(const std::string& path);  ///< with all that is in it; absent is fine
void rename_path(const std::string& from, const std::string& to);
/// Both change places in one step. False where the file system cannot do that.
bool exchange_paths(const std::string& a, const std::string& b);
std::vector<std::string> list_names(const std::string& directory);
std::uint64_t file_size(const std::string& path);               ///< bytes
void extend_file(const std::string& path, std::uint64_t size);  ///< with zeros, sparse
/// Where this process has mapped the file, what is behind `offset`, a multiple of the page size, is read page by page,
/// and what is before it with what lies beside it: there is data, where behind it the system would fill all that it
/// reads ahead with zeros. Without effect where the mapping is not found.
void limit_reading_ahead(const std::string& path, std::uint64_t offset);
void copy_file(const std::string& from, const std::string& to);  ///< shares blocks where the file system can
void flush_file(const std::string& path);                        ///< its content survives a power cut
void flush_directory(const std::string& path);                   ///< the names in it survive a power cut

/// Keeps other processes out of a directory as long as it lives; the kernel ends it with the process.
class FileLock {
 public:
  /// Throws StorageError when another process holds it.
  explicit FileLock(const std::string& directory);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_;
};

}  // namespace troupe::store
