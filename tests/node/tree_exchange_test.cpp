// The applier while the tree of a snapshot takes the old one's place: it keeps off both until the flusher has done it,
// and who asks meanwhile is answered from the new one.
#include <string>
#include <vector>

#include "actors/applier.hpp"
#include "tests/catch.hpp"
#include "tests/node/turns.hpp"
#include "tests/store/machines.hpp"
#include "tests/store/txns.hpp"

using namespace troupe;
using store::MemoryMachine;
using store::testing::create_txn;
using troupe::testing::Turns;

namespace {

/// What everybody was told, in its order.
using Record = std::vector<std::string>;

/// In the flusher's place: does nothing by itself.
class HeldFlusher : public Hosted<StateFlusherActor> {
 public:
  HeldFlusher(caf::actor_config& config, Record& record, FlushUserActor& asked_by)
      : Hosted(config), record_(record), asked_by_(asked_by) {}
  behavior_type make_behavior() override {
    return {[this](const FlushState& frozen, const FlushUserActor& user) {
              record_.push_back("flush up to " + std::to_string(frozen.zxid.counter()));
              asked_by_ = user;
            },
            [this](const ExchangeTree&, const FlushUserActor& user) {
              record_.push_back("exchange");
              asked_by_ = user;
            }};
  }

 private:
  Record& record_;
  FlushUserActor& asked_by_;
};

class Subscriber : public Hosted<AppliedUserActor> {
 public:
  Subscriber(caf::actor_config& config, Record& record) : Hosted(config), record_(record) {}
  behavior_type make_behavior() override {
    return {[this](const Applied& applied) {
      CHECK(applied.view->zxid() == applied.batch->last);
      record_.push_back("applied " + std::to_string(applied.batch->last.counter()));
    }};
  }

 private:
  Record& record_;
};

class Asker : public Hosted<ViewUserActor> {
 public:
  Asker(caf::actor_config& config, Record& record) : Hosted(config), record_(record) {}
  behavior_type make_behavior() override {
    return {[this](const TreeView& tree) { record_.push_back("view " + std::to_string(tree.view->zxid().counter())); }};
  }

 private:
  Record& record_;
};

class Learner : public Hosted<TreeReplacedUserActor> {
 public:
  Learner(caf::actor_config& config, Record& record) : Hosted(config), record_(record) {}
  behavior_type make_behavior() override {
    return {[this](const TreeReplaced& tree) { record_.push_back("replaced " + std::to_string(tree.zxid.counter())); }};
  }

 private:
  Record& record_;
};

Zxid z(std::uint32_t counter) { return Zxid::of(Epoch{1}, counter); }
std::vector<store::Proposal> txns(std::uint32_t first, std::uint32_t last) {
  std::vector<store::Proposal> list;
  for (auto i = first; i <= last; ++i) list.push_back(create_txn(z(i), "/n" + std::to_string(i)));
  return list;
}

/// A tree at 5, and an applier with one subscriber.
struct Place {
  Place() {
    for (const auto& txn : txns(1, 5)) data.log().append(txn);
    data.log().commit();
    caf::anon_send(applier, Deliver{z(5)});
    caf::anon_send(applier, Subscribe{1}, AppliedUserActor{subscriber});
    turns.run();
    record.clear();
  }
  ~Place() {
    caf::anon_send_exit(applier, caf::exit_reason::user_shutdown);
    for (const auto& one : {caf::actor_cast<caf::actor>(flusher), caf::actor_cast<caf::actor>(subscriber),
                            caf::actor_cast<caf::actor>(asker), caf::actor_cast<caf::actor>(learner)}) {
      caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    }
    turns.run();
  }

  /// The log is now a snapshot's at `zxid`, and what follows it.
  void take_snapshot(std::uint32_t zxid, std::uint32_t last) {
    MemoryMachine other;
    auto disk = other.disk();
    store::Tree leader(disk->open("state", {.tables = store::Tree::tables(), .durable = false}));
    leader.apply(txns(1, zxid));
    const auto view = leader.view();
    const auto incoming = data.receive_snapshot(z(zxid));
    for (store::Table table = 0; table < store::Tree::tables().size(); ++table) {
      const auto cursor = view->raw().cursor(table);
      for (auto entry = cursor->seek(""); entry; entry = cursor->next()) incoming->put(table, entry->key, entry->value);
    }
    incoming->finish();
    data.log().reset(z(zxid));
    data.log().set_checkpoint(z(zxid));
    for (const auto& txn : txns(zxid + 1, last)) data.log().append(txn);
    data.log().commit();
  }
  void exchange() {
    data.replace_tree();
    caf::anon_send(asked_by, TreeExchanged{});
    turns.run();
  }
  template <class... Message>
  void tell(Message&&... message) {
    caf::anon_send(applier, std::forward<Message>(message)...);
    turns.run();
  }

