// Recent changes of a Kv, in memory: an ordered map that keeps every version of a value, so that a
// reader sees it as it was at its own sequence number, whatever is written meanwhile.
//
// A hash index for the single look-ups that nearly all reads are, a skip list for the order. A new key waits outside
// the list until somebody asks for the order: to sort many at once costs half of finding the place of each, and most
// are asked for in order only once, by who flushes them. Sources: W. Pugh, "Skip lists: a probabilistic alternative to
// balanced trees" (1990); that one may link while readers walk, if each pointer is published once its target is
// complete, is folklore of log-structured stores.
//
// Threads: one writer; readers on any thread. A look-up takes no lock; a walk may take one where it begins, to put in
// order what is new. A reader must have learned its sequence number from the writer in a way that orders memory (a
// mutex, a message). What was returned stays valid as long as the memtable. Nothing is freed before all of it is.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "store/kv.hpp"

namespace troupe::store {

class Memtable {
 public:
  Memtable();
  Memtable(const Memtable&) = delete;
  Memtable& operator=(const Memtable&) = delete;

  /// A value, or the mark that says that the key has none; the data is null then.
  struct Found {
    std::optional<std::string_view> value;
  };

  // --- the writer ---

  /// No value: the key is erased.
  void set(Table table, std::string_view key, std::optional<std::string_view> value, std::uint64_t sequence);
  /// Takes back everything of `sequence`, which nobody may have been told of.
  void roll_back(std::uint64_t sequence);
  /// Memory that what was set takes, bytes.
  std::size_t bytes() const { return bytes_; }

  // --- readers ---

  /// A key's place in every memtable's index.
  static std::uint64_t hash_of(Table table, std::string_view key);
  // Fetch what find() looks at, each what the one before has led to: for who looks in several memtables, or for
  // several keys, and takes each step for all of them before the next.
  void prefetch_bucket(std::uint64_t hash) const { __builtin_prefetch(&bucket(hash)); }
  void prefetch_node(std::uint64_t hash) const;
  void prefetch_value(std::uint64_t hash) const;
  /// None: the memtable knows nothing of the key up to `sequence`. `hash`: hash_of() it.
  std::optional<Found> find(std::uint64_t hash, Table table, std::string_view key, std::uint64_t sequence) const;

  struct Node;
  static std::string_view key_of(const Node& node);
  /// The newest version up to `sequence`; none as in find().
  static std::optional<Found> version_of(const Node& node, std::uint64_t sequence);

  // Walks in order. They know all keys that were set before the walk began.

  /// The table's first node with a key ≥ `key`; null at its end.
  const Node* seek(Table table, std::string_view key) const;
  const Node* next(const Node& node) const;
  /// The table's last node with a key < `key`.
  const Node* before(Table table, std::string_view key) const;
  const Node* last(Table table) const;

 private:
  static constexpr int max_height = 14;
  static constexpr std::size_t bucket_count = 1 << 14;

  struct Fresh;
  struct Version {
    std::uint64_t sequence;
    const Version* older;
    std::uint32_t size;
    bool erased;
    // The value's bytes follow.
  };

  void* allocate(std::size_t bytes);
  std::atomic<Node*>& bucket(std::uint64_t hash) const { return buckets_[hash % bucket_count]; }
  Node* lookup(std::uint64_t hash, Table table, std::string_view key) const;
  Node* insert(std::uint64_t hash, Table table, std::string_view key);
  int random_height();
  /// Links what waits to be. Without memory for it the process ends: what was taken from the list must not be lost.
  void order() const noexcept;
  void link(Node* node) const;
  bool follows_last(const Node& node) const;
  /// The last node before (table, key), or the head; `path` gets the one of each level.
  const Node* less_than(Table table, std::string_view key, Node** path) const;
  const Node* within(const Node* node, Table table) const;

  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* free_ = nullptr;
  std::size_t left_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t random_ = 0x9e3779b97f4a7c15u;
  std::vector<Node*> touched_;  // by the writer's open sequence
  std::uint64_t touched_in_ = 0;
  std::unique_ptr<std::atomic<Node*>[]> buckets_;

  Node* head_;  // of the skip list
  // The nodes outside the list, the newest first; each one's lowest link is the next here.
  mutable std::atomic<Node*> unordered_ = nullptr;
  // How many were ever inserted, and how many of them, the oldest ones, are in the list.
  std::atomic<std::size_t> inserted_ = 0;
  mutable std::atomic<std::size_t> ordered_ = 0;
  mutable std::mutex ordering_;
  // Guarded by it: by level, the last node up to the one that was linked last. What comes in order needs no search.
  mutable Node* path_[max_height];
};

}  // namespace troupe::store
