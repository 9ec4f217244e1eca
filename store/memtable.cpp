#include "store/memtable.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <new>
#include <tuple>
#include <utility>

#include "schema/check.hpp"

namespace troupe::store {
namespace {
// Below what the allocator gives back to the system at once (apps/allocator.cpp): the next memtable takes the blocks
// of an earlier one.
constexpr std::size_t block_size = 128 << 10;

/// The bits that do not choose the bucket.
std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

std::string_view common_prefix(std::string_view a, std::string_view b) {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return a.substr(0, static_cast<std::size_t>(end - a.begin()));
}

/// A key's first bytes as a number: of two keys the one with the lesser number comes first.
std::uint64_t rank_of(std::string_view key) {
  std::uint64_t number = 0;
  std::memcpy(&number, key.data(), std::min(key.size(), sizeof number));
  return __builtin_bswap64(number);
}

template <int lines>
void prefetch_lines(const void* from) {
  constexpr int line = 64;
  for (int i = 0; i < lines; ++i) __builtin_prefetch(static_cast<const char*>(from) + i * line);
}
}  // namespace

struct Memtable::Node {
  std::atomic<const Version*> newest = nullptr;
  Node* next_in_bucket = nullptr;
  std::uint32_t tag = 0;  // of the key's hash: who has another is not it, and need not be read further
  Table table = 0;
  std::uint32_t key_size = 0;
  // `height` atomic pointers follow, then the key's bytes.
  int height = 0;

  std::atomic<Node*>* links() const { return reinterpret_cast<std::atomic<Node*>*>(const_cast<Node*>(this) + 1); }
  std::atomic<Node*>& link(int level) const { return links()[level]; }
  char* key_bytes() const { return reinterpret_cast<char*>(links() + height); }
  std::string_view key() const { return {key_bytes(), key_size}; }
  bool comes_before(Table other_table, std::string_view other_key) const {
    return table != other_table ? table < other_table : key() < other_key;
  }
};

/// A node outside the list, with what nearly always says which of two comes first: keys lie apart in memory.
struct Memtable::Fresh {
  Table table;
  std::uint64_t rank;  // of the key, behind what all keys begin with
  Node* node;
  bool operator<(const Fresh& other) const {
    return std::tie(table, rank) != std::tie(other.table, other.rank)
               ? std::tie(table, rank) < std::tie(other.table, other.rank)
               : node->key() < other.node->key();
  }
};

Memtable::Memtable() : buckets_(new std::atomic<Node*>[bucket_count]()) {
  head_ = new (allocate(sizeof(Node) + max_height * sizeof(std::atomic<Node*>))) Node;
  head_->height = max_height;
  for (int level = 0; level < max_height; ++level) new (&head_->link(level)) std::atomic<Node*>(nullptr);
  std::fill_n(path_, max_height, head_);
}

void* Memtable::allocate(std::size_t bytes) {
  constexpr std::size_t alignment = alignof(std::max_align_t);
  bytes = (bytes + alignment - 1) / alignment * alignment;
  bytes_ += bytes;
  if (bytes > left_) {
    // What does not fit into the rest of a block gets one of its own if it is large.
    const std::size_t size = std::max(bytes, block_size);
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(size));
    if (size > block_size) return blocks_.back().get();
    free_ = blocks_.back().get();
    left_ = size;
  }
  left_ -= bytes;
  return std::exchange(free_, free_ + bytes);
}

int Memtable::random_height() {
  // Each level holds a quarter of the one below (xorshift).
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return std::min(max_height, 1 + std::countr_zero(random_ | (1ull << 62)) / 2);
}

std::uint64_t Memtable::hash_of(Table table, std::string_view key) {
  return XXH3_64bits_withSeed(key.data(), key.size(), table);
}

Memtable::Node* Memtable::lookup(std::uint64_t hash, Table table, std::string_view key) const {
  Node* node = bucket(hash).load(std::memory_order_acquire);
  while (node != nullptr && (node->tag != tag_of(hash) || node->table != table || node->key() != key)) {
    node = node->next_in_bucket;
  }
  return node;
}

void Memtable::prefetch_node(std::uint64_t hash) const {
  const Node* node = bucket(hash).load(std::memory_order_acquire);
  if (node != nullptr) prefetch_lines<2>(node);  // the key is there, or begins there
}

void Memtable::prefetch_value(std::uint64_t hash) const {
  const Node* node = bucket(hash).load(std::memory_order_acquire);
  while (node != nullptr && node->tag != tag_of(hash)) node = node->next_in_bucket;
  if (node == nullptr) return;
  const Version* version = node->newest.load(std::memory_order_acquire);
  if (version != nullptr) prefetch_lines<4>(version);  // a znode with some hundred bytes of data
}

const Memtable::Node* Memtable::less_than(Table table, std::string_view key, Node** path) const {
  Node* at = head_;
  for (int level = max_height - 1; level >= 0; --level) {
    for (;;) {
      Node* next = at->link(level).load(std::memory_order_acquire);
      if (next == nullptr || !next->comes_before(table, key)) break;
      at = next;
    }
    if (path != nullptr) path[level] = at;
  }
  return at;
}

/// Whether its place is right behind the node that was linked last.
bool Memtable::follows_last(const Node& node) const {
  const Node* last = path_[0];
  if (last == head_ || !last->comes_before(node.table, node.key())) return false;
  const Node* next = last->link(0).load(std::memory_order_relaxed);
  return next == nullptr || node.comes_before(next->table, next->key());
}

