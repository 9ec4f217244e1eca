// Kv in memory, with many versions: each key holds its values by the sequence of the commit that
// wrote them, as far back as the oldest living reader may look. A commit costs what it changes,
// however many readers live.
//
// Owner: the simulation's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "store/kv.hpp"

namespace troupe::store {

struct MemoryEnv {
  struct Version {
    std::uint64_t sequence;
    std::shared_ptr<const std::string> value;  // null: erased
  };
  using Versions = std::vector<Version>;  // by sequence; never empty
  using Map = std::map<std::string, Versions, std::less<>>;

  struct Obsolete {  // what the commit `sequence` left behind in `versions`
    std::uint64_t sequence;
    Table table;
    Map::iterator versions;
  };

  MemoryEnv(std::vector<std::string> names, bool durable_);

  static const std::string* visible(const Versions& versions, std::uint64_t sequence);
  void release_reader(std::uint64_t of);
  void drop_obsolete();
  /// What is committed, in an environment of its own.
  std::shared_ptr<MemoryEnv> image(bool flushed_image) const;

  std::vector<std::string> tables;
  bool durable;
  std::vector<Map> maps;
  std::vector<std::size_t> counts;  // entries per table, committed
  std::uint64_t sequence = 0;       // of the last commit
  std::uint64_t flushed = 0;        // of the last commit that survives a power cut
  bool created_flushed;             // the environment itself survives one
  bool damaged = false;
  bool writing = false;
  std::multiset<std::uint64_t> readers;
  std::deque<Obsolete> obsolete;
  std::shared_ptr<const bool> full = std::make_shared<bool>(false);  // of the machine's disk
};

class MemoryKv final : public Kv {
 public:
  explicit MemoryKv(std::shared_ptr<MemoryEnv> env) : env_(std::move(env)) {}
  std::unique_ptr<KvReader> read() override;
  std::unique_ptr<KvWriter> write() override;
  void sync() override;
  const MemoryEnv& env() const { return *env_; }

 private:
  std::shared_ptr<MemoryEnv> env_;
};

[[noreturn]] void fail_full();

}  // namespace troupe::store
