#include "store/log.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "schema/check.hpp"
#include "store/encoding.hpp"
#include "store/error.hpp"
#include "store/log_record.hpp"
#include "store/recent_txns.hpp"

namespace troupe::store {
namespace {

enum : Table { log_table, meta_table, configurations_table };
// 1 had no journal, 2 no records up to the base, 3 one transaction in each record.
constexpr std::uint64_t format_version = 4;
// How many records up to the base go with a flush: more than a flush brings, so that they never heap up.
constexpr std::size_t most_dropped = 1 << 14;

/// What is cached of the log; one copy is what is durable, the other what is staged.
struct Facts {
  Zxid base, last;
  Epoch accepted, current;
  std::optional<Zxid> checkpoint;
  std::optional<StateMark> mark;
  Bytes configuration;
};

Bytes last_configuration(KvCursor& cursor) {
  const auto last = cursor.last();
  return last ? Bytes::copy(last->value) : Bytes();
}

/// Copies that share one block, each at a multiple of eight in it: LMDB aligns a value to two bytes.
std::vector<Proposal> together(const std::vector<LoggedTxn>& txns) {
  constexpr std::size_t word = sizeof(std::uint64_t);
  const auto words = [](std::string_view txn) { return (txn.size() + word - 1) / word; };
  std::size_t all = 0, at = 0;
  for (const auto& one : txns) all += words(one.txn);
  std::shared_ptr<std::uint64_t[]> block(new std::uint64_t[all]);
  std::vector<Proposal> copies;
  copies.reserve(txns.size());
  for (const auto& [zxid, txn] : txns) {
    std::memcpy(block.get() + at, txn.data(), txn.size());
    copies.push_back({zxid, Bytes(block, reinterpret_cast<const std::byte*>(block.get() + at), txn.size())});
    at += words(txn);
  }
  return copies;
}

std::optional<std::uint64_t> number(const KvReader& reader, std::string_view key) {
  auto value = reader.get(meta_table, key);
  if (!value || value->size() != 8) return std::nullopt;
  return from_big_endian(*value);
}

}  // namespace

struct Log::Impl {
  Impl(Disk& disk, const std::string& name_, PeerId self, const LogOptions& options)
      : name(name_),
        kv(
            disk, name_, {.tables = {"log", "meta", "configurations"}, .map_size = options.map_size},
            options.flush_bytes, [&](const KvReader& tables) { check_owner(tables, self); },
            [&](KvWriter& tables) { drop_pruned(tables); }),
        recent(Zxid{0}, options.recent_bytes) {
    const bool fresh = !check_owner(*kv.read(), self);
    if (fresh || number(*kv.read(), "format") != format_version) {
      auto first = kv.write();
      first->put(meta_table, "format", big_endian(format_version));
      if (fresh) {
        first->put(meta_table, "node", big_endian(self.value));
        for (const char* key : {"accepted epoch", "current epoch", "base"}) first->put(meta_table, key, big_endian(0));
      }
      first->commit();
      kv.sync();  // whose directory it is, and in which format, is for every program to see
    }
    durable = staged = load(*kv.read());
    recent.restart(durable.last);
  }

  [[noreturn]] void fail_damaged(const std::string& what) const {
    throw StorageError("the transaction log (" + name + ") is damaged: " + what + ". Check its disk. " + start_anew);
  }

  /// False for a new log.
  bool check_owner(const KvReader& reader, PeerId self) const {
    auto format = number(reader, "format");
    if (!format) {
      if (reader.entries(meta_table) || reader.entries(log_table)) fail_damaged("it does not say its format");
      return false;
    }
    if (*format > format_version) {
      throw StorageError("the transaction log (" + name + ") has format " + std::to_string(*format) +
                         ", this program knows formats up to " + std::to_string(format_version) +
                         ": start the newer version that wrote it.");
    }
    auto node = number(reader, "node");
    if (!node) fail_damaged("it does not say whose it is");
    if (*node != self.value) {
      throw StorageError("this data directory belongs to node " + std::to_string(*node) + ", and this is node " +
                         to_string(self) + ": start the node with its own directory, or with its own id.");
    }
    return true;
  }

