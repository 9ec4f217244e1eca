// A durable Kv whose commits cost one flush of the disk, where a B-tree takes two: a commit goes to the
// journal and to memory, and with many others later into the environment below.
//
//   write() ──commit──▶ journal (flushed) ──▶ memtable ──freeze()──▶ frozen ──flush()──▶ base (durable)
//
// The base names the last commit that it holds; at the start those behind it are taken from the journal.
//
// Threads: as LayeredKv; flush() on any thread, it waits for one that is under way.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/journal.hpp"
#include "store/layered_kv.hpp"

namespace troupe::store {

class JournaledKv final : public Kv {
 public:
  static constexpr std::size_t usual_flush_bytes = 2 << 20;

  /// Told what the base holds, before anything is changed; throws if this program must not.
  using Check = std::function<void(const KvReader& base)>;
  /// A part of each flush, on its thread: may drop from the base what nobody reads any more. entries() still counts it.
  using Clean = std::function<void(KvWriter& base)>;

  /// Opens or creates the environment `name` on `disk`; options.durable is a matter of course. `flush_bytes`: of
  /// commits in memory, that are worth bringing into the base. Throws StorageError.
  JournaledKv(Disk& disk, const std::string& name, KvOptions options, std::size_t flush_bytes = usual_flush_bytes,
              const Check& check = nullptr, Clean clean = nullptr);

  std::unique_ptr<KvReader> read() override { return layers_.read(); }
  std::unique_ptr<KvWriter> write() override;
  /// Brings all into the base: the journal is not needed any more. No writer may be open.
  void sync() override;

  /// Whether enough was committed to be brought into the base.
  bool due() const;
  /// Whether so much waits that the next commit should wait, too.
  bool overdue() const;
  /// What was committed so far is to be flushed. False, and nothing is done, while an earlier freeze is not.
  /// The writer's thread; no writer may be open.
  bool freeze();
  /// Brings what is frozen into the base. Throws StorageError.
  void flush();

 private:
  class Writer;

  bool waits_more_than(std::size_t bytes) const;

  JournaledKv(Disk& disk, const std::string& name, std::unique_ptr<Kv> base, std::size_t tables,
              std::size_t flush_bytes, Clean clean);

  const Table own_table_;
  const std::size_t flush_bytes_;
  const Clean clean_;
  LayeredKv layers_;
  Journal journal_;
  std::string spare_record_;  // what the last writer wrote into; one writer has it at a time
  std::mutex flushing_;       // held while it is flushed
  std::uint64_t frozen_ = 0;  // the last commit that is frozen; guarded by flushing_
};

}  // namespace troupe::store
