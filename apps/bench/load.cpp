#include "apps/bench/load.hpp"

#include <kj/async-io.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>

#include "client/address.hpp"
#include "client/connection.hpp"
#include "client/loop.hpp"
#include "client/types.hpp"
#include "schema/message_room.hpp"

namespace troupe::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto connect_patience = 15 * kj::SECONDS, close_patience = 5 * kj::SECONDS;
constexpr std::uint32_t session_timeout_ms = 30'000;
constexpr auto progress_interval = 200ms;

/// Without a look for its end.
kj::StringPtr text(const std::string& from) { return {from.c_str(), from.size()}; }

enum class Phase { warming_up, measuring, ending };

/// What the loop's thread and the caller's share. `phase` is read on every batch of answers and written twice.
struct Control {
  std::atomic<Phase> phase{Phase::warming_up};
  std::atomic<std::uint64_t> answers{0};

  std::mutex mutex;
  std::condition_variable ended;
  unsigned running;  ///< guarded by mutex: connections with requests under way
};

/// One session at one door, and its requests, a submit for each batch of answers. On the loop's thread.
class Connection final : private kj::TaskSet::ErrorHandler {
 public:
  Connection(unsigned index, const Workspace& workspace, const Load& load, Control& control, Measured& measured)
      : control_(control),
        load_(load),
        keys_(workspace.keys()),
        value_(load.value_size, 'w'),
        prefix_(workspace.created() + "/" + std::to_string(index) + "-"),
        random_(index + 1),
        measured_(measured),
        tasks_(*this) {}

  kj::Promise<void> open(kj::Network& network, const std::string& node) {
    return network.parseAddress(node.c_str(), client::default_port)
        .then([](kj::Own<kj::NetworkAddress> address) {
          auto connecting = address->connect();
          return connecting.attach(kj::mv(address));
        })
        .then([this](kj::Own<kj::AsyncIoStream> stream) {
          connection_ = std::make_unique<client::Connection>(kj::mv(stream));
          auto request = connection_->door().connectRequest();
          request.setTimeout(session_timeout_ms);
          request.setWatcher(kj::heap<Watcher>(*this));
          return request.send();
        })
        .then([this](auto&& connected) {
          KJ_REQUIRE(connected.getError() == 0, "the node does not serve");
          connection_->session = connected.getSession();
        });
  }

  void begin() {
    // Of the limits that schema/client.capnp names.
    constexpr std::size_t most_calls = 16'384, most_bytes = 1 << 20;
    const auto fit = std::clamp<std::size_t>(most_bytes / (value_.size() + 200), 1, most_calls);
    for (unsigned left = load_.outstanding; left > 0;) {
      const auto count = static_cast<unsigned>(std::min<std::size_t>(left, fit));
      submit(count);
      left -= count;
    }
  }

  /// What is under way is not waited for any longer.
  void give_up() {
    if (lost_ || under_way_ == 0) return;
    lost_ = true;
    ++measured_.lost_connections;
    end();
  }

  /// Ends the session.
  kj::Promise<void> close() {
    if (lost_) return kj::READY_NOW;
    auto request = session().submitRequest();
    auto call = request.initCalls(1)[0];
    call.setNumber(++number_);
    call.setClose();
    return request.send().ignoreResult();
  }

 private:
  struct Batch {
    Clock::time_point started;
    unsigned left;
  };
  /// Their message is there until `taken`.
  struct Part {
    capnp::List<schema::Answer>::Reader answers;
    kj::Own<kj::PromiseFulfiller<void>> taken;
  };

  class Watcher final : public schema::Watcher::Server {
   public:
    explicit Watcher(Connection& connection) : connection_(connection) {}
    kj::Promise<void> events(EventsContext) override { return kj::READY_NOW; }
    kj::Promise<void> answers(AnswersContext context) override {
      auto taken = kj::newPromiseAndFulfiller<void>();
      connection_.parts_.push_back({context.getParams().getAnswers(), kj::mv(taken.fulfiller)});
      if (kj::runCatchingExceptions([this] { connection_.take_parts(); }) != nullptr) connection_.give_up();
      return kj::mv(taken.promise);
    }