  MemoryMachine machine;
  store::DataDir data{machine.disk(), PeerId{1}, store::testing::test_options};
  caf::actor_system_config config;
  caf::actor_system system{config};
  Turns turns{&system};
  Record record;
  FlushUserActor asked_by;  // of the flusher, last
  StateFlusherActor flusher = spawn_on<HeldFlusher>(system, turns, record, asked_by);
  AppliedUserActor subscriber = spawn_on<Subscriber>(system, turns, record);
  ViewUserActor asker = spawn_on<Asker>(system, turns, record);
  TreeReplacedUserActor learner = spawn_on<Learner>(system, turns, record);
  ApplierActor applier =
      spawn_on<Applier>(system, turns, data, flusher, [](const std::string& why) { FAIL("fatal: " << why); });
};

}  // namespace

TEST_CASE("who asks while the tree of a snapshot is made waits for it") {
  Place place;
  place.take_snapshot(9, 12);
  place.tell(ReplaceTree{}, place.learner);
  place.tell(AskView{}, place.asker);
  place.tell(Deliver{z(12)});
  place.tell(Tick{10'000});
  place.tell(CompareDigest{z(9), 1});
  CHECK(place.record == Record{"exchange"});

  place.exchange();
  CHECK(place.record == Record{"exchange", "applied 9", "replaced 9", "view 9", "applied 12"});
}

TEST_CASE("who subscribes while the tree of a snapshot is made is told of it when it is there") {
  Place place;
  place.take_snapshot(9, 9);
  place.tell(ReplaceTree{}, place.learner);
  place.tell(Unsubscribe{1});
  place.tell(Subscribe{2}, place.subscriber);
  CHECK(place.record == Record{"exchange"});
  place.exchange();
  CHECK(place.record == Record{"exchange", "applied 9", "replaced 9"});
}

TEST_CASE("a flush that is under way ends before the tree is exchanged, and the next is of the new one") {
  Place place;
  place.tell(Tick{1'000});
  REQUIRE(place.record == Record{"flush up to 5"});
  place.take_snapshot(9, 12);
  place.tell(ReplaceTree{}, place.learner);
  place.data.flush_state();
  place.tell(StateFlushed{z(5), 5});
  place.tell(Tick{2'000});
  CHECK(place.record == Record{"flush up to 5", "exchange"});
  place.exchange();
  place.tell(Deliver{z(12)});
  place.tell(Tick{3'000});
  CHECK(place.record.back() == "flush up to 12");
  place.data.flush_state();
  CHECK(store::View(place.data.tree().kv().base().read()).zxid() == z(12));
}

TEST_CASE("a snapshot whose learner did not live to say so is noticed when more is committed") {
  Place place;
  place.take_snapshot(9, 12);
  place.tell(Deliver{z(12)});
  CHECK(place.record == Record{"exchange"});
  place.exchange();
  CHECK(place.record == Record{"exchange", "applied 9", "applied 12"});
}

TEST_CASE("a snapshot that comes while the tree of another is made is made next") {
  Place place;
  place.take_snapshot(9, 9);
  place.tell(ReplaceTree{}, place.learner);
  place.data.replace_tree();
  place.take_snapshot(20, 21);
  caf::anon_send(place.asked_by, TreeExchanged{});
  place.turns.run();
  CHECK(place.record == Record{"exchange", "applied 9", "exchange"});
  place.exchange();
  CHECK(place.record == Record{"exchange", "applied 9", "exchange", "applied 20", "replaced 20"});
}

TEST_CASE("an applier that ends while a tree is made answers nobody") {
  Place place;
  place.take_snapshot(9, 12);
  place.tell(ReplaceTree{}, place.learner);
  caf::anon_send_exit(place.applier, caf::exit_reason::user_shutdown);
  place.turns.run();
  place.exchange();
  CHECK(place.record == Record{"exchange"});
}
