// What was committed and is not in the environment on disk yet: two files that are written in turn, one
// record a commit, so that a commit costs one write and one flush of the disk.
//
// A record begins at a multiple of 4096 bytes: sequence number (8 bytes), size of the payload (8), checksum
// (8, XXH3 over number, size and payload, with the journal's salt), payload; zeros fill it up. Numbers go
// up by one, over both files. A file is written from its beginning again when all that it held is in the
// environment, so behind its records there may be older ones, whose numbers are lower.
//
// A record is written when the one before is on disk. So after a power cut the last may be torn, which
// nobody was told of; if one is unreadable that has a successor, the disk has damaged it, and so it has if a
// file has no page at all. What cannot be told from a torn write is damage to the last records, each of
// them. The salt is a secret of the journal, or else a payload could be made to look like such a successor.
//
// Owner: JournaledKv. One thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "store/kv.hpp"

namespace troupe::store {

class Journal {
 private:
  struct Header {
    std::uint64_t number, size, checksum;
  };

 public:
  using Files = std::array<std::unique_ptr<JournalFile>, 2>;

  Journal(Files files, std::uint64_t salt) : files_(std::move(files)), salt_(salt) {}

  /// Makes new files those of an empty journal.
  static void prepare(const Files& files) {
    for (const auto& file : files) file->write(0, std::string(JournalFile::page, '\0'));
  }

  /// Tells the payloads of the records behind number `after`, in order. To be called first; the journal
  /// goes on behind them. What is told is valid during the call. Throws StorageError if it is damaged.
  void recover(std::uint64_t after, const std::function<void(std::string_view payload)>& each);

  /// Gives back the memory that recover() took, and what the files have grown beyond so many bytes. Only when none of
  /// what they hold is needed.
  void shrink(std::uint64_t bytes) {
    for (const auto& file : files_) file->shrink(std::max<std::uint64_t>(bytes, JournalFile::page));
  }

  /// Makes `record` an empty one. The payload is appended to it.
  static void begin_record(std::string& record) { record.assign(sizeof(Header), '\0'); }
  static std::size_t payload_size(const std::string& record) { return record.size() - sizeof(Header); }
  /// Returns when the record is on disk. Throws StorageError, and is then of no more use.
  void append(std::string& record);

  /// The number of the last record.
  std::uint64_t last() const { return last_; }
  /// Bytes written to the file in use.
  std::uint64_t bytes() const { return offset_; }
  /// Goes on in the other file, whose records are not needed any more.
  void turn();

 private:
  struct Record {
    std::uint64_t number;
    std::string_view payload;
    std::uint64_t end;  ///< offset behind it
  };

  std::uint64_t checksum(std::uint64_t number, std::string_view payload) const;
  /// The record there, if there is one with a number in (after, upto]: others are not worth their checksum.
  std::optional<Record> read(std::string_view content, std::uint64_t offset, std::uint64_t after,
                             std::uint64_t upto) const;
  [[noreturn]] static void fail_unreadable(std::uint64_t number);

  Files files_;
  const std::uint64_t salt_;
  unsigned active_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace troupe::store