   private:
    Connection& connection_;
  };

  schema::Session::Client& session() { return KJ_ASSERT_NONNULL(connection_->session); }

  void submit(unsigned count) {
    auto request = session().submitRequest(message_room(16 + count * (24 + value_.size() / 8)));
    request.setAnswered(answered_);
    for (auto call : request.initCalls(count)) write(call);
    batches_.push_back({Clock::now(), count});
    under_way_ += count;
    tasks_.add(request.send().then([this](auto&& response) {
      take(response.getAnswers());
      take_parts();
    }));
  }

  void write(schema::Call::Builder call) {
    if (load_.workload == Workload::get) return call.initGetData().setPath(text(some_key()));
    call.setNumber(++number_);
    const auto bytes = text(value_).asBytes();
    if (load_.workload == Workload::set) {
      auto set = call.initWrite().initSetData();
      set.setPath(text(some_key()));
      set.setData(bytes);
      set.setVersion(-1);
    } else {
      auto create = call.initWrite().initCreate();
      create.setPath(text(prefix_ + std::to_string(created_++)));
      create.setData(bytes);
      auto anyone = create.initAcl(1)[0];
      anyone.setPerms(client::perm::all);
      anyone.setScheme("world");
      anyone.setId("anyone");
    }
  }

  const std::string& some_key() { return keys_[random_() % keys_.size()]; }

  /// Parts may be here before the return that they continue.
  void take_parts() {
    while (!parts_.empty()) {
      auto& [answers, taken] = parts_.front();
      if (answers.size() != 0 && answers[0].getPosition() > position_ + 1) return;
      take(answers);
      taken->fulfill();
      parts_.pop_front();
    }
  }

  void take(capnp::List<schema::Answer>::Reader answers) {
    if (lost_) return;  // what was measured may be another thread's by now
    const Phase phase = control_.phase.load(std::memory_order_relaxed);
    const auto now = Clock::now();
    for (const auto answer : answers) {
      measured_.order_errors += answer.getPosition() != ++position_;
      KJ_REQUIRE(!batches_.empty(), "an answer to nothing");
      Batch& batch = batches_.front();
      if (phase != Phase::warming_up)
        answer.getError() == 0 ? measured_.latency.record(now - batch.started) : void(++measured_.errors);
      if (load_.workload != Workload::get) ++answered_;
      if (--batch.left == 0) batches_.pop_front();
    }
    under_way_ -= answers.size();
    control_.answers.fetch_add(answers.size(), std::memory_order_relaxed);
    if (phase != Phase::ending && answers.size() != 0) return submit(answers.size());
    if (under_way_ == 0) end();
  }

  void taskFailed(kj::Exception&&) override { give_up(); }

  void end() {
    std::lock_guard lock(control_.mutex);
    --control_.running;
    control_.ended.notify_one();
  }

  Control& control_;
  const Load& load_;
  const std::vector<std::string>& keys_;
  const std::string value_, prefix_;
  std::minstd_rand random_;
  Measured& measured_;
  std::uint64_t created_ = 0;
  std::uint64_t number_ = 0, answered_ = 0;  // of the writes: the last that was made, and that was answered
  std::uint64_t position_ = 0;               // of the last answer
  std::deque<Batch> batches_;
  unsigned under_way_ = 0;
  bool lost_ = false;
  std::deque<Part> parts_;
  std::unique_ptr<client::Connection> connection_;
  kj::TaskSet tasks_;
};

class Run {
 public:
  Run(const std::vector<std::string>& nodes, const Workspace& workspace, const Load& load, const Observer& observer)
      : load_(load),
        observer_(observer),
        control_{.running = load.connections},
        loop_([this](kj::AsyncIoContext& io) { io_ = &io; },
              [this] {
                task_ = nullptr;
                connections_.clear();
              }) {
    const std::string refused = on_loop([&] {
      auto opening = kj::heapArrayBuilder<kj::Promise<void>>(load.connections);
      for (unsigned i = 0; i < load.connections; ++i) {
        const std::string& node = nodes[i % nodes.size()];
        auto& connection =
            connections_.emplace_back(std::make_unique<Connection>(i, workspace, load, control_, measured_));
        opening.add(timer()
                        .timeoutAfter(connect_patience, connection->open(io_->provider->getNetwork(), node))
                        .catch_([node](kj::Exception&& why) {
                          kj::throwFatalException(KJ_EXCEPTION(FAILED, node, why.getDescription()));
                        }));
      }
      return kj::joinPromises(opening.finish());
    });
    if (!refused.empty())
      throw std::runtime_error("no session: " + refused + "; does the node run, and has it a quorum? (troupe status)");
  }

