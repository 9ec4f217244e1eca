// An ordered, transactional key-value environment: the one thing that the log, the tree and the
// checkpoints need of a disk. LMDB is the real one (lmdb_kv), a map in memory that forgets what was
// not synced is its twin for the simulation (memory_kv). Both pass one contract test.
//
// Threads: one writer at a time; a Reader may be used by one thread at a time, but not
// necessarily the one that opened it. Readers never block the writer and see the environment as it
// was when they were opened. A value read stays valid until its Reader or Writer ends, in a Writer
// also only until the next change.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::store {

/// An index into the list of table names that the environment was opened with.
using Table = unsigned;

/// Longest key, in bytes (LMDB's bound). The empty key is not allowed.
inline constexpr std::size_t max_key_size = 511;

struct Entry {
  std::string_view key;
  std::string_view value;
};

/// Walks one table in byte order of the keys. Valid as long as what opened it. After an answer of none
/// it is nowhere: next() and previous() answer none until seek() or last().
class KvCursor {
 public:
  virtual ~KvCursor() = default;
  virtual std::optional<Entry> seek(
      std::string_view key) = 0;                ///< the first entry with a key ≥ `key`, which may be empty
  virtual std::optional<Entry> next() = 0;      ///< the one after the last returned
  virtual std::optional<Entry> previous() = 0;  ///< the one before the last returned
  virtual std::optional<Entry> last() = 0;      ///< the table's last entry
};

class KvReader {
 public:
  virtual ~KvReader() = default;
  virtual std::optional<std::string_view> get(Table table, std::string_view key) const = 0;
  /// These keys, a few dozen at most, are about to be asked for: has the processor fetch what get() will look at, for
  /// all of them at once instead of one after the other.
  virtual void prefetch(Table /*table*/, std::span<const std::string_view> /*keys*/) const {}
  virtual std::unique_ptr<KvCursor> cursor(Table table) const = 0;
  virtual std::size_t entries(Table table) const = 0;
};

/// A write transaction. Ends without effect unless committed.
class KvWriter : public KvReader {
 public:
  /// Throws StorageError when the disk or the map is full; the transaction is then of no use.
  virtual void put(Table table, std::string_view key, std::string_view value) = 0;
  /// As put, for a key that is known to be missing, or to be there: saves looking for it where that counts.
  virtual void insert(Table table, std::string_view key, std::string_view value) { put(table, key, value); }
  virtual void replace(Table table, std::string_view key, std::string_view value) { put(table, key, value); }
  /// As put, for a key after all that the table holds: cheaper, and keeps pages full.
  virtual void append(Table table, std::string_view key, std::string_view value) = 0;
  virtual bool erase(Table table, std::string_view key) = 0;
  /// Erases the table's first entries, with keys up to `last`, but no more than `most` of them.
  virtual void erase_first(Table table, std::string_view last, std::size_t most) {
    const auto entries = cursor(table);
    for (auto first = entries->seek(""); first && first->key <= last && most > 0; --most) {
      erase(table, std::string(first->key));
      first = entries->seek("");
    }
  }
  virtual void clear(Table table) = 0;
  /// Commits. In a durable environment it returns after the flush. Throws StorageError, and then
  /// nothing was committed.
  virtual void commit() = 0;
};

class Kv {
 public:
  virtual ~Kv() = default;
  virtual std::unique_ptr<KvReader> read() = 0;
  virtual std::unique_ptr<KvWriter> write() = 0;
  virtual void sync() = 0;  ///< flushes what was committed; only of use where commits are not durable
};

struct KvOptions {
  std::vector<std::string> tables;
  bool durable = true;                  ///< every commit is flushed: what it wrote survives a power cut
  std::uint64_t map_size = 1ull << 36;  ///< upper bound of the file, bytes; address space, not disk
  /// Changes are made in the mapped file itself, where the file system can do that: fewer copies, and no memory of
  /// one's own. A disk that is full is then met as SIGBUS, at any change. For environments that are not durable.
  bool write_in_map = false;
  std::string remedy = {};  ///< what to do when it is damaged, for people; empty: start_anew
};

/// A file beside an environment that what is committed goes to first; see journal.hpp. One thread at a time.
class JournalFile {
 public:
  static constexpr std::size_t page = 4096;

  virtual ~JournalFile() = default;
  /// All of it. Valid until the next call.
  virtual std::string_view content() = 0;
  /// Gives back what is beyond `size` bytes, and the memory that content() took.
  virtual void shrink(std::uint64_t size) = 0;
  /// Writes `bytes` at `offset`, a multiple of `page`, and zeros up to the next one. It survives a power cut
  /// when this returns. Throws StorageError; any part may then have been written.
  virtual void write(std::uint64_t offset, std::string_view bytes) = 0;
};

/// A directory of environments. The simulation's is in memory and can be cut off from its power.
class Disk {
 public:
  virtual ~Disk() = default;
  /// Opens or creates. Throws StorageError with what to do when it cannot.
  virtual std::unique_ptr<Kv> open(const std::string& name, const KvOptions& options) = 0;
  /// Of the environment `name`, which is there; goes with it. `create`: it may be missing, and is then made;
  /// otherwise that is a StorageError. Its name survives a power cut when this returns.
  virtual std::unique_ptr<JournalFile> open_journal(const std::string& name, unsigned index, bool create) = 0;
  virtual bool exists(const std::string& name) const = 0;
  /// Absent is fine. One that is open lives on without a name, until its last reader goes.
  virtual void remove(const std::string& name) = 0;
  virtual void rename(const std::string& from, const std::string& to) = 0;  ///< replaces `to`; durable
  virtual std::vector<std::string> list() const = 0;
  /// Copies a consistent, compact image of an open environment to the closed one `to`, and flushes it.
  virtual void copy(Kv& from, const std::string& to) = 0;
  /// Copies a closed environment. The copy need not be durable.
  virtual void clone(const std::string& from, const std::string& to) = 0;
  /// Changes with every start of the machine: tells a killed process from a power cut.
  virtual std::string boot_id() const = 0;
};

}  // namespace troupe::store
