// Who has a turn on a loop that actors share with sockets, when somebody never rests.
#include "actors/kj_host.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <chrono>
#include <functional>
#include <thread>

#include "actors/interfaces.hpp"
#include "tests/catch.hpp"

using namespace troupe;

namespace {

using RestlessActor = caf::typed_actor<caf::reacts_to<ApplyMore>>;

/// Sends itself one message after the other.
class Restless : public Hosted<RestlessActor> {
 public:
  Restless(caf::actor_config& config, unsigned& handled, unsigned most)
      : Hosted(config), handled_(handled), most_(most) {}
  behavior_type make_behavior() override {
    return {[this](const ApplyMore&) {
      if (++handled_ < most_) this->send(this, ApplyMore{});
    }};
  }

 private:
  unsigned& handled_;
  const unsigned most_;
};

struct Loop {
  explicit Loop(std::chrono::microseconds idle_poll = {}) : host(system, io.unixEventPort, idle_poll) {}

  caf::actor_system_config config;
  caf::actor_system system{config};
  kj::AsyncIoContext io = kj::setupAsyncIo();
  KjHost host;
};

/// Has something done at the end of the turn, then again, and so on.
struct Persistent {
  Loop& loop;
  unsigned turns = 0;
  void arm() {
    loop.host.at_end_of_turn([this] {
      ++turns;
      arm();
    });
  }
};

}  // namespace

TEST_CASE("an actor that never rests does not keep back what is to be done at the end of the turn") {
  constexpr unsigned most = 100'000;
  Loop loop;
  unsigned handled = 0, at_end = 0;
  RestlessActor actor = spawn_on<Restless>(loop.system, loop.host, handled, most);
  caf::anon_send(actor, ApplyMore{});
  loop.host.at_end_of_turn([&] { at_end = handled; });
  loop.io.waitScope.poll();
  CHECK(handled == most);
  CHECK(at_end > 0);
  CHECK(at_end < most / 10);
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

TEST_CASE("what the loop always has to do does not keep actors back from who hurries them") {
  Loop loop;
  unsigned handled = 0, rounds = 0, ended = 0;
  RestlessActor actor = spawn_on<Restless>(loop.system, loop.host, handled, 1u);
  const std::function<kj::Promise<void>()> busy = [&]() -> kj::Promise<void> {
    if (++rounds == 1000) {
      caf::anon_send(actor, ApplyMore{});
      loop.host.at_end_of_turn([&] { ++ended; });
    }
    if (rounds == 2000) {
      CHECK(handled == 0);  // they come last
      loop.host.hurry();
      CHECK(handled == 1);
      CHECK(ended == 1);
    }
    if (rounds == 3000) return kj::READY_NOW;
    return kj::evalLater([&] { return busy(); });
  };
  busy().wait(loop.io.waitScope);
  CHECK(rounds == 3000);
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

TEST_CASE("turn upon turn does not keep back what waits for the loop to have nothing else to run") {
  Loop loop;
  Persistent persistent{loop};
  auto patient = kj::newPromiseAndFulfiller<void>();
  unsigned turns_before = 0;
  // KJ takes what came last first.
  auto last = kj::evalLast([&] {
                turns_before = persistent.turns;
                patient.fulfiller->fulfill();
              }).eagerlyEvaluate(nullptr);
  persistent.arm();
  patient.promise.wait(loop.io.waitScope);
  CHECK(turns_before <= 1);
}

TEST_CASE("a loop that looks on for work keeps nothing back, and takes what others post") {
  Loop loop(std::chrono::milliseconds(1));
  loop.io.waitScope.setBusyPollInterval(16);
  auto done = kj::newPromiseAndFulfiller<void>();
  unsigned posted = 0, answered = 0, late = 0;
  std::thread poster;
  std::function<void()> next = [&] {
    late += answered != posted;
    if (++posted == 1'000) return done.fulfiller->fulfill();
    if (poster.joinable()) poster.join();
    poster = std::thread([&] { loop.host.post(next); });
    // An answer, say, that is sent once the loop has nothing else to run; it does not wait for the looking to end.
    kj::evalLast([&] { ++answered; }).detach([](kj::Exception&&) {});
    loop.host.at_end_of_turn([] {});
  };
  loop.host.post(next);
  done.promise.wait(loop.io.waitScope);
  poster.join();
  CHECK(late == 0);
}
