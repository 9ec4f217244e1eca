#include "store/map_room.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "store/files.hpp"

namespace troupe::store {

MapRoom::MapRoom(int file, std::string path, std::uint64_t page, std::uint64_t used)
    : file_(file), path_(std::move(path)), page_(page) {
  reach(used);
}

void MapRoom::begin(std::uint64_t used) {
  const std::uint64_t copies = used, splits_and_lists = used / 4 + 256 * page_;
  needed_ = used + copies + splits_and_lists;
  reach(needed_ + step);
}

void MapRoom::reach(std::uint64_t bytes) {
  if (::ftruncate(file_, static_cast<off_t>(bytes)) != 0) fail_file("extend", path_, errno);
  length_ = bytes;
}

}  // namespace troupe::store
