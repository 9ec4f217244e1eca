// What a start reads does not grow with the tree. `troupe bench startup` measures the time of it.
#include "store/data_dir.hpp"
#include "tests/catch.hpp"
#include "tests/store/counting_disk.hpp"
#include "tests/store/machines.hpp"
#include "tests/store/txns.hpp"

namespace troupe::store::testing {
namespace {

constexpr PeerId self{1};
constexpr std::uint32_t behind = 10;  // transactions that are logged and not yet applied

enum class End { stopped, killed };

/// All that was applied is in state/, and all that was logged in the log's tables: nodes see to it that little is not.
void flush(DataDir& dir) {
  if (dir.tree().kv().freeze()) dir.flush_state();
  if (dir.log().freeze()) dir.log().flush();
}

/// A start from a directory with so many znodes and a checkpoint in the middle, and the transactions
/// that are yet to be applied.
ReadCount reads_of_a_start(std::uint32_t znodes, End end) {
  MemoryMachine machine;
  {
    DataDir dir(machine.disk(), self, test_options);
    std::vector<Proposal> history;
    for (std::uint32_t i = 1; i <= znodes; ++i) {
      history.push_back(create_txn(Zxid::of({1}, i), "/n" + std::to_string(i), std::string(100, 'd')));
      dir.log().append(history.back());
      dir.log().commit();  // each alone: in how many records the last ones lie is the same in each log
    }
    const auto half = history.begin() + znodes / 2;
    dir.tree().apply({history.begin(), half});
    flush(dir);
    dir.log().set_checkpoint(dir.write_checkpoint());
    dir.log().commit();
    dir.tree().apply({half, history.end() - behind});
    flush(dir);
    if (end == End::stopped) dir.close();
  }
  ReadCount count;
  DataDir dir(std::make_unique<CountingDisk>(machine.disk(), count), self, test_options);
  const auto missed = dir.log().read(dir.tree().applied(), 1 << 20);
  REQUIRE(missed.size() == behind);
  dir.tree().apply(missed);
  REQUIRE(dir.tree().applied() == Zxid::of({1}, znodes));
  return count;
}

}  // namespace

TEST_CASE("a start reads as much of a large tree as of a small one") {
  for (End end : {End::stopped, End::killed}) {
    const ReadCount small = reads_of_a_start(100, end), large = reads_of_a_start(20'000, end);
    CHECK(small.entries == large.entries);
    CHECK(small.copies == 0);
    CHECK(large.copies == 0);
    CHECK(large.entries < 200);  // of which ten transactions take most
  }
}

}  // namespace troupe::store::testing
