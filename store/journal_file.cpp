#include "store/journal_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <utility>

#include "schema/check.hpp"
#include "store/files.hpp"

namespace troupe::store {
namespace {

// The file grows by so many zeros at once: a write into space that was never written costs the file system
// a write of its own.
constexpr std::size_t growth = 1 << 20;

class RealJournalFile final : public JournalFile {
 public:
  /// Records fill pages: what is left of one at the end is none.
  explicit RealJournalFile(const std::string& path) : path_(path), size_(file_size(path) / page * page) {
    constexpr int flags = O_RDWR | O_CLOEXEC | O_DSYNC;
    fd_ = ::open(path.c_str(), flags | O_DIRECT);
    if (fd_ < 0 && errno == EINVAL) fd_ = ::open(path.c_str(), flags);
    if (fd_ < 0) fail_file("open", path, errno);
  }
  ~RealJournalFile() override {
    ::close(fd_);
    free_buffer();
  }
  RealJournalFile(const RealJournalFile&) = delete;
  RealJournalFile& operator=(const RealJournalFile&) = delete;

  std::string_view content() override {
    reserve(size_ + page);
    std::size_t have = 0;
    while (have < size_) {
      const auto count = ::pread(fd_, buffer_ + have, capacity_ - have, static_cast<off_t>(have));
      if (count < 0 && (errno == EINTR || refuses_direct())) continue;
      if (count < 0) fail_file("read", path_, errno);
      if (count == 0) break;
      have += static_cast<std::size_t>(count);
    }
    return {buffer_, std::min<std::size_t>(have, size_)};
  }

  void shrink(std::uint64_t size) override {
    free_buffer();
    size = (size + page - 1) / page * page;
    if (size_ <= size) return;
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) fail_file("shorten", path_, errno);
    size_ = size;
  }

  void write(std::uint64_t offset, std::string_view bytes) override {
    TROUPE_CHECK(offset % page == 0, "what goes past the cache is aligned");
    const std::size_t size = (bytes.size() + page - 1) / page * page;
    if (offset + size > size_) grow(offset + size);
    reserve(size);
    std::memcpy(buffer_, bytes.data(), bytes.size());
    std::memset(buffer_ + bytes.size(), 0, size - bytes.size());
    put(offset, size);
  }

 private:
  /// Some file systems notice only at the first transfer that they must not go past the cache.
  bool refuses_direct() const {
    if (errno != EINVAL) return false;
    const int flags = ::fcntl(fd_, F_GETFL);
    return flags >= 0 && (flags & O_DIRECT) != 0 && ::fcntl(fd_, F_SETFL, flags & ~O_DIRECT) == 0;
  }

  void free_buffer() {
    ::operator delete[](std::exchange(buffer_, nullptr), std::align_val_t{page});
    capacity_ = 0;
  }

  void grow(std::uint64_t needed) {
    reserve(growth);
    std::memset(buffer_, 0, growth);
    for (; size_ < needed; size_ += growth) put(size_, growth);
  }

  /// The buffer's first `size` bytes.
  void put(std::uint64_t offset, std::size_t size) {
    for (std::size_t done = 0; done < size;) {
      const auto count = ::pwrite(fd_, buffer_ + done, size - done, static_cast<off_t>(offset + done));
      if (count < 0 && (errno == EINTR || refuses_direct())) continue;
      if (count <= 0) fail_file("write", path_, count == 0 ? ENOSPC : errno);
      done += static_cast<std::size_t>(count);
    }
  }

  void reserve(std::size_t size) {
    size = (size + page - 1) / page * page;
    const bool oversized = capacity_ > 4 * growth && size <= growth;  // after a recovery, or a large record
    if (size <= capacity_ && !oversized) return;
    free_buffer();
    buffer_ = static_cast<char*>(::operator new[](size, std::align_val_t{page}));
    capacity_ = size;
  }

  const std::string path_;
  std::uint64_t size_;
  int fd_ = -1;
  char* buffer_ = nullptr;  // aligned, as direct access asks
  std::size_t capacity_ = 0;
};

}  // namespace

std::unique_ptr<JournalFile> open_journal_file(const std::string& path, bool create) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
  if (fd < 0 && errno == ENOENT) throw StorageError(path + " is missing. Put it back. " + start_anew);
  if (fd < 0) fail_file("open", path, errno);
  ::close(fd);
  flush_directory(std::filesystem::path(path).parent_path());
  return std::make_unique<RealJournalFile>(path);
}

}  // namespace troupe::store