  Facts load(const KvReader& reader) const {
    auto required = [&](const char* key) {
      auto value = number(reader, key);
      if (!value) fail_damaged(std::string("it has no ") + key);
      return *value;
    };
    Facts facts;
    facts.base = {required("base")};
    facts.accepted = {static_cast<std::uint32_t>(required("accepted epoch"))};
    facts.current = {static_cast<std::uint32_t>(required("current epoch"))};
    if (auto checkpoint = number(reader, "checkpoint")) facts.checkpoint = Zxid{*checkpoint};
    if (auto boot = reader.get(meta_table, "state boot")) {
      facts.mark = StateMark{std::string(*boot), number(reader, "state clean") == 1u};
    }

    facts.configuration = last_configuration(*reader.cursor(configurations_table));

    facts.last = facts.base;
    if (const auto record = reader.cursor(log_table)->last()) facts.last = std::max(facts.base, check_last(*record));
    if (facts.checkpoint && (*facts.checkpoint < facts.base || *facts.checkpoint > facts.last)) {
      fail_damaged("records are missing at its end, a checkpoint is ahead of it");
    }
    if (!facts.checkpoint && facts.base > Zxid{0}) fail_damaged("its beginning is pruned, and there is no checkpoint");
    return facts;
  }

  /// The last record is the one that a torn write would hit, and the one that the node votes with.
  Zxid check_last(const Entry& record) const {
    if (record.key.size() != 8) fail_damaged("its last record has no zxid");
    const auto [zxid, txn] = txns_of(record).back();
    if (is_sound({zxid, Bytes::copy(txn)})) return zxid;
    fail_damaged("its last record, " + to_string(zxid) + ", is not the transaction of that zxid");
  }

  void read(const Entry& record, std::vector<LoggedTxn>& to) const {
    if (!read_record(record, to)) fail_damaged("a record is not what was written");
  }
  std::vector<LoggedTxn> txns_of(const Entry& record) const {
    std::vector<LoggedTxn> txns;
    read(record, txns);
    return txns;
  }

  void drop_pruned(KvWriter& tables) const {
    const auto first = tables.cursor(log_table)->seek("");
    if (first && first->key.size() != 8) fail_damaged("its first record has no zxid");
    tables.erase_first(log_table, big_endian(number(tables, "base").value_or(0)), most_dropped);
  }

  /// What was appended last is not in a record yet.
  void append(const LoggedTxn& txn) {
    if (open_record.add(txn)) return;
    close_record();
    TROUPE_CHECK(open_record.add(txn), "a record begins with any transaction");
  }
  /// To be called before the table is looked at, or changed in another way.
  void close_record() {
    if (open_record.empty()) return;
    const std::string key = big_endian(open_record.last().value);
    changes().append(log_table, key, open_record.finish());
  }

  /// Erases the records that end after `zxid`.
  void erase_after(Zxid zxid) {
    const auto records = changes().cursor(log_table);
    for (auto record = records->last(); record && zxid_of(*record) > zxid; record = records->previous()) {
      changes().erase(log_table, std::string(record->key));
    }
  }

  /// Erases the transactions after `zxid`: of one record the first may stay.
  void cut_after(Zxid zxid) {
    close_record();
    const auto cut = changes().cursor(log_table)->seek(big_endian(zxid.next().value));
    if (!cut) return;
    for (const auto& txn : txns_of(*cut)) {
      if (txn.zxid > zxid) break;
      TROUPE_CHECK(open_record.add(txn), "the beginning of a record fits into a record");
    }
    erase_after(zxid);
    close_record();
  }

  /// What is staged is no continuation of what is durable.
  void leave_history() {
    appended.clear();
    cut = staged.last;
  }

  /// The greatest zxid ≤ `zxid` in the history, which begins at `base`, ≤ `zxid`.
  Zxid floor(const KvReader& reader, Zxid base, Zxid zxid) const {
    const auto records = reader.cursor(log_table);
    auto record = records->seek(big_endian(zxid.value));
    if (record && txns_of(*record).front().zxid <= zxid) return zxid;  // a record has no gaps
    record = record ? records->previous() : records->last();
    return record ? std::max(base, zxid_of(*record)) : base;
  }

