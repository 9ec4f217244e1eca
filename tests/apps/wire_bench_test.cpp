// The load generator against a server that answers at once, and one that does wrong on purpose: what it
// counts, and that it notices. Both in one event loop. No times.
#include <atomic>
#include <deque>
#include <random>
#include <thread>

#include "apps/bench/matrix.hpp"
#include "apps/bench/wire/bulk.hpp"
#include "apps/bench/wire/fifo.hpp"
#include "apps/bench/wire/jute.hpp"
#include "apps/bench/wire/null_server.hpp"
#include "apps/bench/wire/pacer.hpp"
#include "apps/bench/wire/workload.hpp"
#include "apps/bench/wire/zk_requests.hpp"
#include "apps/bench/wire/zk_session.hpp"
#include "tests/catch.hpp"

using namespace troupe::bench;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t keys = 10;

/// A server, and what a workload needs to load it.
struct Bed {
  explicit Bed(NullServerOptions options = {}) : server(loop, 0, options), nodes(resolve({server.address()})) {}

  Measured run(Load load) {
    load.duration = load.warm_up = 0s;
    const Observer observer{
        .measuring = [] {}, .measured = [] {}, .progress = [](auto, std::uint64_t) { return true; }};
    return troupe::bench::run({.rig = rig(), .tree = tree, .load = load, .observer = observer, .servers = {}});
  }
  Rig rig() { return {loop, driver, nodes}; }

  EventLoop loop;
  ZkDriver driver;
  NullServer server;
  std::vector<Endpoint> nodes;
  Tree tree{rig(), keys, 100};
};

double figure(const Measured& measured, const std::string& name) {
  for (const auto& [known, value] : measured.figures)
    if (known == name) return value;
  FAIL("there is no figure " << name);
  return 0;
}

std::string hex(std::string_view bytes) {
  std::string text;
  char digits[3];
  for (unsigned char byte : bytes) text += (std::snprintf(digits, sizeof digits, "%02x", byte), digits);
  return text;
}

}  // namespace

TEST_CASE("every request is sent once and counted once") {
  for (Workload workload :
       {Workload::get, Workload::set, Workload::create, Workload::create_spread, Workload::mixed, Workload::multi}) {
    Bed bed;
    const Load load{.workload = workload, .connections = 4, .outstanding = 8, .count = 2000};
    const std::uint64_t parents = workload == Workload::create_spread ? 1000 : 0;
    const std::uint64_t check = workload == Workload::create ? 1 : 0;
    const std::uint64_t before = bed.server.requests();
    const Measured measured = bed.run(load);
    INFO(name_of(workload));
    CHECK(measured.operations == 2000);
    CHECK(measured.latency.count() == 2000);
    CHECK(measured.errors == 0);
    CHECK(measured.order_errors == 0);
    CHECK(measured.lost_connections == 0);
    CHECK(bed.server.requests() - before == 2000 + parents + check);
  }
}

TEST_CASE("threads share the connections and the requests") {
  // A loop of its own for the server, for the first thread's loop ends with its share.
  EventLoop server_loop;
  NullServer server(server_loop, 0);
  std::atomic<bool> done = false;
  std::thread serving([&] { server_loop.run_until([&] { return done.load(); }); });
  {
    EventLoop loop;
    ZkDriver driver;
    const std::vector<Endpoint> nodes = resolve({server.address()});
    Tree tree({loop, driver, nodes}, keys, 100);
    const Load load{.workload = Workload::set, .connections = 5, .outstanding = 4, .threads = 3, .count = 1000};
    const Observer observer{
        .measuring = [] {}, .measured = [] {}, .progress = [](auto, std::uint64_t) { return true; }};
    const Measured measured =
        run({.rig = {loop, driver, nodes}, .tree = tree, .load = load, .observer = observer, .servers = {}});
    CHECK(measured.operations == 1000);
    CHECK(measured.latency.count() == 1000);
    CHECK(measured.order_errors == 0);
  }
  done = true;
  serving.join();
  CHECK(server.sessions() == 5 + 4);  // and those that made the tree
}

TEST_CASE("requests that are ready together leave together") {
  Bed bed;
  const std::uint64_t before = bed.loop.writes;
  bed.run({.workload = Workload::get, .connections = 2, .outstanding = 64, .count = 6400});
  // 50 rounds of 64 for each of the two, and as many of the server's; some for the sessions' begin and end.
  CHECK(bed.loop.writes - before <= 2 * 2 * 50 + 20);
}

