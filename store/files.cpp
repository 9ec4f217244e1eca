#include "store/files.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace troupe::store {
namespace {

namespace fs = std::filesystem;

/// A file descriptor that closes itself.
class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0)
      : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) fail_file("open", path, errno);
  }
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int fd() const { return fd_; }
  void flush() const {
    if (::fsync(fd_) != 0) fail_file("flush", path_, errno);
  }

 private:
  std::string path_;
  int fd_;
};

}  // namespace

void fail_file(const std::string& what, const std::string& path, int code) {
  std::string message = "cannot " + what + " " + path + ": " + std::strerror(code) + ". ";
  switch (code) {
    case ENOSPC:
    case EDQUOT:
      message += "Free some space on its disk, then start the node again.";
      break;
    case EIO:
      message += "Its disk is failing: replace the disk before this node runs again.";
      break;
    case EACCES:
    case EPERM:
      message += "Give the user that runs this node the right to read and write there.";
      break;
    case EROFS:
      message += "Mount its file system for writing.";
      break;
    case EMFILE:
    case ENFILE:
      message += "Raise the limit of open files.";
      break;
    default:
      message += "Check the path and its disk.";
      break;
  }
  throw StorageError(message);
}

bool is_directory(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

void make_directories(const std::string& path) {
  if (path.empty() || is_directory(path)) return;
  std::string parent = fs::path(path).parent_path();
  make_directories(parent);
  make_directory(path);
  flush_directory(parent.empty() ? "." : parent);
}

void make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0) fail_file("create", path, errno);
}

void remove_directory(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) fail_file("remove", path, error.value());
}

void rename_path(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail_file("rename", from, errno);
}

bool exchange_paths(const std::string& a, const std::string& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return true;
  if (errno == EINVAL || errno == ENOSYS) return false;
  fail_file("rename", a, errno);
}

std::vector<std::string> list_names(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator i(directory, error), end; !error && i != end; i.increment(error)) {
    names.push_back(i->path().filename());
  }
  if (error) fail_file("list", directory, error.value());
  return names;
}

std::uint64_t file_size(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) fail_file("read", path, errno);
  return static_cast<std::uint64_t>(info.st_size);
}

void extend_file(const std::string& path, std::uint64_t size) {
  if (::truncate(path.c_str(), static_cast<off_t>(size)) != 0) fail_file("extend", path, errno);
}

void limit_reading_ahead(const std::string& path, std::uint64_t offset) {
  std::error_code unknown;
  const std::string file = " " + fs::canonical(path, unknown).string();
  struct Part {
    std::uintptr_t begin, end;
    std::uint64_t at;  // in the file
  };
  std::vector<Part> parts;                // all, before advice joins or splits them
  std::ifstream maps("/proc/self/maps");  // of each: begin-end permissions offset …, the file; the numbers hexadecimal
  for (std::string line; !unknown && std::getline(maps, line);) {
    if (line.size() < file.size() || line.compare(line.size() - file.size(), file.size(), file) != 0) continue;
    Part part;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %*s %" SCNx64, &part.begin, &part.end, &part.at) == 3)
      parts.push_back(part);
  }
  for (const Part& part : parts) {
    const std::uint64_t size = part.end - part.begin;
    const std::uint64_t before = offset <= part.at ? 0 : std::min(offset - part.at, size);
    if (before > 0) ::madvise(reinterpret_cast<void*>(part.begin), before, MADV_NORMAL);
    if (before < size) ::madvise(reinterpret_cast<void*>(part.begin + before), size - before, MADV_RANDOM);
  }
}

void copy_file(const std::string& from, const std::string& to) {
  File source(from, O_RDONLY);
  File target(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (::ioctl(target.fd(), FICLONE, source.fd()) == 0) return;
  std::uint64_t left = file_size(from);
  while (left > 0) {
    ssize_t copied = ::copy_file_range(source.fd(), nullptr, target.fd(), nullptr, left, 0);
    if (copied < 0 && errno == EINTR) continue;
    if (copied < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) break;
    if (copied < 0) fail_file("copy", from, errno);
    if (copied == 0) fail_file("copy", from, EIO);  // shorter than it was a moment ago
    left -= static_cast<std::uint64_t>(copied);
  }
  // What a file system without that call leaves over, the plain way; the offsets have moved along.
  std::vector<char> block(left == 0 ? 0 : 1 << 20);
  while (left > 0) {
    ssize_t got = ::read(source.fd(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail_file("read", from, got < 0 ? errno : EIO);
    for (ssize_t done = 0; done < got;) {
      ssize_t put = ::write(target.fd(), block.data() + done, static_cast<std::size_t>(got - done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail_file("write", to, errno);
      done += put;
    }
    left -= std::min(left, static_cast<std::uint64_t>(got));
  }
}

void flush_file(const std::string& path) { File(path, O_RDWR).flush(); }
void flush_directory(const std::string& path) { File(path, O_RDONLY | O_DIRECTORY).flush(); }

FileLock::FileLock(const std::string& directory) {
  std::string path = directory + "/lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) fail_file("open", path, errno);
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  int code = errno;
  ::close(fd_);
  if (code != EWOULDBLOCK) fail_file("lock", path, code);
  throw StorageError("the data directory " + directory +
                     " is in use by another process. Stop that process, or give this node a directory of its own.");
}

FileLock::~FileLock() { ::close(fd_); }

}  // namespace troupe::store
