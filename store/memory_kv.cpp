#include "store/memory_kv.hpp"

#include <algorithm>
#include <utility>

#include "schema/check.hpp"
#include "store/error.hpp"

namespace troupe::store {
namespace {

class MemoryCursor final : public KvCursor {
 public:
  MemoryCursor(const MemoryEnv::Map& map, std::uint64_t sequence) : map_(map), sequence_(sequence) {}

  std::optional<Entry> seek(std::string_view key) override { return forward(map_.lower_bound(key)); }
  std::optional<Entry> next() override { return positioned_ ? forward(std::next(at_)) : std::nullopt; }
  std::optional<Entry> previous() override { return positioned_ ? backward(at_) : std::nullopt; }
  std::optional<Entry> last() override { return backward(map_.end()); }

 private:
  using Iterator = MemoryEnv::Map::const_iterator;

  std::optional<Entry> forward(Iterator from) {
    for (; from != map_.end(); ++from) {
      if (auto found = stop_at(from)) return found;
    }
    positioned_ = false;
    return std::nullopt;
  }
  std::optional<Entry> backward(Iterator before) {
    while (before != map_.begin()) {
      if (auto found = stop_at(--before)) return found;
    }
    positioned_ = false;
    return std::nullopt;
  }
  std::optional<Entry> stop_at(Iterator candidate) {
    const std::string* value = MemoryEnv::visible(candidate->second, sequence_);
    if (!value) return std::nullopt;
    at_ = candidate;
    positioned_ = true;
    return Entry{candidate->first, *value};
  }

  const MemoryEnv::Map& map_;
  std::uint64_t sequence_;
  Iterator at_;
  bool positioned_ = false;
};

const MemoryEnv::Map& map_of(const MemoryEnv& env, Table table) {
  TROUPE_CHECK(table < env.maps.size(), "a table is one of those that the environment was opened with");
  return env.maps[table];
}

std::optional<std::string_view> find(const MemoryEnv& env, Table table, std::string_view key, std::uint64_t sequence) {
  const auto& map = map_of(env, table);
  auto found = map.find(key);
  if (found == map.end()) return std::nullopt;
  const std::string* value = MemoryEnv::visible(found->second, sequence);
  return value ? std::optional<std::string_view>(*value) : std::nullopt;
}

class MemoryReader final : public KvReader {
 public:
  explicit MemoryReader(std::shared_ptr<MemoryEnv> env)
      : env_(std::move(env)), sequence_(env_->sequence), counts_(env_->counts) {
    env_->readers.insert(sequence_);
  }
  ~MemoryReader() override { env_->release_reader(sequence_); }

  std::optional<std::string_view> get(Table table, std::string_view key) const override {
    return find(*env_, table, key, sequence_);
  }
  std::unique_ptr<KvCursor> cursor(Table table) const override {
    return std::make_unique<MemoryCursor>(map_of(*env_, table), sequence_);
  }
  std::size_t entries(Table table) const override { return counts_.at(table); }

 private:
  std::shared_ptr<MemoryEnv> env_;
  std::uint64_t sequence_;
  std::vector<std::size_t> counts_;
};

class MemoryWriter final : public KvWriter {
 public:
  explicit MemoryWriter(std::shared_ptr<MemoryEnv> env)
      : env_(std::move(env)), sequence_(env_->sequence + 1), counts_(env_->counts) {
    TROUPE_CHECK(!std::exchange(env_->writing, true), "an environment has one writer at a time");
  }
  ~MemoryWriter() override {
    if (open_) roll_back();
  }

  std::optional<std::string_view> get(Table table, std::string_view key) const override {
    return find(*env_, table, key, sequence_);
  }
  std::unique_ptr<KvCursor> cursor(Table table) const override {
    return std::make_unique<MemoryCursor>(map_of(*env_, table), sequence_);
  }
  std::size_t entries(Table table) const override { return counts_.at(table); }

  void put(Table table, std::string_view key, std::string_view value) override {
    TROUPE_CHECK(!key.empty() && key.size() <= max_key_size, "a key has 1 to 511 bytes");
    set(table, key, std::make_shared<const std::string>(value));
  }
  void append(Table table, std::string_view key, std::string_view value) override {
    auto last = cursor(table)->last();
    TROUPE_CHECK(!last || last->key < key, "an appended key comes after all others");
    put(table, key, value);
  }
  bool erase(Table table, std::string_view key) override {
    if (!get(table, key)) return false;
    set(table, key, nullptr);
    return true;
  }
  void clear(Table table) override {
    auto all = cursor(table);
    for (auto entry = all->seek(""); entry; entry = all->next()) erase(table, entry->key);
  }

