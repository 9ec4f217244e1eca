// A client that asks and watches, and then reads nothing more from its socket.
#pragma once

#include <kj/async-io.h>

#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "client/connection.hpp"

namespace troupe::testing {

/// Has asked for `path` 8000 times and watches everything when wait() returns.
class StalledClient {
 public:
  StalledClient(unsigned port, std::string path) : path_(std::move(path)), thread_([this, port] { run(port); }) {}
  ~StalledClient() {
    let_go_.set_value();
    thread_.join();
  }
  void wait() { stalled_.get_future().get(); }

 private:
  class Ignorant final : public schema::Watcher::Server {
    kj::Promise<void> events(EventsContext) override { return kj::READY_NOW; }
    kj::Promise<void> answers(AnswersContext) override { return kj::READY_NOW; }
  };

  void run(unsigned port) {
    auto io = kj::setupAsyncIo();
    auto stream = io.provider->getNetwork().parseAddress("127.0.0.1", port).wait(io.waitScope)->connect();
    client::Connection connection(stream.wait(io.waitScope));
    auto connect = connection.door().connectRequest();
    connect.setTimeout(40'000);
    connect.setWatcher(kj::heap<Ignorant>());
    auto session = connect.send().wait(io.waitScope).getSession();

    auto watch = session.submitRequest();
    auto add = watch.initCalls(1)[0].initAddWatch();
    add.setPath("/");
    add.setRecursive(true);
    watch.send().wait(io.waitScope);
    std::vector<kj::Promise<void>> under_way;
    for (int i = 0; i < 16; ++i) {
      constexpr unsigned reads = 500;
      auto submit = session.submitRequest();
      auto calls = submit.initCalls(reads);
      for (auto call : calls) call.initGetData().setPath(path_);
      under_way.push_back(submit.send().ignoreResult().eagerlyEvaluate([](kj::Exception&&) {}));
    }
    under_way[0].wait(io.waitScope);
    stalled_.set_value();
    let_go_.get_future().wait();
  }

  const std::string path_;
  std::promise<void> stalled_, let_go_;
  std::thread thread_;
};

}  // namespace troupe::testing
