// The text of quotas, and the statistics that the tree keeps of them.
#include "store/quota.hpp"

#include "store/tree.hpp"
#include "tests/catch.hpp"
#include "tests/store/machines.hpp"
#include "tests/store/txns.hpp"

namespace troupe::store::testing {
namespace {

std::string again(std::string_view text) {
  const auto record = quota::Record::parse(text);
  return record ? record->text() : "unreadable";
}

struct QuotaFixture {
  MemoryMachine machine;
  std::unique_ptr<Disk> disk = machine.disk();
  Tree tree{disk->open("state", {.tables = Tree::tables(), .durable = false})};
  std::uint32_t counter = 0;

  AppliedBatch apply(const Change& change) {
    ++counter;
    return tree.apply({change_txn({.zxid = Zxid::of({1}, counter), .time = counter}, change)});
  }
  std::string statistics(const std::string& path) {
    const auto view = tree.view();
    return std::string(view->get("/zookeeper/quota" + path + "/zookeeper_stats")->data);
  }
  void set_quota(const std::string& path) {
    apply(Create{"/zookeeper/quota" + path});
    apply(Create{"/zookeeper/quota" + path + "/zookeeper_limits", "count=5,bytes=100"});
    apply(Create{"/zookeeper/quota" + path + "/zookeeper_stats", "count=0,bytes=0"});
  }
};

}  // namespace

TEST_CASE("a record is read leniently and written with count and bytes first") {
  CHECK(again("count=5,bytes=100") == "count=5,bytes=100");
  CHECK(again("bytes=7;count=1") == "count=1,bytes=7");
  CHECK(again("") == "count=-1,bytes=-1");
  CHECK(again("count=3,bytes=100=;countHardLimit=3") == "count=3,bytes=100=;countHardLimit=3");
  CHECK(again("countHardLimit=3;byteHardLimit=4") == "count=-1,bytes=-1=;byteHardLimit=4;countHardLimit=3");
  CHECK(again("count==5;;,bytes=+6,") == "count=-1,bytes=6");
  for (const char* bad :
       {"x", "count", "count=", "count=5x", ",count=5", "=", "count= 5", "bytes=99999999999999999999"}) {
    INFO(bad);
    CHECK(again(bad) == "unreadable");
  }
}

TEST_CASE("a znode of statistics names the subtree that it measures") {
  CHECK(quota::measured_by("/zookeeper/quota/a/b/zookeeper_stats") == "/a/b");
  CHECK(quota::measured_by("/zookeeper/quota/zookeeper_stats") == "/");
  CHECK_FALSE(quota::measured_by("/zookeeper/quota/a/zookeeper_limits"));
  CHECK_FALSE(quota::measured_by("/zookeeper/quota/a/not_zookeeper_stats"));
  CHECK_FALSE(quota::measured_by("/zookeeper/quotas/a/zookeeper_stats"));
  CHECK_FALSE(quota::measured_by("/a/zookeeper_stats"));
}

TEST_CASE_METHOD(QuotaFixture, "statistics count what is there when they begin and every change from then on") {
  apply(Create{"/k", "12345"});
  apply(Create{"/k/1", "1"});
  set_quota("/k");
  CHECK(statistics("/k") == "count=2,bytes=6");
  apply(Create{"/k/2", "22"});
  CHECK(statistics("/k") == "count=3,bytes=8");
  apply(SetData{"/k/2", "222222"});
  CHECK(statistics("/k") == "count=3,bytes=12");
  apply(SetData{"/k/2", std::nullopt});
  CHECK(statistics("/k") == "count=3,bytes=6");
  apply(Delete{"/k/2"});
  apply(Create{"/kk", "not below /k"});
  CHECK(statistics("/k") == "count=2,bytes=6");

  const auto view = tree.view();
  const auto stat = view->get("/zookeeper/quota/k/zookeeper_stats")->stat;
  CHECK(stat.version == 0);
  CHECK(stat.mzxid == stat.czxid);
  CHECK(stat.data_length == 15);
}

TEST_CASE_METHOD(QuotaFixture, "the innermost quota alone counts, and only while it has limits") {
  apply(Create{"/k"});
  apply(Create{"/k/1"});
  set_quota("/k");
  set_quota("/k/1");
  apply(Create{"/k/1/a", "aa"});
  CHECK(statistics("/k") == "count=2,bytes=0");
  CHECK(statistics("/k/1") == "count=2,bytes=2");
  apply(Delete{"/zookeeper/quota/k/1/zookeeper_limits"});
  apply(Create{"/k/1/b", "b"});
  CHECK(statistics("/k") == "count=3,bytes=1");
  CHECK(statistics("/k/1") == "count=2,bytes=2");
}

TEST_CASE_METHOD(QuotaFixture, "statistics move without an event, in the answer of nobody") {
  set_quota("/k");
  CHECK(statistics("/k") == "count=0,bytes=0");
  const auto done = apply(Create{"/k", "123"});
  CHECK(done.events.size() == 1);
  CHECK(statistics("/k") == "count=1,bytes=3");
  // Whoever writes into them is believed, and what cannot be read is begun anew.
  apply(SetData{"/zookeeper/quota/k/zookeeper_stats", "count=10,bytes=10"});
  apply(Create{"/k/1", "1"});
  CHECK(statistics("/k") == "count=11,bytes=11");
  apply(SetData{"/zookeeper/quota/k/zookeeper_stats", "gibberish"});
  apply(Create{"/k/2", "1"});
  CHECK(statistics("/k") == "count=0,bytes=0");
}

}  // namespace troupe::store::testing
