// A node that answers as a test tells it to: for what a client must endure of nodes that break off, or lie.
// Runs on a thread of its own.
#pragma once

#include <capnp/rpc-twoparty.h>

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "client/loop.hpp"
#include "schema/client.capnp.h"

namespace troupe::testing {

class FakeNode {
 public:
  using Calls = capnp::List<schema::Call>::Reader;
  using Answers = capnp::List<schema::Answer>::Builder;
  /// Writes the answers of one submit of a connection, the first of which is 0; positions and zxid are set, and
  /// nothing else. On the node's thread. What it throws ends the connection.
  using Submit = std::function<void(unsigned connection, Calls, Answers, schema::Watcher::Client&)>;

  explicit FakeNode(Submit submit) : submit_(std::move(submit)) {
    std::promise<void> ready;
    loop_ = std::make_unique<client::Loop>(
        [&](kj::AsyncIoContext& io) {
          auto address = io.provider->getNetwork().parseAddress("127.0.0.1", 0).wait(io.waitScope);
          auto listener = address->listen();
          port_ = listener->getPort();
          server_ = std::make_unique<capnp::TwoPartyServer>(kj::heap<Door>(*this));
          listening_ = server_->listen(*listener).attach(kj::mv(listener)).eagerlyEvaluate(nullptr);
          ready.set_value();
        },
        [this] {
          listening_ = nullptr;
          server_.reset();
        });
    ready.get_future().wait();
  }
  ~FakeNode() { loop_->stop(); }

  /// So many answers at most are in a return; the others are for the test to send, in a call of the Watcher. Before
  /// any client comes.
  void return_at_most(unsigned answers) { returned_ = answers; }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  class Session final : public schema::Session::Server {
   public:
    Session(FakeNode& node, unsigned connection, schema::Watcher::Client watcher)
        : node_(node), connection_(connection), watcher_(kj::mv(watcher)) {}
    kj::Promise<void> submit(SubmitContext context) override {
      const auto calls = context.getParams().getCalls();
      auto answers = context.getResults().initAnswers(calls.size());
      for (auto answer : answers) {
        answer.setPosition(++position_);
        answer.setZxid(1);
      }
      node_.submit_(connection_, calls, answers, watcher_);
      auto returned = context.getResults().disownAnswers();
      returned.truncate(std::min(calls.size(), node_.returned_));
      context.getResults().adoptAnswers(kj::mv(returned));
      return kj::READY_NOW;
    }
    kj::Promise<void> ping(PingContext) override { return kj::READY_NOW; }

   private:
    FakeNode& node_;
    const unsigned connection_;
    schema::Watcher::Client watcher_;
    std::uint64_t position_ = 0;
  };

  class Door final : public schema::Door::Server {
   public:
    explicit Door(FakeNode& node) : node_(node) {}
    kj::Promise<void> connect(ConnectContext context) override {
      auto connected = context.getResults();
      connected.setId(1);
      connected.setTimeout(10'000);
      connected.setSession(kj::heap<Session>(node_, node_.connections_++, context.getParams().getWatcher()));
      return kj::READY_NOW;
    }

   private:
    FakeNode& node_;
  };

  const Submit submit_;
  unsigned connections_ = 0;
  unsigned port_ = 0;
  unsigned returned_ = ~0u;
  std::unique_ptr<capnp::TwoPartyServer> server_;
  kj::Promise<void> listening_ = nullptr;
  std::unique_ptr<client::Loop> loop_;
};

}  // namespace troupe::testing
