#include "store/layered_kv.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "schema/check.hpp"

namespace troupe::store {
namespace {

/// What a reader or a writer sees: the base as it was when it was opened, under the memtables up to
/// a sequence number. What is flushed is in the base as well; its memtable is only the faster place to look.
struct Layers {
  std::unique_ptr<KvReader> base;
  std::shared_ptr<const Memtable> active, frozen, flushed;
  std::uint64_t sequence = 0;

  std::optional<std::string_view> get(Table table, std::string_view key) const {
    const std::uint64_t hash = Memtable::hash_of(table, key);
    take(&Memtable::prefetch_bucket, {&hash, 1});
    for (const auto* memtable : newest_first()) {
      if (memtable == nullptr) continue;
      if (const auto found = memtable->find(hash, table, key, sequence)) return found->value;
    }
    return base->get(table, key);
  }

  void prefetch(Table table, std::span<const std::string_view> keys) const {
    constexpr std::size_t at_once = 16;  // some more than a processor fetches at a time
    std::array<std::uint64_t, at_once> hashes;
    for (; !keys.empty(); keys = keys.subspan(std::min(at_once, keys.size()))) {
      const std::span some(hashes.data(), std::min(at_once, keys.size()));
      for (std::size_t i = 0; i < some.size(); ++i) some[i] = Memtable::hash_of(table, keys[i]);
      for (const auto step : {&Memtable::prefetch_bucket, &Memtable::prefetch_node, &Memtable::prefetch_value}) {
        take(step, some);
      }
    }
  }

 private:
  std::array<const Memtable*, 3> newest_first() const { return {active.get(), frozen.get(), flushed.get()}; }

  /// A step of fetching, in all memtables.
  void take(void (Memtable::*step)(std::uint64_t) const, std::span<const std::uint64_t> hashes) const {
    for (const auto hash : hashes) {
      for (const auto* memtable : newest_first()) {
        if (memtable != nullptr) (memtable->*step)(hash);
      }
    }
  }
};

/// Walks all layers side by side: each stands at its nearest entry in the direction of the walk. Which of them stand at
/// the entry that was returned is known, so a step compares what each stands at with the nearest so far, and no more.
class LayeredCursor final : public KvCursor {
 public:
  LayeredCursor(const Layers& layers, Table table)
      : table_(table),
        sequence_(layers.sequence),
        memtables_{layers.active.get(), layers.frozen.get()},
        base_(layers.base->cursor(table)) {}

  std::optional<Entry> seek(std::string_view key) override {
    forward_ = true;
    place([&](const Memtable& memtable) { return memtable.seek(table_, key); }, base_->seek(key));
    return settle();
  }

  std::optional<Entry> next() override {
    if (current_ == 0) return std::nullopt;
    if (!forward_) {
      const auto key = current_key();
      const auto at = seek(key);
      if (!at || at->key != key) return at;  // it was erased meanwhile, and this is the one after it
    }
    step();
    return settle();
  }

  std::optional<Entry> previous() override {
    if (current_ == 0) return std::nullopt;
    if (forward_) {
      forward_ = false;
      const auto key = current_key();
      const auto at = base_->seek(key);
      place([&](const Memtable& memtable) { return memtable.before(table_, key); },
            at ? base_->previous() : base_->last());
    } else {
      step();
    }
    return settle();
  }

  std::optional<Entry> last() override {
    forward_ = false;
    place([&](const Memtable& memtable) { return memtable.last(table_); }, base_->last());
    return settle();
  }

 private:
  static constexpr std::size_t base = 2, layer_count = 3;  // the memtables come before it, the newest first
  static constexpr unsigned bit(std::size_t layer) { return 1u << layer; }

  void stand(std::size_t memtable, const Memtable::Node* at) {
    nodes_[memtable] = at;
    keys_[memtable] = at != nullptr ? Memtable::key_of(*at) : std::string_view();
  }
  void stand_in_base(const std::optional<Entry>& at) {
    keys_[base] = at ? at->key : std::string_view();
    base_value_ = at ? at->value : std::string_view();
  }
  template <typename Where>
  void place(const Where& where, const std::optional<Entry>& in_base) {
    for (std::size_t i = 0; i < base; ++i) stand(i, memtables_[i] != nullptr ? where(*memtables_[i]) : nullptr);
    stand_in_base(in_base);
  }

