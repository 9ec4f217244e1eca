// The applier and subscribers that are held up.
#include "actors/applier.hpp"

#include <atomic>
#include <deque>
#include <future>
#include <mutex>

#include "actors/state_flusher.hpp"
#include "actors/thread_host.hpp"
#include "tests/catch.hpp"
#include "tests/store/machines.hpp"
#include "tests/store/txns.hpp"

using namespace troupe;
using store::testing::create_txn;
using store::testing::RealMachine;

namespace {

constexpr auto patience = std::chrono::seconds(60);

/// Actors on it run when the test says so, on its thread.
class HeldHost : public Host {
 public:
  using Host::Host;
  void exec_later(caf::resumable* actor) override {
    std::lock_guard lock(mutex_);
    ready_.push_back(actor);
  }
  /// Lets every actor that is ready handle one message.
  void run() {
    std::deque<caf::resumable*> ready;
    {
      std::lock_guard lock(mutex_);
      ready.swap(ready_);
    }
    for (auto* actor : ready) {
      if (resume_on(*this, actor, 1)) exec_later(actor);
    }
  }

 private:
  std::mutex mutex_;
  std::deque<caf::resumable*> ready_;  // guarded by mutex_
};

/// Writes down what it is told of, and that the views fit.
class Subscriber : public Hosted<AppliedUserActor> {
 public:
  Subscriber(caf::actor_config& config, std::vector<Zxid>& seen) : Hosted(config), seen_(seen) {}
  behavior_type make_behavior() override {
    return {[this](const Applied& applied) {
      for (const auto& outcome : applied.batch->outcomes) seen_.push_back(outcome.zxid);
      CHECK(applied.view->zxid() == applied.batch->last);
      view_ = applied.view;
    }};
  }
  void on_exit() override { view_.reset(); }

 private:
  std::vector<Zxid>& seen_;
  std::shared_ptr<store::View> view_;
};

class ViewAsker : public Hosted<ViewUserActor> {
 public:
  ViewAsker(caf::actor_config& config, std::function<void(Zxid)> told) : Hosted(config), told_(std::move(told)) {}
  behavior_type make_behavior() override {
    return {[this](const TreeView& tree) { told_(tree.view->zxid()); }};
  }

 private:
  std::function<void(Zxid)> told_;
};

/// In the archivist's place.
class FlushListener : public Hosted<ArchivistActor> {
 public:
  FlushListener(caf::actor_config& config, std::atomic<std::uint64_t>& flushed) : Hosted(config), flushed_(flushed) {}
  behavior_type make_behavior() override {
    return {[this](const StateFlushed& flush) { flushed_ = flush.zxid.counter(); }, [](const CheckpointWritten&) {}};
  }

 private:
  std::atomic<std::uint64_t>& flushed_;
};

}  // namespace

TEST_CASE("what is applied reaches the disk: when there is much of it, and otherwise after a while") {
  constexpr std::uint32_t count = 600;
  RealMachine machine;
  store::DataDir data(machine.disk(), PeerId{1}, store::testing::test_options);
  for (std::uint32_t i = 1; i <= count; ++i) {
    data.log().append(create_txn(Zxid::of(Epoch{1}, i), "/n" + std::to_string(i), std::string(100'000, 'd')));
    if (i % 100 == 0) data.log().commit();
  }
  caf::actor_system_config config;
  config.set("scheduler.max-threads", 1);
  caf::actor_system system{config};
  ThreadHost applier_host(system, "applier"), flusher_host(system, "flusher"), listener_host(system, "listener");
  std::atomic<std::uint64_t> flushed = 0;
  ArchivistActor listener = spawn_on<FlushListener>(system, listener_host, flushed);
  StateFlusherActor flusher = spawn_on<StateFlusher>(system, flusher_host, data, listener);
  ApplierActor applier = spawn_on<Applier>(system, applier_host, data, flusher, [](const std::string&) {});
  const auto wait_for = [&](auto&& condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return condition();
  };

  caf::anon_send(applier, Deliver{Zxid::of(Epoch{1}, count)});
  // 60 MB are more than may wait in memory: most of it goes to the disk unasked.
  CHECK(wait_for([&] { return flushed >= count / 2; }));
  for (std::int64_t now = 1'000; flushed < count && now < 1'000'000'000; now += 1'000) {
    caf::anon_send(applier, Tick{now});
    wait_for([&, before = flushed.load()] { return flushed > before || flushed == count; });
  }
  CHECK(flushed == count);
  CHECK(store::View(data.tree().kv().base().read()).zxid() == Zxid::of(Epoch{1}, count));

  caf::anon_send_exit(applier, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(flusher, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(listener, caf::exit_reason::user_shutdown);
  applier = nullptr;
  flusher = nullptr;
  listener = nullptr;
}

TEST_CASE("a subscriber that takes nothing for thousands of transactions exhausts nothing, and later sees all") {
  constexpr std::uint32_t count = 3'000;
  RealMachine machine;
  store::DataDir data(machine.disk(), PeerId{1}, store::testing::test_options);
  for (std::uint32_t i = 1; i <= count; ++i) {
    data.log().append(create_txn(Zxid::of(Epoch{1}, i), "/n" + std::to_string(i)));
  }
  data.log().commit();

  caf::actor_system_config config;
  config.set("scheduler.max-threads", 1);
  caf::actor_system system{config};
  ThreadHost applier_host(system, "applier"), asker_host(system, "asker");
  HeldHost held(&system);
  std::atomic<bool> failed = false;
  std::vector<Zxid> seen;
  std::promise<Zxid> told;
  auto applier =
      spawn_on<Applier>(system, applier_host, data, StateFlusherActor{}, [&](const std::string&) { failed = true; });
  auto subscriber = spawn_on<Subscriber>(system, held, seen);
  auto asker = spawn_on<ViewAsker>(system, asker_host, [&](Zxid zxid) { told.set_value(zxid); });
  // Where the tree is when all that was asked of the applier before is done.
  const auto applied = [&] {
    told = {};
    auto answer = told.get_future();
    caf::anon_send(applier, AskView{}, ViewUserActor{asker});
    REQUIRE(answer.wait_for(patience) == std::future_status::ready);
    return answer.get();
  };

  caf::anon_send(applier, Subscribe{1}, AppliedUserActor{subscriber});
  for (std::uint32_t i = 1; i <= count; ++i) {
    caf::anon_send(applier, Deliver{Zxid::of(Epoch{1}, i)});
    if (applied() < Zxid::of(Epoch{1}, i)) applied();  // each is a batch of its own, while there is room
  }
  CHECK(!failed);
  CHECK(applied() < Zxid::of(Epoch{1}, 200));
  CHECK(applied() > Zxid::of(Epoch{1}, 10));

  // Nobody tells the applier of more: what is given back wakes it.
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (seen.size() < count && std::chrono::steady_clock::now() < deadline) held.run();
  REQUIRE(seen.size() == count);
  for (std::uint32_t i = 0; i < count; ++i) CHECK(seen[i] == Zxid::of(Epoch{1}, i + 1));
  CHECK(!failed);

  caf::anon_send_exit(subscriber, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(asker, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(applier, caf::exit_reason::user_shutdown);
  held.run();
  held.run();
  system.await_all_actors_done();
}
