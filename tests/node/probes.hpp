// Actors that write down what a network tells them, on an event loop of their own.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <vector>

#include "actors/kj_network.hpp"
#include "actors/kj_thread.hpp"

namespace troupe::testing {

/// What came, in order. Any thread.
template <class T>
class Inbox {
 public:
  void put(T item) {
    {
      std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    changed_.notify_all();
  }
  /// Waits until `condition` holds of all that has come; false if it never does.
  template <class Condition>
  bool wait(Condition&& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return condition(items_); });
  }
  bool wait_for_item(const std::function<bool(const T&)>& wanted) {
    return wait([&](const auto& items) { return std::any_of(items.begin(), items.end(), wanted); });
  }
  bool wait_for_count(std::size_t count) {
    return wait([&](const auto& items) { return items.size() >= count; });
  }
  std::vector<T> items() {
    std::lock_guard lock(mutex_);
    return items_;
  }
  void clear() {
    std::lock_guard lock(mutex_);
    items_.clear();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> items_;  // guarded by mutex_
};

/// What one node's actors are told.
struct Heard {
  Inbox<zab::Notification> notifications;
  Inbox<Reachable> reachable;
  Inbox<LearnerConnected> learners;
  Inbox<const Link*> up;
  Inbox<zab::Message> messages;
  Inbox<std::size_t> batches;  // sizes of the LinkReceived
  Inbox<std::string> down;     // reasons
  Inbox<bool> drained;
};

class ElectorProbe : public Hosted<ElectorActor> {
 public:
  ElectorProbe(caf::actor_config& config, Heard& heard) : Hosted(config), heard_(heard) {}
  behavior_type make_behavior() override {
    return {[](const Look&, const ElectionUserActor&) {},
            [this](const NotificationReceived& received) { heard_.notifications.put(received.notification); },
            [this](const Reachable& reachable) { heard_.reachable.put(reachable); }, [](const ConfigurationLogged&) {},
            [](const Tick&) {}};
  }

 private:
  Heard& heard_;
};

class PeerProbe : public Hosted<PeerActor> {
 public:
  PeerProbe(caf::actor_config& config, Heard& heard) : Hosted(config), heard_(heard) {}
  behavior_type make_behavior() override {
    return {[](const HistoryFacts&) {}, [](const TreeView&) {},
            [](const Elected&) {},      [this](const LearnerConnected& learner) { heard_.learners.put(learner); },
            [](const RoleActive&) {},   [](const RoleEnded&) {},
            [](const NodeStatus&) {},   [](const ConfigurationLogged&) {},
            [](const Tick&) {},         [](const Stop&) {}};
  }

 private:
  Heard& heard_;
};

class LinkProbe : public Hosted<LinkUserActor> {
 public:
  LinkProbe(caf::actor_config& config, Heard& heard) : Hosted(config), heard_(heard) {}
  behavior_type make_behavior() override {
    return {[this](const LinkUp& up) { heard_.up.put(up.link); },
            [this](const LinkReceived& received) {
              heard_.batches.put(received.messages.size());
              for (const auto& message : received.messages) heard_.messages.put(message);
            },
            [this](const LinkDown& down) { heard_.down.put(down.reason); }};
  }

 private:
  Heard& heard_;
};

class WriterProbe : public Hosted<LinkWriterActor> {
 public:
  WriterProbe(caf::actor_config& config, Heard& heard) : Hosted(config), heard_(heard) {}
  behavior_type make_behavior() override {
    return {[this](const LinkDrained&) { heard_.drained.put(true); }};
  }

 private:
  Heard& heard_;
};

/// A node that is nothing but its network.
class NetworkNode {
 public:
  explicit NetworkNode(const NodeConfig& config) {
    loop_ = std::make_unique<KjThread>(system_, "network", [&](kj::AsyncIoContext& io, KjHost& host) {
      auto network = std::make_shared<KjNetwork>(io, host, config);
      elector_ = spawn_on<ElectorProbe>(system_, host, heard);
      peer_ = spawn_on<PeerProbe>(system_, host, heard);
      user_ = spawn_on<LinkProbe>(system_, host, heard);
      writer_ = spawn_on<WriterProbe>(system_, host, heard);
      network->start(elector_, peer_);
      network_ = network.get();
      host_ = &host;
      return network;
    });
  }
  ~NetworkNode() {
    run([this] {
      link.reset();
      heard.learners.clear();
      for (const auto& actor : {caf::actor_cast<caf::actor>(elector_), caf::actor_cast<caf::actor>(peer_),
                                caf::actor_cast<caf::actor>(user_), caf::actor_cast<caf::actor>(writer_)}) {
        caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
      }
    });
    system_.await_all_actors_done();
    loop_.reset();
  }

  /// Runs `task` on the loop's thread and returns its result.
  template <class Task>
  std::invoke_result_t<Task&> run(Task&& task) {
    std::packaged_task<std::invoke_result_t<Task&>()> packaged(std::forward<Task>(task));
    auto result = packaged.get_future();
    host_->post([&packaged] { packaged(); });
    return result.get();
  }

  void notify(PeerId to, const zab::Notification& notification) {
    run([&] { network_->notify(to, notification); });
  }
  void set_members(const std::map<PeerId, Member>& members) {
    run([&] { network_->set_members(members); });
  }
  void connect(PeerId to) {
    run([&] { link = network_->connect(to, user_); });
  }
  /// Waits for a learner and takes its link.
  bool take_learner() {
    if (!heard.learners.wait_for_count(1)) return false;
    run([&] {
      link = heard.learners.items().back().link;
      heard.learners.clear();
    });
    return true;
  }
  void deliver() {
    run([&] { link->deliver_to(user_); });
  }
  void report_drained(std::size_t bytes) {
    run([&] { link->report_drained(writer_, bytes); });
  }
  void send(const zab::Message& message) {
    run([&] { link->send(message); });
  }
  std::size_t queued() {
    return run([&] { return link->queued(); });
  }

  Heard heard;
  std::shared_ptr<Link> link;  // touched on the loop's thread alone

 private:
  struct Config : caf::actor_system_config {
    Config() { set("scheduler.max-threads", 1); }
  };
  Config config_;
  caf::actor_system system_{config_};
  ElectorActor elector_;
  PeerActor peer_;
  LinkUserActor user_;
  LinkWriterActor writer_;
  KjNetwork* network_ = nullptr;
  KjHost* host_ = nullptr;
  std::unique_ptr<KjThread> loop_;
};

}  // namespace troupe::testing
