// When sessions expire: never early, at most an interval late, and the same as a plain list would say.
#include "actors/session_deadlines.hpp"

#include <map>
#include <random>
#include <set>

#include "tests/catch.hpp"

using namespace troupe;

TEST_CASE("A session expires no earlier than its timeout and at most one interval later") {
  SessionDeadlines deadlines(100);
  deadlines.add(SessionId{1}, 250, 1'030);
  CHECK(deadlines.next_deadline() == 1'300);
  CHECK(deadlines.expired(1'299).empty());
  CHECK(deadlines.expired(1'300) == std::vector{SessionId{1}});
  CHECK(deadlines.size() == 0);
  CHECK_FALSE(deadlines.next_deadline());
}

TEST_CASE("Being heard gives a session its full timeout again") {
  SessionDeadlines deadlines(100);
  deadlines.add(SessionId{1}, 300, 0);
  CHECK(deadlines.touch(SessionId{1}, 250));
  CHECK(deadlines.expired(500).empty());
  CHECK(deadlines.expired(600) == std::vector{SessionId{1}});
  CHECK_FALSE(deadlines.touch(SessionId{1}, 610));
}

TEST_CASE("A report that comes late does not move a deadline back") {
  SessionDeadlines deadlines(100);
  deadlines.add(SessionId{1}, 300, 1'000);
  CHECK(deadlines.touch(SessionId{1}, 500));
  CHECK(deadlines.next_deadline() == 1'300);
}

TEST_CASE("A session that attaches again may get a shorter timeout") {
  SessionDeadlines deadlines(100);
  deadlines.add(SessionId{1}, 5'000, 0);
  deadlines.add(SessionId{1}, 200, 0);
  CHECK(deadlines.size() == 1);
  CHECK(deadlines.next_deadline() == 200);
}

TEST_CASE("A new leader grants everyone a full timeout") {
  SessionDeadlines deadlines(100);
  deadlines.add(SessionId{1}, 300, 0);
  deadlines.add(SessionId{2}, 600, 0);
  deadlines.restart(10'000);
  CHECK(deadlines.expired(10'299).empty());
  CHECK(deadlines.expired(10'300) == std::vector{SessionId{1}});
  CHECK(deadlines.expired(10'600) == std::vector{SessionId{2}});
}

TEST_CASE("Deadlines agree with a list that is searched from end to end") {
  struct Naive {
    std::uint32_t timeout;
    std::int64_t deadline;
  };
  for (unsigned seed = 0; seed < 20; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    const std::int64_t interval = 1 + pick(50);
    const auto round = [&](std::int64_t t) { return t % interval == 0 ? t : t + interval - t % interval; };
    SessionDeadlines deadlines(interval);
    std::map<std::int64_t, Naive> naive;
    std::int64_t now = 0;
    for (int step = 0; step < 2'000; ++step) {
      now += pick(8);
      const SessionId session{1 + pick(40)};
      const auto it = naive.find(session.value);
      switch (pick(8)) {
        case 0: {
          const auto timeout = static_cast<std::uint32_t>(1 + pick(200));
          deadlines.add(session, timeout, now);
          naive[session.value] = {timeout, round(now + timeout)};
          break;
        }
        case 1:
          CHECK(deadlines.remove(session) == (it != naive.end()));
          if (it != naive.end()) naive.erase(it);
          break;
        case 2: {
          std::set<std::int64_t> gone, expected;
          std::int64_t last = 0;
          for (const SessionId s : deadlines.expired(now)) {
            gone.insert(s.value);
            CHECK(naive.at(s.value).deadline >= last);
            last = naive.at(s.value).deadline;
          }
          for (const auto& [s, n] : naive) {
            if (n.deadline <= now) expected.insert(s);
          }
          CHECK(gone == expected);
          for (const auto s : expected) naive.erase(s);
          break;
        }
        case 3:
          if (pick(50) != 0) break;
          deadlines.restart(now);
          for (auto& [s, n] : naive) n.deadline = round(now + n.timeout);
          break;
        default:
          CHECK(deadlines.touch(session, now) == (it != naive.end()));
          if (it != naive.end()) it->second.deadline = std::max(it->second.deadline, round(now + it->second.timeout));
      }
      CHECK(deadlines.size() == naive.size());
      std::optional<std::int64_t> next;
      for (const auto& [s, n] : naive) next = std::min(next.value_or(n.deadline), n.deadline);
      REQUIRE(deadlines.next_deadline() == next);
    }
  }
}
