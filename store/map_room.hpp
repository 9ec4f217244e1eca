// How far a file reaches whose changes LMDB makes in its map: to touch a page of the map behind the end of the file
// would end the process. LMDB makes the file as long as the map, which is a terabyte with hardly anything in it, and a
// burden to whoever copies or archives it. So it ends where its last used page does, and reaches further only while
// there is a write transaction, by as much as that could need; that takes no disk until it is touched.
//
// What a transaction needs at most: a page that is there is copied when it first changes; a change splits its leaf, and
// sooner or later a branch above it; a long value has pages of its own; the pages that are free afterwards are listed,
// with eight bytes each. Source: page_touch, page_split and freelist_save of LMDB 0.9.
//
// Threads: the writer's.
#pragma once

#include <cstdint>
#include <string>

namespace troupe::store {

class MapRoom {
 public:
  /// `file`: descriptor of the file at `path`, of which the first `used` bytes are in use, with pages of `page` bytes.
  /// `map`: bytes of the map; LMDB goes no further.
  MapRoom(int file, std::string path, std::uint64_t page, std::uint64_t map, std::uint64_t used);

  void begin(std::uint64_t used);  ///< throws StorageError
  /// Before each change of one entry; how many bytes its value is to have. Throws StorageError.
  void change(std::uint64_t value_bytes) {
    needed_ += change_pages * page_ + value_bytes;
    if (needed_ > length_ && length_ < map_) reach(needed_ + step);
  }
  /// A file that cannot be cut is longer than need be until the next time.
  void end(std::uint64_t used) noexcept { set_length(used); }

 private:
  static constexpr std::uint64_t change_pages = 8;  // one for the leaf, most often none for the rest
  static constexpr std::uint64_t step = 32 << 20;   // bytes, so that few changes need a system call

  void reach(std::uint64_t bytes);
  bool set_length(std::uint64_t bytes) noexcept;

  const int file_;
  const std::string path_;
  const std::uint64_t page_, map_;
  std::uint64_t read_ahead_ = 0;           // up to there the system may read ahead
  std::uint64_t length_ = 0, needed_ = 0;  // bytes from where the file begins
};

}  // namespace troupe::store
