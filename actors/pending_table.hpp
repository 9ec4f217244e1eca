// Values that proposed transactions leave behind, until the transactions are applied: a hash table
// in which each value carries the zxid of the last transaction that wrote it. The transaction in
// hand can be undone; those up to a zxid can be forgotten in time proportional to what they wrote.
//
// Single thread. Invariant: `touches_` names every item once per transaction that wrote it, in the
// order of the zxids, so an item may be dropped when its own zxid comes up.
#pragma once

#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "schema/types.hpp"

namespace troupe {

template <class Key, class Value, class Hash = std::hash<Key>>
class PendingTable {
 public:
  template <class K>
  const Value* find(const K& key) const {
    const auto it = items_.find(key);
    return it == items_.end() ? nullptr : &it->second.value;
  }

  /// Writes a value in transaction `zxid`, the one in hand. Calls changed(key, before, after) with
  /// pointers that are null where there is no value; likewise below.
  template <class K, class Changed>
  void write(Zxid zxid, const K& key, Value value, const Changed& changed) {
    auto it = items_.find(key);
    if (it == items_.end()) {
      it = items_.emplace(Key(key), Entry{zxid, std::move(value)}).first;
      undo_.push_back({&*it, std::nullopt});
      touches_.push_back({zxid, &*it});
      changed(it->first, nullptr, &it->second.value);
      return;
    }
    Entry& entry = it->second;
    Entry before = std::exchange(entry, Entry{zxid, std::move(value)});
    changed(it->first, &before.value, &entry.value);
    if (before.zxid == zxid) return;
    undo_.push_back({&*it, std::move(before)});
    touches_.push_back({zxid, &*it});
  }

  /// Keeps what the transaction in hand wrote.
  void keep() { undo_.clear(); }

  /// Undoes what the transaction in hand wrote.
  template <class Changed>
  void rollback(const Changed& changed) {
    for (; !undo_.empty(); undo_.pop_back()) {
      auto& [item, before] = undo_.back();
      touches_.pop_back();
      if (before) {
        const Entry after = std::exchange(item->second, std::move(*before));
        changed(item->first, &after.value, &item->second.value);
      } else {
        changed(item->first, &item->second.value, nullptr);
        items_.erase(items_.find(item->first));
      }
    }
  }

  /// Forgets what was written by transactions up to `upto` and not since.
  template <class Changed>
  void forget(Zxid upto, const Changed& changed) {
    for (; !touches_.empty() && touches_.front().zxid <= upto; touches_.pop_front()) {
      const auto [zxid, item] = touches_.front();
      if (item->second.zxid != zxid) continue;
      changed(item->first, &item->second.value, nullptr);
      items_.erase(items_.find(item->first));
    }
  }

  std::size_t size() const { return items_.size(); }

 private:
  struct Entry {
    Zxid zxid;
    Value value;
  };
  using Items = std::unordered_map<Key, Entry, Hash, std::equal_to<>>;
  using Item = typename Items::value_type;
  struct Undo {
    Item* item;
    std::optional<Entry> before;
  };
  struct Touch {
    Zxid zxid;
    Item* item;
  };

  Items items_;
  std::vector<Undo> undo_;
  std::deque<Touch> touches_;
};

}  // namespace troupe