  std::string_view current_key() const { return keys_[static_cast<std::size_t>(std::countr_zero(current_))]; }

  /// Moves the layers that stand at the current key on by one.
  void step() {
    for (std::size_t i = 0; i < base; ++i) {
      if ((current_ & bit(i)) == 0) continue;
      stand(i, forward_ ? memtables_[i]->next(*nodes_[i]) : memtables_[i]->before(table_, keys_[i]));
    }
    if ((current_ & bit(base)) != 0) stand_in_base(forward_ ? base_->next() : base_->previous());
  }

  /// Makes the nearest key that has a value the current one, from where the layers stand.
  std::optional<Entry> settle() {
    for (;;) {
      std::string_view key;
      current_ = 0;
      for (std::size_t i = 0; i < layer_count; ++i) {
        if (keys_[i].empty()) continue;
        const int order = current_ == 0 ? -1 : forward_ ? keys_[i].compare(key) : key.compare(keys_[i]);
        if (order > 0) continue;
        if (order < 0) key = keys_[i];
        current_ = order < 0 ? bit(i) : current_ | bit(i);
      }
      if (current_ == 0) return std::nullopt;
      if (const auto value = current_value()) return Entry{key, *value};
      step();
    }
  }

  /// The newest layer that knows the key decides.
  std::optional<std::string_view> current_value() const {
    for (std::size_t i = 0; i < base; ++i) {
      if ((current_ & bit(i)) == 0) continue;
      if (const auto found = Memtable::version_of(*nodes_[i], sequence_)) return found->value;
    }
    return (current_ & bit(base)) != 0 ? std::optional(base_value_) : std::nullopt;
  }

  const Table table_;
  const std::uint64_t sequence_;
  const std::array<const Memtable*, base> memtables_;
  const std::unique_ptr<KvCursor> base_;
  std::array<const Memtable::Node*, base> nodes_ = {};
  std::string_view base_value_;
  std::array<std::string_view, layer_count> keys_;  // where each layer stands; empty, which no key is: beyond its last
  unsigned current_ = 0;                            // the layers at the entry that was returned, a bit each
  bool forward_ = true;
};

class LayeredReader final : public KvReader {
 public:
  LayeredReader(Layers layers, std::vector<std::size_t> entries)
      : layers_(std::move(layers)), entries_(std::move(entries)) {}

  std::optional<std::string_view> get(Table table, std::string_view key) const override {
    return layers_.get(table, key);
  }
  void prefetch(Table table, std::span<const std::string_view> keys) const override { layers_.prefetch(table, keys); }
  std::unique_ptr<KvCursor> cursor(Table table) const override {
    return std::make_unique<LayeredCursor>(layers_, table);
  }
  std::size_t entries(Table table) const override { return entries_.at(table); }

 private:
  const Layers layers_;
  const std::vector<std::size_t> entries_;
};

}  // namespace

class LayeredWriter final : public KvWriter {
 public:
  explicit LayeredWriter(LayeredKv& kv) : kv_(kv) {
    TROUPE_CHECK(!std::exchange(kv_.writing_, true), "an environment has one writer at a time");
    std::lock_guard lock(kv_.mutex_);
    memtable_ = kv_.state_.active.get();
    layers_ = {kv_.base_->read(), kv_.state_.active, kv_.state_.frozen, kv_.state_.flushed, kv_.state_.sequence + 1};
    entries_ = kv_.state_.entries;
  }
  ~LayeredWriter() override {
    if (!open_) return;
    memtable_->roll_back(layers_.sequence);
    kv_.writing_ = false;
  }

  std::optional<std::string_view> get(Table table, std::string_view key) const override {
    return layers_.get(table, key);
  }
  std::unique_ptr<KvCursor> cursor(Table table) const override {
    return std::make_unique<LayeredCursor>(layers_, table);
  }
  std::size_t entries(Table table) const override { return entries_.at(table); }

