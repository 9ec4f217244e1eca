// Kv over one LMDB environment (a directory with data.mdb and lock.mdb in it).
//
// The environment is shared: the Kv, and every reader that it handed out, keep it open, so a reader
// outlives its Kv and even the removal of the files.
//
// Threads: read() and the end of a reader from any thread; a writer begins and ends on one thread.
#pragma once

#include <lmdb.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "store/kv.hpp"
#include "store/map_room.hpp"

namespace troupe::store {

class LmdbEnv {
 public:
  /// Opens, or creates in an existing empty directory. Throws StorageError, also for a data file
  /// that is shorter than it must be.
  LmdbEnv(std::string path, KvOptions options);
  ~LmdbEnv();
  LmdbEnv(const LmdbEnv&) = delete;
  LmdbEnv& operator=(const LmdbEnv&) = delete;

  const std::string& path() const { return path_; }
  const KvOptions& options() const { return options_; }
  MDB_env* get() const { return env_; }
  /// Throws the StorageError that says what LMDB's `code` means here, and what to do about it.
  [[noreturn]] void fail(int code) const;
  /// What to do about a damaged file.
  std::string remedy() const;
  MDB_dbi dbi(Table table) const;

  /// A read transaction on what is committed now. Taking one from the pool costs no system call.
  MDB_txn* begin_read();
  void end_read(MDB_txn* txn);

  /// Whether a write transaction is open: LMDB would wait for it forever on its own thread.
  std::atomic<bool> writing = false;
  /// Of the writer, if changes are made in the map.
  std::optional<MapRoom> room;
  /// Bytes of the file that are in use by what is committed.
  std::uint64_t used() const;

 private:
  int open(unsigned flags);
  void open_tables();
  void complete_file();
  void fit_file(bool written_in_map);

  std::string path_;
  KvOptions options_;
  MDB_env* env_ = nullptr;
  std::vector<MDB_dbi> dbis_;
  std::mutex mutex_;
  std::vector<MDB_txn*> idle_;  // reset; renewed when taken
};

class LmdbKv final : public Kv {
 public:
  explicit LmdbKv(std::shared_ptr<LmdbEnv> env) : env_(std::move(env)) {}
  std::unique_ptr<KvReader> read() override;
  std::unique_ptr<KvWriter> write() override;
  void sync() override;
  LmdbEnv& env() { return *env_; }

 private:
  std::shared_ptr<LmdbEnv> env_;
};

}  // namespace troupe::store
