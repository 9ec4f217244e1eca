#include "apps/bench/wire/bulk.hpp"

#include <algorithm>
#include <stdexcept>

namespace troupe::bench {
namespace {

constexpr std::size_t at_once = 512;
constexpr std::chrono::seconds patience{60};

struct Bulk final : Listener {
  Bulk(const std::function<bool(Request&)>& next, const std::vector<int>& tolerated,
       const std::function<void(const Answer&)>& seen)
      : next(next), tolerated(tolerated), seen(seen) {}

  void fill(Session& session) {
    while (more && session.connected() && session.under_way() < at_once) {
      Request request{};
      more = next(request);
      if (more) session.send(request, number++);
    }
  }
  void answered(Session& session, const Answer& answer) override {
    ++answers;
    const bool fine = answer.error == error::ok || std::ranges::find(tolerated, answer.error) != tolerated.end();
    if (!fine && failed == error::ok) failed = answer.error;
    if (seen) seen(answer);
    if (failed == error::ok) fill(session);
  }
  void disconnected(Session&) override {
    if (failed == error::ok) failed = error::connection_loss;
  }

  const std::function<bool(Request&)>& next;
  const std::vector<int>& tolerated;
  const std::function<void(const Answer&)>& seen;
  std::uint64_t number = 0, answers = 0;
  int failed = error::ok;
  bool more = true;
};

}  // namespace

void bulk(Rig rig, const std::function<bool(Request&)>& next, const std::vector<int>& tolerated,
          const std::function<void(const Answer&)>& seen) {
  Bulk state(next, tolerated, seen);
  Fleet fleet(rig, 1, state);
  state.fill(fleet[0]);
  for (std::uint64_t before = 0; state.failed == error::ok && fleet[0].under_way() > 0; before = state.answers) {
    const auto progressed = [&] {
      return state.answers > before || state.failed != error::ok || fleet[0].under_way() == 0;
    };
    if (!rig.loop.run_until(progressed, Clock::now() + patience))
      throw std::runtime_error("the server does not answer");
  }
  if (state.failed != error::ok)
    throw std::runtime_error("a request to prepare or to verify was answered with error " +
                             std::to_string(state.failed));
}

int one(Rig rig, const Request& request, const std::function<void(const Answer&)>& seen) {
  int result = error::ok;
  bool sent = false;
  const auto next = [&](Request& into) {
    if (sent) return false;
    into = request;
    return sent = true;
  };
  bulk(rig, next, {error::no_node, error::node_exists}, [&](const Answer& answer) {
    result = answer.error;
    if (seen) seen(answer);
  });
  return result;
}

std::vector<std::string> names_below(Rig rig, const std::string& parent) {
  std::vector<std::string> names;
  one(rig, {.op = Op::children, .path = parent},
      [&](const Answer& answer) { names.assign(answer.names.begin(), answer.names.end()); });
  return names;
}

}  // namespace troupe::bench