  ~Run() {
    on_loop([this] {
      auto closing = kj::heapArrayBuilder<kj::Promise<void>>(connections_.size());
      for (auto& connection : connections_) closing.add(connection->close());
      return timer().timeoutAfter(close_patience, kj::joinPromises(closing.finish()));
    });
    loop_.stop();
  }

  Measured run() {
    start_ = Clock::now();
    loop_.post([this] {
      for (auto& connection : connections_) connection->begin();
    });
    wait_until(start_ + std::chrono::duration_cast<Clock::duration>(load_.warm_up));
    observer_.measuring();
    const auto measuring = Clock::now();
    control_.phase = Phase::measuring;
    wait_until(measuring + std::chrono::duration_cast<Clock::duration>(load_.duration));
    control_.phase = Phase::ending;
    wait_until(Clock::now() + std::chrono::milliseconds(session_timeout_ms), true);
    const auto elapsed = Clock::now() - measuring;
    observer_.measured();
    on_loop([this] {  // whose thread alone knows what was measured
      for (auto& connection : connections_) connection->give_up();
      return kj::Promise<void>(kj::READY_NOW);
    });
    Measured result = std::move(measured_);
    result.elapsed = elapsed;
    result.operations = result.latency.count();
    return result;
  }

 private:
  kj::Timer& timer() { return io_->provider->getTimer(); }

  /// Waits for the promise that `start` makes on the loop's thread. Returns why it was broken, if it was.
  template <class Start>
  std::string on_loop(Start start) {
    const auto done = std::make_shared<std::promise<std::string>>();
    loop_.post([this, start, done] {
      task_ = kj::evalNow(start)
                  .then([done] { done->set_value(""); },
                        [done](kj::Exception&& why) { done->set_value(why.getDescription().cStr()); })
                  .eagerlyEvaluate(nullptr);
    });
    return done->get_future().get();
  }

  /// Until then, until all connections have ended, or until the observer has enough; `ending`: whether it has or not.
  void wait_until(Clock::time_point end, bool ending = false) {
    std::unique_lock lock(control_.mutex);
    while (control_.running > 0 && Clock::now() < end && (ending || !enough_)) {
      control_.ended.wait_until(lock, std::min(end, Clock::now() + progress_interval));
      lock.unlock();
      enough_ = enough_ || !observer_.progress(Clock::now() - start_, control_.answers);
      lock.lock();
    }
  }

  const Load& load_;
  const Observer& observer_;
  Control control_;
  Clock::time_point start_;
  bool enough_ = false;

  // The loop's thread only.
  kj::AsyncIoContext* io_ = nullptr;
  Measured measured_;
  std::vector<std::unique_ptr<Connection>> connections_;
  kj::Promise<void> task_ = nullptr;

  client::Loop loop_;
};

}  // namespace

const char* name_of(Workload workload) {
  constexpr const char* names[] = {"get",      "set",        "create",   "create-spread", "mixed",
                                   "multi",    "list",       "children", "watch",         "watch-persistent",
                                   "sessions", "ephemerals", "lock",     "failover"};
  return names[static_cast<int>(workload)];
}

const std::vector<Workload>& all_workloads() {
  static const std::vector<Workload> all = [] {
    std::vector<Workload> workloads;
    for (int i = 0; i <= static_cast<int>(Workload::failover); ++i) workloads.push_back(static_cast<Workload>(i));
    return workloads;
  }();
  return all;
}

Measured run(const std::vector<std::string>& nodes, const Workspace& workspace, const Load& load,
             const Observer& observer) {
  return Run(nodes, workspace, load, observer).run();
}

}  // namespace troupe::bench