  /// The transaction that stages changes; the first of them begins it.
  KvWriter& changes() {
    if (!writer) writer = kv.write();
    return *writer;
  }
  void set(std::string_view key, std::uint64_t value) { changes().put(meta_table, key, big_endian(value)); }
  void set_mark(const StateMark& mark) {
    changes().put(meta_table, "state boot", mark.boot_id);
    set("state clean", mark.clean);
    staged.mark = mark;
  }
  /// A durable fact, for any thread.
  template <typename T>
  T get(T Facts::*fact) const {
    std::lock_guard lock(mutex);
    return durable.*fact;
  }

  const std::string name;
  mutable JournaledKv kv;  // reading changes nothing
  std::unique_ptr<KvWriter> writer;
  Facts staged;
  bool staged_reset = false;
  LogRecordBuilder open_record;    // staged, too
  std::vector<Proposal> appended;  // likewise, for `recent`: those of the history after `cut`, or of all
  std::optional<Zxid> cut;         // where the staged history leaves the durable one, if it does

  mutable std::mutex mutex;  // guards what follows
  Facts durable;
  RecentTxns recent;  // durable, too
  std::optional<StateMark> posted_mark;
};

Log::Log(Disk& disk, const std::string& name, PeerId self, const LogOptions& options)
    : impl_(std::make_unique<Impl>(disk, name, self, options)) {}
Log::~Log() = default;

Zxid Log::base() const { return impl_->get(&Facts::base); }
Zxid Log::last() const { return impl_->get(&Facts::last); }
Epoch Log::accepted_epoch() const { return impl_->get(&Facts::accepted); }
Epoch Log::current_epoch() const { return impl_->get(&Facts::current); }
std::optional<Zxid> Log::checkpoint() const { return impl_->get(&Facts::checkpoint); }
std::optional<StateMark> Log::state_mark() const { return impl_->get(&Facts::mark); }

Bytes Log::configuration() const { return impl_->get(&Facts::configuration); }

void Log::append(const Proposal& proposal) {
  Impl& log = *impl_;
  TROUPE_CHECK(proposal.zxid > log.staged.last, "a record comes after all before it");
  log.append({proposal.zxid, proposal.txn.view()});
  log.appended.push_back(proposal);
  log.staged.last = proposal.zxid;
  if (!sets_configuration(proposal)) return;
  log.changes().append(configurations_table, big_endian(proposal.zxid.value), proposal.txn.view());
  log.staged.configuration = proposal.txn;
}

void Log::truncate_after(Zxid last) {
  Impl& log = *impl_;
  TROUPE_CHECK(last >= log.staged.base, "what is pruned cannot be truncated");
  TROUPE_CHECK(!log.staged.checkpoint || last >= *log.staged.checkpoint, "what a checkpoint holds was committed");
  if (last >= log.staged.last) return;
  log.cut_after(last);
  log.staged.last = log.floor(log.changes(), log.staged.base, last);
  log.leave_history();

  auto configurations = log.changes().cursor(configurations_table);
  auto configuration = configurations->last();
  for (; configuration && zxid_of(*configuration) > last; configuration = configurations->last()) {
    log.changes().erase(configurations_table, std::string(configuration->key));
  }
  log.staged.configuration = last_configuration(*configurations);
}

void Log::set_accepted_epoch(Epoch epoch) {
  TROUPE_CHECK(epoch >= impl_->staged.accepted, "a promise of an epoch is not taken back");
  impl_->set("accepted epoch", epoch.value);
  impl_->staged.accepted = epoch;
}

void Log::set_current_epoch(Epoch epoch) {
  impl_->set("current epoch", epoch.value);
  impl_->staged.current = epoch;
}

void Log::set_checkpoint(Zxid zxid) {
  Facts& staged = impl_->staged;
  if (zxid < staged.base || zxid > staged.last || (staged.checkpoint && zxid <= *staged.checkpoint)) return;
  impl_->set("checkpoint", zxid.value);
  staged.checkpoint = zxid;
}

void Log::set_state_mark(const StateMark& mark) {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->posted_mark.reset();
  }
  impl_->set_mark(mark);
}

