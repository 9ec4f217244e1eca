#include "store/map_room.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "store/files.hpp"

namespace troupe::store {

MapRoom::MapRoom(int file, std::string path, std::uint64_t page, std::uint64_t map, std::uint64_t used)
    : file_(file), path_(std::move(path)), page_(page), map_(map) {
  set_length(used);
}

void MapRoom::begin(std::uint64_t used) {
  if (used > 2 * read_ahead_) limit_reading_ahead(path_, read_ahead_ = used);
  const std::uint64_t copies = used, splits_and_lists = used / 4 + 256 * page_;
  needed_ = used + copies + splits_and_lists;
  reach(needed_ + step);
}

void MapRoom::reach(std::uint64_t bytes) {
  if (!set_length(std::min(bytes, map_))) fail_file("extend", path_, errno);
}

bool MapRoom::set_length(std::uint64_t bytes) noexcept {
  int failed;
  do {
    failed = ::ftruncate(file_, static_cast<off_t>(bytes));
  } while (failed != 0 && errno == EINTR);
  if (failed == 0) length_ = bytes;
  return failed == 0;
}

}  // namespace troupe::store