  void commit() override {
    TROUPE_CHECK(open_, "a writer commits once");
    if (*env_->full && !touched_.empty()) {
      roll_back();
      fail_full();
    }
    open_ = env_->writing = false;
    if (touched_.empty()) return;
    env_->sequence = sequence_;
    if (env_->durable) env_->flushed = sequence_;
    env_->counts = counts_;
    env_->obsolete.insert(env_->obsolete.end(), touched_.begin(), touched_.end());
    env_->drop_obsolete();
  }

 private:
  void set(Table table, std::string_view key, std::shared_ptr<const std::string> value) {
    map_of(*env_, table);
    auto& map = env_->maps[table];
    auto at = map.find(key);
    if (at == map.end()) {
      if (!value) return;
      at = map.emplace(std::string(key), MemoryEnv::Versions()).first;
    }
    auto& versions = at->second;
    counts_[table] -= MemoryEnv::visible(versions, sequence_) != nullptr;
    counts_[table] += value != nullptr;
    if (versions.empty() || versions.back().sequence != sequence_) {
      versions.push_back({sequence_, std::move(value)});
      touched_.push_back({sequence_, table, at});
    } else {
      versions.back().value = std::move(value);
    }
  }

  void roll_back() {
    for (auto& [sequence, table, at] : touched_) {
      at->second.pop_back();
      if (at->second.empty()) env_->maps[table].erase(at);
    }
    open_ = env_->writing = false;
  }

  std::shared_ptr<MemoryEnv> env_;
  std::uint64_t sequence_;
  std::vector<std::size_t> counts_;
  std::vector<MemoryEnv::Obsolete> touched_;
  bool open_ = true;
};

}  // namespace

void fail_full() {
  throw StorageError("cannot write: no space left on the disk. Free some space on it, then start the node again.");
}

MemoryEnv::MemoryEnv(std::vector<std::string> names, bool durable_)
    : tables(std::move(names)),
      durable(durable_),
      maps(tables.size()),
      counts(tables.size()),
      created_flushed(durable_) {}

const std::string* MemoryEnv::visible(const Versions& versions, std::uint64_t sequence) {
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    if (version->sequence <= sequence) return version->value.get();
  }
  return nullptr;
}

void MemoryEnv::release_reader(std::uint64_t of) {
  readers.erase(readers.find(of));
  drop_obsolete();
}

void MemoryEnv::drop_obsolete() {
  const std::uint64_t oldest = readers.empty() ? sequence : std::min(sequence, *readers.begin());
  for (; !obsolete.empty() && obsolete.front().sequence <= oldest; obsolete.pop_front()) {
    auto& [at_sequence, table, at] = obsolete.front();
    auto& versions = at->second;
    // Everything before the newest version that the oldest reader can see.
    auto keep =
        std::find_if(versions.rbegin(), versions.rend(), [&](const Version& v) { return v.sequence <= oldest; });
    if (keep == versions.rend()) continue;
    versions.erase(versions.begin(), std::prev(keep.base()));
    if (versions.size() == 1 && !versions.front().value && versions.front().sequence == at_sequence)
      maps[table].erase(at);
  }
}

std::shared_ptr<MemoryEnv> MemoryEnv::image(bool flushed_image) const {
  auto copy = std::make_shared<MemoryEnv>(tables, flushed_image);
  copy->full = full;
  for (Table table = 0; table < maps.size(); ++table) {
    for (const auto& [key, versions] : maps[table]) {
      for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
        if (version->sequence > sequence) continue;
        if (version->value) copy->maps[table].emplace_hint(copy->maps[table].end(), key, Versions{{0, version->value}});
        break;
      }
    }
  }
  copy->counts = counts;
  return copy;
}

std::unique_ptr<KvReader> MemoryKv::read() { return std::make_unique<MemoryReader>(env_); }
std::unique_ptr<KvWriter> MemoryKv::write() { return std::make_unique<MemoryWriter>(env_); }

void MemoryKv::sync() {
  if (*env_->full) fail_full();
  env_->flushed = env_->sequence;
  env_->created_flushed = true;
}

}  // namespace troupe::store
