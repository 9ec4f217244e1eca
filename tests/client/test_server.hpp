// An ensemble of one for clients with real sockets: a node with several gateways, each behind a door of
// its own on loopback, all on one thread. To a client the doors are different nodes. What is to be
// done between gateway, leader and applier is done in random order, one step per turn of the loop.
#pragma once

#include <future>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "actors/rpc_door.hpp"
#include "client/loop.hpp"
#include "tests/gateway/test_node.hpp"

namespace troupe::testing {

class TestServer {
 public:
  explicit TestServer(std::size_t doors = 2, GatewayOptions options = {}, std::uint64_t seed = 1)
      : options_(options), random_(seed) {
    std::promise<void> ready;
    loop_ =
        std::make_unique<client::Loop>([&](kj::AsyncIoContext& io) { start(io, doors, ready); }, [this] { stop(); });
    ready.get_future().wait();
  }
  ~TestServer() { loop_->stop(); }

  /// The doors, as a client's list of nodes.
  std::string nodes() const {
    std::string result;
    for (const auto port : ports_) {
      result += (result.empty() ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(port);
    }
    return result;
  }
  unsigned port(std::size_t door) const { return ports_[door]; }

  /// Runs `task` on the server's thread and waits for it. It may use what is below.
  template <class Task>
  auto run(Task task) {
    std::promise<decltype(task())> promise;
    loop_->post([&] {
      if constexpr (std::is_void_v<decltype(task())>) {
        task();
        promise.set_value();
      } else {
        promise.set_value(task());
      }
      pump_later();
    });
    return promise.get_future().get();
  }

  // The server's thread only.
  TestNode& node() { return *node_; }
  RpcDoor& door(std::size_t i) { return *doors_[i]; }
  void drop_all() {
    for (auto& door : doors_) door->drop_all();
  }
  /// Nothing becomes of what is asked, until let go.
  void hold(bool hold) { held_ = hold; }

 private:
  struct NoErrors final : kj::TaskSet::ErrorHandler {
    void taskFailed(kj::Exception&& exception) override { kj::throwFatalException(kj::mv(exception)); }
  };

  void start(kj::AsyncIoContext& io, std::size_t doors, std::promise<void>& ready) {
    tasks_ = kj::heap<kj::TaskSet>(errors_);
    node_ = std::make_unique<TestNode>();
    for (std::size_t i = 0; i < doors; ++i) {
      options_.seed = random_();
      auto& gateway = node_->add_gateway(options_, [this] { pump_later(); });
      auto address = io.provider->getNetwork().parseAddress("127.0.0.1", 0).wait(io.waitScope);
      auto listener = address->listen();
      ports_.push_back(listener->getPort());
      doors_.push_back(std::make_unique<RpcDoor>(gateway, kj::mv(listener), io.provider->getTimer(),
                                                 [](schema::Status::Builder status) { status.setRole("leading"); }));
    }
    ready.set_value();
  }
  void stop() {
    doors_.clear();
    node_.reset();
    tasks_ = nullptr;
  }

  void pump_later() {
    if (std::exchange(armed_, true)) return;
    tasks_->add(kj::evalLast([this] {
      armed_ = false;
      for (int steps = 0; !held_ && !node_->idle() && steps < 8;) steps += node_->step(random_);
      if (!held_ && !node_->idle()) pump_later();
    }));
  }

  GatewayOptions options_;
  std::mt19937_64 random_;
  bool held_ = false;
  bool armed_ = false;
  NoErrors errors_;
  kj::Own<kj::TaskSet> tasks_;
  std::unique_ptr<TestNode> node_;
  std::vector<std::unique_ptr<RpcDoor>> doors_;
  std::vector<unsigned> ports_;
  std::unique_ptr<client::Loop> loop_;
};

}  // namespace troupe::testing