  void put(Table table, std::string_view key, std::string_view value) override {
    layers_.get(table, key) ? replace(table, key, value) : insert(table, key, value);
  }
  void insert(Table table, std::string_view key, std::string_view value) override {
    ++entries_.at(table);
    replace(table, key, value);
  }
  void replace(Table table, std::string_view key, std::string_view value) override {
    TROUPE_CHECK(!key.empty() && key.size() <= max_key_size, "a key has 1 to 511 bytes");
    memtable_->set(table, key, value, layers_.sequence);
    last_.reset();
  }
  void append(Table table, std::string_view key, std::string_view value) override {
    TROUPE_CHECK(!key.empty() && key.size() <= max_key_size, "a key has 1 to 511 bytes");
    TROUPE_CHECK(comes_last(table, key), "an appended key comes after all others");
    ++entries_.at(table);
    memtable_->set(table, key, value, layers_.sequence);
    last_.emplace(table, key);
  }
  bool erase(Table table, std::string_view key) override {
    if (!layers_.get(table, key)) return false;
    --entries_.at(table);
    memtable_->set(table, key, std::nullopt, layers_.sequence);
    last_.reset();
    return true;
  }
  void clear(Table table) override {
    const auto all = cursor(table);
    for (auto entry = all->seek(""); entry; entry = all->next()) erase(table, entry->key);
  }
  void commit() override {
    TROUPE_CHECK(std::exchange(open_, false), "a writer commits once");
    kv_.writing_ = false;
    std::lock_guard lock(kv_.mutex_);
    kv_.state_.sequence = layers_.sequence;
    kv_.state_.entries = std::move(entries_);
  }

 private:
  bool comes_last(Table table, std::string_view key) const {
    if (last_ && last_->first == table) return last_->second < key;
    const auto last = cursor(table)->last();
    return !last || last->key < key;
  }

  LayeredKv& kv_;
  Memtable* memtable_;
  Layers layers_;
  std::vector<std::size_t> entries_;
  std::optional<std::pair<Table, std::string>> last_;  // the table's last key, if that is known: it was appended
  bool open_ = true;
};

LayeredKv::LayeredKv(std::unique_ptr<Kv> base, std::size_t tables, bool keep_flushed)
    : base_(std::move(base)), keep_flushed_(keep_flushed) {
  state_.active = std::make_shared<Memtable>();
  const auto reader = base_->read();
  for (Table table = 0; table < tables; ++table) state_.entries.push_back(reader->entries(table));
}

std::unique_ptr<KvReader> LayeredKv::read() {
  std::lock_guard lock(mutex_);
  // The base holds whatever the memtables that are there now do not.
  return std::make_unique<LayeredReader>(
      Layers{base_->read(), state_.active, state_.frozen, state_.flushed, state_.sequence}, state_.entries);
}

std::unique_ptr<KvWriter> LayeredKv::write() { return std::make_unique<LayeredWriter>(*this); }

std::size_t LayeredKv::waiting_bytes() const { return state_.sequence == frozen_before_ ? 0 : state_.active->bytes(); }

bool LayeredKv::freeze() {
  TROUPE_CHECK(!writing_, "nothing is frozen while it is written");
  if (waiting_bytes() == 0) return false;
  auto fresh = std::make_shared<Memtable>();
  std::lock_guard lock(mutex_);
  if (state_.frozen) return false;
  state_.frozen = std::exchange(state_.active, std::move(fresh));
  frozen_at_ = frozen_before_ = state_.sequence;
  return true;
}

void LayeredKv::flush(const std::function<void(KvWriter&)>& also) {
  std::shared_ptr<const Memtable> frozen;
  std::uint64_t at;
  std::size_t tables;
  {
    std::lock_guard lock(mutex_);
    frozen = state_.frozen;
    at = frozen_at_;
    tables = state_.entries.size();
  }
  if (!frozen) return;
  const auto writer = base_->write();
  for (Table table = 0; table < tables; ++table) {
    const auto last_entry = writer->cursor(table)->last();
    const std::string last(last_entry ? last_entry->key : "");
    for (auto* node = frozen->seek(table, {}); node != nullptr; node = frozen->next(*node)) {
      const auto key = Memtable::key_of(*node);
      const auto found = Memtable::version_of(*node, at);
      if (!found) continue;  // of a writer that did not commit
      if (found->value && key > last) {
        writer->append(table, key, *found->value);  // the nodes come in the order of their keys
      } else if (found->value) {
        writer->put(table, key, *found->value);
      } else {
        writer->erase(table, key);
      }
    }
  }
  if (also) also(*writer);
  writer->commit();
  std::lock_guard lock(mutex_);
  state_.flushed = keep_flushed_ ? state_.frozen : nullptr;
  state_.frozen = nullptr;
}

void LayeredKv::sync() {
  flush();
  if (freeze()) flush();
  base_->sync();
}

}  // namespace troupe::store
