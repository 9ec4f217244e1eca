// When an event loop that has run out of work looks on for more.
#include "actors/idle_poll.hpp"

#include "tests/catch.hpp"

namespace troupe {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// A loop that looks every microsecond.
struct Loop {
  static constexpr microseconds window{50};

  IdlePoll poll{window};
  IdlePoll::Time now{};
  microseconds each_gives_way{0};

  /// Runs out of work, and gets more after `wait`. How long it looked on for it.
  microseconds wait_for_work(microseconds wait) {
    const auto from = now;
    microseconds looked{0};
    bool polling = poll.begin(now);
    while (polling && now - from < wait) {
      now += microseconds(1) + each_gives_way;
      ++looked;
      polling = poll.go_on(now, each_gives_way);
    }
    now = std::max(now, from + wait);
    poll.end(now);
    now += microseconds(5);  // it works
    return looked;
  }
  microseconds looked_in(int waits, microseconds each) {
    microseconds looked{0};
    for (int i = 0; i < waits; ++i) looked += wait_for_work(each);
    return looked;
  }
};

}  // namespace

TEST_CASE("a loop whose requests follow each other closely looks on for the next") {
  Loop loop;
  CHECK(loop.wait_for_work(microseconds(120)).count() == 0);  // it knows of no wait before
  CHECK(loop.wait_for_work(microseconds(30)).count() == 30);
  CHECK(loop.looked_in(10, microseconds(30)).count() == 300);
}

TEST_CASE("a loop whose requests are far apart sleeps") {
  Loop loop;
  CHECK(loop.looked_in(100, milliseconds(1)).count() == 0);
}

TEST_CASE("a loop that looks on in vain does so ever more rarely, and again once it pays") {
  Loop loop;
  // Near enough to try, too far to succeed.
  CHECK(loop.looked_in(1'000, microseconds(120)) < 25 * Loop::window);
  CHECK(loop.looked_in(1'000, microseconds(120)) < 20 * Loop::window);
  loop.looked_in(70, microseconds(30));
  CHECK(loop.looked_in(100, microseconds(30)).count() == 3'000);
}

TEST_CASE("a loop leaves the processor to whoever keeps it long") {
  Loop loop;
  loop.looked_in(2, microseconds(30));
  loop.each_gives_way = milliseconds(3);
  CHECK(loop.wait_for_work(microseconds(30)).count() == 1);
  CHECK(loop.looked_in(1'000, microseconds(30)).count() == 0);  // 35 ms
  CHECK(loop.looked_in(3'000, microseconds(30)).count() <= 2);  // 105 ms
}

TEST_CASE("a loop gives way for short turns of others, and looks on") {
  Loop loop;
  loop.looked_in(2, microseconds(30));
  loop.each_gives_way = microseconds(9);
  CHECK(loop.wait_for_work(microseconds(30)).count() == 3);
  CHECK(loop.wait_for_work(microseconds(30)).count() == 3);
}

TEST_CASE("a loop without a window never looks on") {
  IdlePoll poll(IdlePoll::Duration::zero());
  IdlePoll::Time now{};
  for (int i = 0; i < 10; ++i) {
    CHECK_FALSE(poll.begin(now));
    poll.end(now);
  }
}

}  // namespace troupe
