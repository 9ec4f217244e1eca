#include "store/lmdb_kv.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "schema/check.hpp"
#include "store/files.hpp"

namespace troupe::store {
namespace {

constexpr unsigned max_readers = 1024;
constexpr std::size_t max_idle = 64;  // reset read transactions kept for the next readers
constexpr std::uint64_t map_granularity = 1 << 16;

MDB_val to_val(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
std::string_view to_view(const MDB_val& val) { return {static_cast<const char*>(val.mv_data), val.mv_size}; }

/// A transaction, shared with the cursors on it: a cursor of a writer is freed by LMDB when the
/// transaction ends, and must then not be closed again.
struct OpenTxn {
  MDB_txn* txn = nullptr;
};

class LmdbCursor final : public KvCursor {
 public:
  LmdbCursor(const LmdbEnv& env, std::shared_ptr<OpenTxn> txn, Table table) : env_(env), txn_(std::move(txn)) {
    if (int rc = mdb_cursor_open(txn_->txn, env.dbi(table), &cursor_)) env_.fail(rc);
  }
  ~LmdbCursor() override {
    if (txn_->txn) mdb_cursor_close(cursor_);
  }

  std::optional<Entry> seek(std::string_view key) override {
    return key.empty() ? move(key, MDB_FIRST) : move(key, MDB_SET_RANGE);
  }
  std::optional<Entry> next() override { return positioned_ ? move({}, MDB_NEXT) : std::nullopt; }
  std::optional<Entry> previous() override { return positioned_ ? move({}, MDB_PREV) : std::nullopt; }
  std::optional<Entry> last() override { return move({}, MDB_LAST); }

 private:
  std::optional<Entry> move(std::string_view target, MDB_cursor_op op) {
    MDB_val key = to_val(target), value;
    int rc = mdb_cursor_get(cursor_, &key, &value, op);
    positioned_ = rc == 0;
    if (rc == MDB_NOTFOUND) return std::nullopt;
    if (rc != 0) env_.fail(rc);
    return Entry{to_view(key), to_view(value)};
  }

  const LmdbEnv& env_;  // outlives the cursor: what opened the cursor holds it
  std::shared_ptr<OpenTxn> txn_;
  MDB_cursor* cursor_ = nullptr;
  bool positioned_ = false;
};

/// What readers and writers have in common.
class LmdbSnapshot {
 public:
  LmdbSnapshot(std::shared_ptr<LmdbEnv> env, MDB_txn* txn) : env_(std::move(env)), txn_(std::make_shared<OpenTxn>()) {
    txn_->txn = txn;
  }

  std::optional<std::string_view> get(Table table, std::string_view key) const {
    MDB_val k = to_val(key), value;
    int rc = mdb_get(txn_->txn, env_->dbi(table), &k, &value);
    if (rc == MDB_NOTFOUND) return std::nullopt;
    if (rc != 0) env_->fail(rc);
    return to_view(value);
  }
  std::unique_ptr<KvCursor> cursor(Table table) const { return std::make_unique<LmdbCursor>(*env_, txn_, table); }
  std::size_t entries(Table table) const {
    MDB_stat stat;
    if (int rc = mdb_stat(txn_->txn, env_->dbi(table), &stat)) env_->fail(rc);
    return stat.ms_entries;
  }

  LmdbEnv& env() const { return *env_; }
  MDB_txn* txn() const { return txn_->txn; }
  MDB_txn* release() { return std::exchange(txn_->txn, nullptr); }

 private:
  std::shared_ptr<LmdbEnv> env_;
  std::shared_ptr<OpenTxn> txn_;
};

class LmdbReader final : public KvReader {
 public:
  explicit LmdbReader(const std::shared_ptr<LmdbEnv>& env) : snapshot_(env, env->begin_read()) {}
  ~LmdbReader() override { snapshot_.env().end_read(snapshot_.txn()); }

  std::optional<std::string_view> get(Table table, std::string_view key) const override {
    return snapshot_.get(table, key);
  }
  std::unique_ptr<KvCursor> cursor(Table table) const override { return snapshot_.cursor(table); }
  std::size_t entries(Table table) const override { return snapshot_.entries(table); }

 private:
  LmdbSnapshot snapshot_;
};

MDB_txn* begin_write(LmdbEnv& env) {
  TROUPE_CHECK(!env.writing.exchange(true), "an environment has one writer at a time");
  try {
    if (env.room) env.room->begin(env.used());
    MDB_txn* txn = nullptr;
    if (int rc = mdb_txn_begin(env.get(), nullptr, 0, &txn)) env.fail(rc);
    return txn;
  } catch (...) {
    env.writing = false;
    throw;
  }
}

/// After the transaction, however it went.
void end_write(LmdbEnv& env) {
  if (env.room) env.room->end(env.used());
  env.writing = false;
}

class LmdbWriter final : public KvWriter {
 public:
  explicit LmdbWriter(const std::shared_ptr<LmdbEnv>& env) : snapshot_(env, begin_write(*env)) {}
  ~LmdbWriter() override {
    if (MDB_txn* txn = snapshot_.release()) {
      mdb_txn_abort(txn);
      end_write(snapshot_.env());
    }
  }

  std::optional<std::string_view> get(Table table, std::string_view key) const override {
    return snapshot_.get(table, key);
  }
  std::unique_ptr<KvCursor> cursor(Table table) const override { return snapshot_.cursor(table); }
  std::size_t entries(Table table) const override { return snapshot_.entries(table); }

  void put(Table table, std::string_view key, std::string_view value) override { store(table, key, value, 0); }
  void append(Table table, std::string_view key, std::string_view value) override {
    store(table, key, value, MDB_APPEND);
  }

  bool erase(Table table, std::string_view key) override {
    make_room(0);
    MDB_cursor* cursor = place(table);
    MDB_val k = to_val(key);
    int rc = mdb_cursor_get(cursor, &k, nullptr, MDB_SET);
    if (rc == 0) rc = mdb_cursor_del(cursor, 0);
    if (rc != 0 && rc != MDB_NOTFOUND) snapshot_.env().fail(rc);
    return rc == 0;
  }

  void erase_first(Table table, std::string_view last, std::size_t most) override {
    MDB_cursor* cursor = place(table);
    MDB_val key, value;
    // Behind one that was deleted the cursor stands at the next, which MDB_NEXT then reads.
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    for (; rc == 0 && most > 0 && to_view(key) <= last; --most) {
      make_room(0);
      rc = mdb_cursor_del(cursor, 0);
      if (rc == 0) rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (rc != 0 && rc != MDB_NOTFOUND) snapshot_.env().fail(rc);
  }

  void clear(Table table) override {
    if (int rc = mdb_drop(snapshot_.txn(), snapshot_.env().dbi(table), 0)) snapshot_.env().fail(rc);
  }

  void commit() override {
    MDB_txn* txn = snapshot_.release();
    TROUPE_CHECK(txn, "a writer commits once");
    places_.clear();
    int rc = mdb_txn_commit(txn);  // ends the transaction, also where it fails
    end_write(snapshot_.env());
    if (rc != 0) snapshot_.env().fail(rc);
  }

 private:
  void make_room(std::size_t value_size) {
    if (auto& room = snapshot_.env().room) room->change(value_size);
  }

  void store(Table table, std::string_view key, std::string_view value, unsigned flags) {
    TROUPE_CHECK(!key.empty() && key.size() <= max_key_size, "a key has 1 to 511 bytes");
    make_room(value.size());
    MDB_val k = to_val(key), v = to_val(value);
    int rc = mdb_cursor_put(place(table), &k, &v, flags);
    TROUPE_CHECK(!(rc == MDB_KEYEXIST && flags == MDB_APPEND), "an appended key comes after all others");
    if (rc != 0) snapshot_.env().fail(rc);
  }

  /// Where the table was changed last: a key of the same page is found without a way down to it. Goes with the
  /// transaction.
  MDB_cursor* place(Table table) {
    const MDB_dbi dbi = snapshot_.env().dbi(table);
    if (table >= places_.size()) places_.resize(table + 1);
    if (places_[table] == nullptr) {
      int rc = mdb_cursor_open(snapshot_.txn(), dbi, &places_[table]);
      if (rc != 0) snapshot_.env().fail(rc);
    }
    return places_[table];
  }

  LmdbSnapshot snapshot_;
  std::vector<MDB_cursor*> places_;
};

/// What LMDB reads contradicts itself. It aborts the process behind this.
void explain_assertion(MDB_env* env, const char* what) {
  const auto& self = *static_cast<LmdbEnv*>(mdb_env_get_userctx(env));
  std::fprintf(stderr, "%s: LMDB: %s. %s\n", self.path().c_str(), what, self.remedy().c_str());
}

/// What is behind the error of a system call within LMDB. It says EIO where a write was cut short, and that is what
/// happens to the first one that a full disk has no room for.
int cause_of(int code, const std::string& path) {
  constexpr std::uintmax_t full = 1 << 20;  // bytes that are left where nothing more fits
  std::error_code unknown;
  const auto space = std::filesystem::space(path, unknown);
  return code == EIO && !unknown && space.available < full ? ENOSPC : code;
}

}  // namespace

void LmdbEnv::fail(int code) const {
  const std::string reason = path_ + ": " + mdb_strerror(code) + ". ";
  switch (code) {
    case MDB_MAP_FULL:
      throw StorageError(reason +
                         "It has grown to the largest size it was given: raise its map size, then start the "
                         "node again.");
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
      throw StorageError(reason + remedy());
    case MDB_VERSION_MISMATCH:
      throw StorageError(reason +
                         "It was written by another version of LMDB: run the version of this program that "
                         "wrote it.");
    case MDB_READERS_FULL:
      throw StorageError(reason + "More than " + std::to_string(max_readers) +
                         " views of the data are open at once: "
                         "report this, a node closes its views.");
    case MDB_PANIC:
      throw StorageError(reason +
                         "An earlier write failed and left it unusable: see the first error, start the node "
                         "again.");
    default:
      if (code > 0) fail_file("use", path_, cause_of(code, path_));
      throw StorageError(reason + "Report this together with the message.");
  }
}

std::string LmdbEnv::remedy() const {
  return "The file is damaged. Check its disk. " + (options_.remedy.empty() ? start_anew : options_.remedy);
}

LmdbEnv::LmdbEnv(std::string path, KvOptions options) : path_(std::move(path)), options_(std::move(options)) {
  std::error_code absent;
  const auto size = std::filesystem::file_size(path_ + "/data.mdb", absent);
  // LMDB would quietly make a new, empty database of an empty file.
  if (!absent && size == 0) fail(MDB_INVALID);

  const unsigned flags = MDB_NOTLS | (options_.durable ? 0 : MDB_NOSYNC);
  // Some file systems have no files as long as the map, or no mappings that are written.
  const bool in_map = options_.write_in_map && open(flags | MDB_WRITEMAP) == 0;
  if (!in_map) {
    if (int rc = open(flags)) fail(rc);
  }
  try {
    complete_file();
    if (options_.write_in_map) fit_file(in_map);
    open_tables();
  } catch (...) {
    mdb_env_close(env_);
    throw;
  }
}

/// LMDB's code. After an error there is no environment.
int LmdbEnv::open(unsigned flags) {
  if (int rc = mdb_env_create(&env_)) return rc;
  const std::uint64_t map_size = (options_.map_size + map_granularity - 1) / map_granularity * map_granularity;
  int rc = mdb_env_set_mapsize(env_, map_size);
  if (rc == 0) rc = mdb_env_set_maxreaders(env_, max_readers);
  if (rc == 0) rc = mdb_env_set_userctx(env_, this);
  if (rc == 0) rc = mdb_env_set_assert(env_, explain_assertion);
  if (rc == 0) rc = mdb_env_set_maxdbs(env_, static_cast<MDB_dbi>(options_.tables.size()));
  if (rc == 0) rc = mdb_env_open(env_, path_.c_str(), flags, 0600);
  if (rc != 0) mdb_env_close(std::exchange(env_, nullptr));
  return rc;
}

LmdbEnv::~LmdbEnv() {
  for (MDB_txn* txn : idle_) mdb_txn_abort(txn);
  mdb_env_close(env_);
}

std::uint64_t LmdbEnv::used() const {
  MDB_envinfo info;
  MDB_stat stat;
  if (int rc = mdb_env_info(env_, &info)) fail(rc);
  if (int rc = mdb_env_stat(env_, &stat)) fail(rc);
  return (info.me_last_pgno + 1) * std::uint64_t{stat.ms_psize};
}

void LmdbEnv::complete_file() {
  // A file that was cut short would kill the process when a page behind its end is touched. Zeros
  // there are harmless where the pages are unused, as pages at the end may be, and are recognised as
  // damage where they are not.
  const std::string file = path_ + "/data.mdb";
  if (file_size(file) < used()) extend_file(file, used());
}

/// LMDB may have made it as long as the map.
void LmdbEnv::fit_file(bool written_in_map) {
  MDB_envinfo info;
  MDB_stat stat;
  int file;
  if (int rc = mdb_env_info(env_, &info)) fail(rc);
  if (int rc = mdb_env_stat(env_, &stat)) fail(rc);
  if (int rc = mdb_env_get_fd(env_, &file)) fail(rc);
  room.emplace(file, path_ + "/data.mdb", stat.ms_psize, info.me_mapsize, used());
  if (!written_in_map) room.reset();
}

void LmdbEnv::open_tables() {
  MDB_txn* txn = begin_write(*this);
  for (const std::string& name : options_.tables) {
    MDB_dbi dbi;
    if (int rc = mdb_dbi_open(txn, name.c_str(), MDB_CREATE, &dbi)) {
      mdb_txn_abort(txn);
      fail(rc);
    }
    dbis_.push_back(dbi);
  }
  const int rc = mdb_txn_commit(txn);
  end_write(*this);
  if (rc != 0) fail(rc);
}

MDB_dbi LmdbEnv::dbi(Table table) const {
  TROUPE_CHECK(table < dbis_.size(), "a table is one of those that the environment was opened with");
  return dbis_[table];
}

MDB_txn* LmdbEnv::begin_read() {
  MDB_txn* txn = nullptr;
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      txn = idle_.back();
      idle_.pop_back();
    }
  }
  int rc = txn ? mdb_txn_renew(txn) : mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  if (rc != 0) {
    if (txn) mdb_txn_abort(txn);
    fail(rc);
  }
  return txn;
}

void LmdbEnv::end_read(MDB_txn* txn) {
  mdb_txn_reset(txn);
  {
    std::lock_guard lock(mutex_);
    if (idle_.size() < max_idle) {
      idle_.push_back(txn);
      return;
    }
  }
  mdb_txn_abort(txn);
}

std::unique_ptr<KvReader> LmdbKv::read() { return std::make_unique<LmdbReader>(env_); }
std::unique_ptr<KvWriter> LmdbKv::write() { return std::make_unique<LmdbWriter>(env_); }

void LmdbKv::sync() {
  if (int rc = mdb_env_sync(env_->get(), 1)) env_->fail(rc);
  flush_directory(env_->path());
  flush_directory(env_->path() + "/..");
}

}  // namespace troupe::store