void Log::reset(Zxid base, const Bytes& configuration) {
  Impl& log = *impl_;
  log.close_record();
  log.erase_after(base);
  log.changes().clear(configurations_table);
  // Under the base: when it was made is of no matter any more.
  if (!configuration.empty()) log.changes().put(configurations_table, big_endian(base.value), configuration.view());
  log.staged.configuration = configuration;
  log.set("base", base.value);
  log.changes().erase(meta_table, "checkpoint");
  log.changes().erase(meta_table, "state boot");
  log.changes().erase(meta_table, "state clean");
  log.staged.base = log.staged.last = base;
  log.leave_history();
  log.staged.checkpoint.reset();
  log.staged.mark.reset();
  log.staged_reset = true;
  if (base > Zxid{0}) set_checkpoint(base);
}

void Log::prune(Zxid upto) {
  Impl& log = *impl_;
  upto = std::min(upto, log.staged.checkpoint.value_or(Zxid{0}));
  if (upto <= log.staged.base) return;
  log.close_record();
  log.staged.base = log.floor(log.changes(), log.staged.base, upto);
  log.set("base", log.staged.base.value);

  // Of those at or before the base the last one is needed.
  auto configurations = log.changes().cursor(configurations_table);
  for (auto one = configurations->seek(""); one && zxid_of(*one) <= log.staged.base;) {
    const std::string key(one->key);
    one = configurations->next();
    if (!one || zxid_of(*one) > log.staged.base) break;
    log.changes().erase(configurations_table, key);
    one = configurations->seek("");
  }
}

void Log::commit() {
  Impl& log = *impl_;
  {
    std::lock_guard lock(log.mutex);
    if (log.posted_mark && !log.staged_reset) log.set_mark(*log.posted_mark);
    log.posted_mark.reset();
  }
  log.close_record();
  if (!log.writer) return;
  auto writer = std::move(log.writer);
  writer->commit();
  log.staged_reset = false;
  // A few may have come with much else, which would stay with them until as many have followed.
  std::vector<LoggedTxn> appended;
  for (const auto& [zxid, txn] : log.appended) appended.push_back({zxid, txn.view()});
  auto recent = together(appended);
  std::lock_guard lock(log.mutex);
  log.durable = log.staged;
  if (log.cut) log.recent.restart(*std::exchange(log.cut, std::nullopt));
  for (auto& txn : recent) log.recent.add(std::move(txn));
  log.appended.clear();
}

bool Log::due() const { return impl_->kv.due(); }
bool Log::overdue() const { return impl_->kv.overdue(); }
bool Log::freeze() { return impl_->kv.freeze(); }
void Log::flush() { impl_->kv.flush(); }
void Log::close() {
  commit();
  impl_->kv.sync();
}

void Log::post_state_mark(const StateMark& mark) {
  std::lock_guard lock(impl_->mutex);
  impl_->posted_mark = mark;
}

std::vector<Proposal> Log::read(Zxid after, std::size_t max_bytes, Zxid upto) const {
  {
    std::lock_guard lock(impl_->mutex);
    if (after >= std::max(impl_->durable.base, impl_->recent.after())) {
      return impl_->recent.read(after, max_bytes, upto);
    }
  }
  auto reader = impl_->kv.read();
  // By the base in the same snapshot: the log writer may be pruning.
  if (after.value < number(*reader, "base").value_or(0)) {
    throw Pruned("the transactions after " + to_string(after) + " are pruned from the log");
  }
  std::vector<LoggedTxn> found, in_record;
  std::size_t bytes = 0;
  bool enough = false;
  auto records = reader->cursor(log_table);
  // What is not needed is not looked at: it may be large, or damaged.
  for (auto record = records->seek(big_endian(after.next().value)); record; record = records->next()) {
    in_record.clear();
    impl_->read(*record, in_record);
    for (const auto& one : in_record) {
      if (one.zxid <= after) continue;
      enough = one.zxid > upto || (!found.empty() && bytes + one.txn.size() > max_bytes);
      if (enough) break;
      if (!found.empty() && one.zxid <= found.back().zxid) impl_->fail_damaged("its records overlap");
      found.push_back(one);
      bytes += one.txn.size();
      enough = one.zxid == upto || bytes >= max_bytes;
      if (enough) break;
    }
    if (enough) break;
  }

  return together(found);
}

std::optional<Zxid> Log::floor(Zxid zxid) const {
  auto reader = impl_->kv.read();
  const Zxid base{number(*reader, "base").value_or(0)};
  if (zxid < base) return std::nullopt;
  return impl_->floor(*reader, base, zxid);
}

}  // namespace troupe::store