TEST_CASE("a fixed rate sends every request, too") {
  Bed bed;
  const Measured measured = bed.run({.workload = Workload::get, .connections = 3, .rate = 20'000, .count = 500});
  CHECK(measured.operations == 500);
  CHECK(measured.order_errors == 0);
}

TEST_CASE("replies that have changed places are noticed") {
  Bed bed({.swap_every = 100});
  const Measured measured = bed.run({.workload = Workload::get, .connections = 2, .outstanding = 8, .count = 2000});
  CHECK(measured.order_errors > 0);
  CHECK(measured.order_errors <= 2 * 2000 / 100);
}

TEST_CASE("errors are counted apart from operations") {
  Bed bed({.fail_every = 50});
  const Measured measured = bed.run({.workload = Workload::set, .connections = 1, .outstanding = 4, .count = 2000});
  CHECK(measured.errors == 2000 / 50);
  CHECK(measured.operations == 2000 - 2000 / 50);
}

TEST_CASE("connections that are lost end the run and are told") {
  Bed bed({.drop_after = 100});
  const Measured measured = bed.run({.workload = Workload::get, .connections = 3, .outstanding = 4, .count = 2000});
  CHECK(measured.lost_connections == 3);
  CHECK(measured.operations <= 3 * 99);
  CHECK(measured.errors == 3 * 4);  // those under way, whose fate nobody knows
}

TEST_CASE("sessions are opened, counted and closed") {
  Bed bed;
  const std::uint64_t before = bed.server.sessions();
  const Measured measured = bed.run({.workload = Workload::sessions, .rate = 50'000, .sessions = 200});
  CHECK(measured.operations == 200);
  CHECK(measured.errors == 0);
  CHECK(figure(measured, "closed") == 200);
  CHECK(bed.server.sessions() - before == 200);
}

TEST_CASE("without a server there is an error, not a row of zeros") {
  EventLoop loop;
  ZkDriver driver;
  const std::vector<Endpoint> nodes = resolve({"127.0.0.1:1"});
  CHECK_THROWS_AS(Tree({loop, driver, nodes}, keys, 100), std::runtime_error);
}

TEST_CASE("at a fixed rate a stall is felt by all that should have been sent meanwhile") {
  // A server that answers at once, but for one second in which it does nothing, in a time that is counted
  // by hand.
  const auto start = Clock::time_point() + 1h;
  Pacer pacer(1000, start);
  Histogram latency;
  Clock::time_point now = start;
  for (int answers = 0; answers < 10'000; ++answers) {
    if (answers == 5000) now += 1s;
    now = std::max(now, pacer.next());
    latency.record(now - *pacer.take(now));
  }
  // Of those that were due meanwhile the first has waited almost all of the second, the last not at all. A
  // closed loop would have told of one slow answer in ten thousand.
  CHECK(latency.max() == 999ms);
  CHECK(latency.percentile(90) == 0ms);
  CHECK(latency.percentile(95) >= 499ms);
  CHECK(latency.percentile(95) < 504ms);
  CHECK(latency.percentile(99) >= 899ms);
}

TEST_CASE("the pace does not drift and takes nothing too early") {
  const auto start = Clock::time_point() + 1h;
  Pacer pacer(3, start);  // a third of a second is no whole number of nanoseconds
  CHECK(pacer.take(start - 1ns) == std::nullopt);
  CHECK(pacer.take(start) == start);
  CHECK(pacer.take(start) == std::nullopt);
  while (pacer.taken() < 3'000'000) pacer.take(start + 24h * 365);
  CHECK(pacer.next() - start >= 1'000'000s - 1us);
  CHECK(pacer.next() - start <= 1'000'000s + 1us);
}

TEST_CASE("requests are what ZooKeeper's protocol says") {
  OutBuffer out;
  zk::write_request(out, 7, {.op = Op::get, .path = "/a", .watch = true});
  CHECK(hex(out.pending()) ==
        "0000000f"
        "00000007"
        "00000004"
        "00000002"
        "2f61"
        "01");
  out.clear();
  zk::write_request(out, 8, {.op = Op::set, .path = "/a", .data = "xyz"});
  CHECK(hex(out.pending()) ==
        "00000019"
        "00000008"
        "00000005"
        "00000002"
        "2f61"
        "00000003"
        "78797a"
        "ffffffff");
  out.clear();
  const Request removes[] = {{.op = Op::remove, .path = "/a"}};
  zk::write_request(out, 9, {.op = Op::multi, .path = {}, .operations = removes});
  CHECK(hex(out.pending()) ==
        "00000024"
        "00000009"
        "0000000e"
        "00000002"
        "00"
        "ffffffff"
        "00000002"
        "2f61"
        "ffffffff"
        "ffffffff"
        "01"
        "ffffffff");
}

TEST_CASE("a ring is a queue from which one may take out of order") {
  std::mt19937 random(5);
  Fifo<int> ring;
  std::deque<int> model;
  for (int i = 0; i < 10'000; ++i) {
    if (model.empty() || random() % 5 < 3) {
      ring.push(i);
      model.push_back(i);
    } else {
      const std::size_t place = random() % 4 == 0 ? random() % model.size() : 0;
      REQUIRE(ring.take(place) == model[place]);
      model.erase(model.begin() + static_cast<std::ptrdiff_t>(place));
    }
    REQUIRE(ring.size() == model.size());
    if (!model.empty()) REQUIRE(ring.front() == model.front());
  }
}

TEST_CASE("a buffer keeps what is not sent yet") {
  std::mt19937 random(6);
  OutBuffer buffer;
  std::string model;
  for (int i = 0; i < 10'000; ++i) {
    const std::string bytes(random() % 300, static_cast<char>('a' + i % 26));
    buffer.append(bytes);
    model += bytes;
    const std::size_t sent = random() % (model.size() + 1);
    buffer.sent(sent);
    model.erase(0, sent);
    REQUIRE(buffer.pending() == model);
  }
}

TEST_CASE("workloads that have no use for shapes are run once") {
  Matrix matrix{.connections = {1, 16}, .outstanding = {1, 256}};
  CHECK(shapes_of(matrix, Workload::get) == std::vector<Shape>{{1, 1}, {1, 256}, {16, 1}, {16, 256}});
  CHECK(shapes_of(matrix, Workload::lock) == std::vector<Shape>{{1, 1}, {16, 1}});
  CHECK(shapes_of(matrix, Workload::failover) == std::vector<Shape>{{16, 1}});
  matrix.shapes = {{64, 16}};
  CHECK(shapes_of(matrix, Workload::get) == std::vector<Shape>{{64, 16}});
}