void Memtable::link(Node* node) const {
  if (!follows_last(*node)) less_than(node->table, node->key(), path_);
  for (int level = 0; level < node->height; ++level) {
    node->link(level).store(path_[level]->link(level).load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  for (int level = 0; level < node->height; ++level) {
    path_[level]->link(level).store(node, std::memory_order_release);
    path_[level] = node;
  }
}

void Memtable::order() const noexcept {
  // Whoever may see a key sees that it was inserted, and so waits here until it is linked.
  if (ordered_.load(std::memory_order_acquire) >= inserted_.load(std::memory_order_acquire)) return;
  std::lock_guard lock(ordering_);
  std::vector<Fresh> fresh;
  std::vector<std::string_view> common;  // what the keys of each table begin with
  for (Node* node = unordered_.exchange(nullptr, std::memory_order_acquire); node != nullptr;
       node = node->link(0).load(std::memory_order_relaxed)) {
    fresh.push_back({node->table, 0, node});
    if (common.size() <= node->table) common.resize(node->table + 1);
    auto& prefix = common[node->table];
    prefix = prefix.data() == nullptr ? node->key() : common_prefix(prefix, node->key());
  }
  for (auto& [table, rank, node] : fresh) rank = rank_of(node->key().substr(common[table].size()));
  std::sort(fresh.begin(), fresh.end());
  for (const auto& each : fresh) link(each.node);
  ordered_.fetch_add(fresh.size(), std::memory_order_release);
}

Memtable::Node* Memtable::insert(std::uint64_t hash, Table table, std::string_view key) {
  const int height = random_height();
  Node* node = new (allocate(sizeof(Node) + height * sizeof(std::atomic<Node*>) + key.size())) Node;
  node->tag = tag_of(hash);
  node->table = table;
  node->key_size = static_cast<std::uint32_t>(key.size());
  node->height = height;
  std::memcpy(node->key_bytes(), key.data(), key.size());
  for (int level = 0; level < height; ++level) new (&node->link(level)) std::atomic<Node*>(nullptr);

  auto& first = bucket(hash);
  node->next_in_bucket = first.load(std::memory_order_relaxed);
  first.store(node, std::memory_order_release);

  Node* newest = unordered_.load(std::memory_order_relaxed);
  do {
    node->link(0).store(newest, std::memory_order_relaxed);
  } while (!unordered_.compare_exchange_weak(newest, node, std::memory_order_release, std::memory_order_relaxed));
  inserted_.fetch_add(1, std::memory_order_release);
  return node;
}

void Memtable::set(Table table, std::string_view key, std::optional<std::string_view> value, std::uint64_t sequence) {
  if (touched_in_ != sequence) {
    touched_.clear();
    touched_in_ = sequence;
  }
  const std::uint64_t hash = hash_of(table, key);
  Node* node = lookup(hash, table, key);
  if (node == nullptr) node = insert(hash, table, key);
  const std::size_t size = value ? value->size() : 0;
  auto* version = new (allocate(sizeof(Version) + size)) Version;
  version->sequence = sequence;
  version->older = node->newest.load(std::memory_order_relaxed);
  version->size = static_cast<std::uint32_t>(size);
  version->erased = !value;
  if (size != 0) std::memcpy(version + 1, value->data(), size);
  node->newest.store(version, std::memory_order_release);
  touched_.push_back(node);
}

void Memtable::roll_back(std::uint64_t sequence) {
  if (touched_in_ != sequence) return;
  for (Node* node : touched_) {
    const Version* version = node->newest.load(std::memory_order_relaxed);
    while (version != nullptr && version->sequence == sequence) version = version->older;
    node->newest.store(version, std::memory_order_release);
  }
  touched_.clear();
}

std::optional<Memtable::Found> Memtable::find(std::uint64_t hash, Table table, std::string_view key,
                                              std::uint64_t sequence) const {
  const Node* node = lookup(hash, table, key);
  return node != nullptr ? version_of(*node, sequence) : std::nullopt;
}

std::string_view Memtable::key_of(const Node& node) { return node.key(); }

std::optional<Memtable::Found> Memtable::version_of(const Node& node, std::uint64_t sequence) {
  const Version* version = node.newest.load(std::memory_order_acquire);
  while (version != nullptr && version->sequence > sequence) version = version->older;
  if (version == nullptr) return std::nullopt;
  if (version->erased) return Found{};
  return Found{std::string_view(reinterpret_cast<const char*>(version + 1), version->size)};
}

const Memtable::Node* Memtable::within(const Node* node, Table table) const {
  return node != nullptr && node != head_ && node->table == table ? node : nullptr;
}

const Memtable::Node* Memtable::seek(Table table, std::string_view key) const {
  order();
  return within(less_than(table, key, nullptr)->link(0).load(std::memory_order_acquire), table);
}

const Memtable::Node* Memtable::next(const Node& node) const {
  return within(node.link(0).load(std::memory_order_acquire), node.table);
}

const Memtable::Node* Memtable::before(Table table, std::string_view key) const {
  order();
  return within(less_than(table, key, nullptr), table);
}

const Memtable::Node* Memtable::last(Table table) const {
  order();
  return within(less_than(table + 1, {}, nullptr), table);
}

}  // namespace troupe::store
