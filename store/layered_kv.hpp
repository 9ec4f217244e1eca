// A Kv whose commits go to memory, over one on disk that gets them later, many at once: what changes
// often is then written once, and in the order of the keys. A crash loses what was not flushed: for data that can
// be made anew from elsewhere, which are the state, from the log, and the log, from its journal.
//
//   write() ──▶ active memtable ──freeze()──▶ frozen memtable ──flush()──▶ base
//                                                        └──▶ flushed memtable, until the next flush
//
// Each flush is one transaction of the base and holds all that was committed up to its freeze, so the
// base stands at an earlier state, but never at half of one. What was flushed last can be looked up in memory still, if
// that is wanted: what changes often is there, in one of the three.
//
// Threads: write(), freeze() and waiting_bytes() on one thread, flush() on one other, read() on any; a
// reader is used by one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "store/kv.hpp"
#include "store/memtable.hpp"

namespace troupe::store {

class LayeredKv final : public Kv {
 public:
  /// `keep_flushed`: for look-ups, at the price of its memory.
  LayeredKv(std::unique_ptr<Kv> base, std::size_t tables, bool keep_flushed = true);

  std::unique_ptr<KvReader> read() override;
  std::unique_ptr<KvWriter> write() override;
  /// Brings all into the base and flushes that. No other call may be under way.
  void sync() override;

  Kv& base() { return *base_; }

  /// Memory of the commits that are not frozen yet, in bytes; 0 if there is none.
  std::size_t waiting_bytes() const;
  /// What was committed so far is to be flushed. Does nothing, and answers false, while an earlier
  /// freeze is not flushed, or if there is nothing to flush.
  bool freeze();
  /// Brings what is frozen into the base, with what `also` adds to the same transaction; does nothing if
  /// nothing is frozen. Throws StorageError; what is frozen stays so.
  void flush(const std::function<void(KvWriter& base)>& also = nullptr);

 private:
  friend class LayeredWriter;

  struct State {  // of all that is committed
    std::shared_ptr<Memtable> active;
    std::shared_ptr<const Memtable> frozen;   // null: nothing waits for the base
    std::shared_ptr<const Memtable> flushed;  // null: nothing was; the base has it all
    std::uint64_t sequence = 0;
    std::vector<std::size_t> entries;
  };

  const std::unique_ptr<Kv> base_;
  const bool keep_flushed_;
  mutable std::mutex mutex_;
  State state_;                      // guarded by mutex_; changed by the writer's thread, but for `frozen`
                                     // and `flushed`
  std::uint64_t frozen_at_ = 0;      // guarded by mutex_
  std::uint64_t frozen_before_ = 0;  // writer's thread: the sequence of the last freeze
  bool writing_ = false;             // writer's thread
};

}  // namespace troupe::store
