// Real nodes are killed, frozen and stopped again and again while clients work. No promise is broken.
//
// TROUPE_CHAOS_SECONDS: how long (60). TROUPE_CHAOS_SEED: which faults; without it they are new each time.
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <future>
#include <iostream>
#include <memory>
#include <random>

#include "apps/local_ensemble.hpp"
#include "tests/catch.hpp"
#include "tests/processes/chaos_clients.hpp"
#include "tests/temp_dir.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto patience = 90s;  // of whatever must happen in the end

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value ? std::stoull(value) : otherwise;
}

/// Path → value, of a part of the tree as one node shows it.
using Dump = std::map<std::string, client::Value>;

class Chaos {
 public:
  explicit Chaos(std::uint64_t seed)
      : random_(seed),
        ensemble_(TROUPE_PROGRAM, {.directory = directory_.path(), .participants = 3, .base_port = free_base_port(3)}) {
    ensemble_.start_all();
    REQUIRE(ensemble_.wait_ready(patience));
  }

  LocalEnsemble& ensemble() { return ensemble_; }
  unsigned faults() const { return faults_; }

  /// One fault, and its end.
  void strike(Verdict& verdict) {
    const std::size_t one = random_() % ensemble_.size();
    switch (random_() % 10) {
      case 0: {
        log("all nodes are killed");
        for (std::size_t node = 0; node < ensemble_.size(); ++node) ensemble_.kill(node);
        ensemble_.start_all();
        break;
      }
      case 1: {
        const std::size_t other = (one + 1) % ensemble_.size();
        log("nodes " + std::to_string(one + 1) + " and " + std::to_string(other + 1) + " are killed");
        ensemble_.kill(one);
        ensemble_.kill(other);
        pass(verdict, 1s);
        ensemble_.start(one);
        ensemble_.start(other);
        break;
      }
      case 2: {
        log("node " + std::to_string(one + 1) + " is stopped");
        const auto status = ensemble_.stop(one, patience);
        if (!status || *status != 0)
          verdict.fail("a node that was told to stop " + (status ? describe_exit(*status) : "did not"));
        if (status) ensemble_.start(one);
        break;
      }
      case 3:
      case 4:
      case 5: {
        log("node " + std::to_string(one + 1) + " is frozen");
        ensemble_.signal(one, SIGSTOP);
        pass(verdict, 4s);
        ensemble_.signal(one, SIGCONT);
        break;
      }
      default: {
        log("node " + std::to_string(one + 1) + " is killed");
        ensemble_.kill(one);
        pass(verdict, 3s);
        ensemble_.start(one);
      }
    }
  }

  /// A time of at most `longest` in which nodes may not end by themselves.
  void pass(Verdict& verdict, std::chrono::milliseconds longest) {
    const auto end = Clock::now() + std::chrono::milliseconds(random_() % static_cast<std::uint64_t>(longest.count()));
    while (Clock::now() < end && !verdict.wait_until(std::min(end, Clock::now() + 100ms))) check_alive(verdict);
  }

  void check_alive(Verdict& verdict) {
    for (std::size_t node = 0; node < ensemble_.size(); ++node)
      if (const auto status = ensemble_.poll_exit(node))
        verdict.fail("node " + std::to_string(node + 1) + " " + describe_exit(*status));
  }

  /// What happened, and the last lines of the nodes' logs.
  std::string story() const {
    std::string text = "faults:" + story_;
    for (std::size_t node = 0; node < ensemble_.size(); ++node) {
      std::deque<std::string> lines;
      std::ifstream in(ensemble_.log_file(node));
      for (std::string line; std::getline(in, line); lines.size() > 60 ? lines.pop_front() : void())
        lines.push_back(line);
      text += "\nthe end of the log of node " + std::to_string(node + 1) + ":";
      for (const std::string& line : lines) text += "\n  " + line;
    }
    return text;
  }

 private:
  void log(const std::string& what) {
    const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start_).count();
    ++faults_;
    story_ += "\n  " + std::to_string(at) + " ms: " + what;
  }

  const Clock::time_point start_ = Clock::now();
  std::mt19937_64 random_;
  TempDir directory_;
  LocalEnsemble ensemble_;
  std::string story_;
  unsigned faults_ = 0;
};

/// The children of `parents`, with their data, as the node at `address` shows them after a sync.
Dump dump(const std::string& address, const std::vector<std::string>& parents) {
  Client client(address, {.patience = std::chrono::duration_cast<std::chrono::milliseconds>(patience)});
  client.sync();
  Dump all;
  std::vector<std::pair<std::string, std::future<client::Result<client::Value>>>> asked;
  const auto ask = [&](const std::string& path) {
    auto [done, future] = client::promised<client::Value>();
    client.get(path, {}, std::move(done));
    asked.emplace_back(path, std::move(future));
  };
  for (const std::string& parent : parents) {
    ask(parent);
    for (const std::string& name : client.children(parent).names) ask(parent + "/" + name);
  }
  for (auto& [path, future] : asked) {
    auto result = future.get();
    if (!result.ok()) throw ClientError(result.error(), "get " + path + ": " + describe(result.error()));
    all[path] = std::move(result.value());
  }
  return all;
}

bool same(const client::Value& a, const client::Value& b) {
  return a.data == b.data && a.has_data == b.has_data && a.stat == b.stat;
}

/// What differs between two nodes' trees; empty if nothing does.
std::string difference(const Dump& one, const Dump& other) {
  std::string text;
  for (const auto& [path, value] : one) {
    const auto found = other.find(path);
    if (found == other.end())
      text += path + " is missing; ";
    else if (!same(found->second, value))
      text += path + " differs; ";
  }
  for (const auto& [path, value] : other)
    if (!one.contains(path)) text += path + " is there; ";
  return text.substr(0, 2000);
}

std::size_t count_below(const Dump& tree, const std::string& parent) {
  return static_cast<std::size_t>(std::count_if(
      tree.begin(), tree.end(), [&](const auto& entry) { return entry.first.starts_with(parent + "/"); }));
}

/// All the clients of the scenario.
struct Crew {
  explicit Crew(Scenario& scenario) {
    for (unsigned id = 0; id < Scenario::writers; ++id) add(writers, scenario, id);
    for (unsigned id = 0; id < 4; ++id) add(readers, scenario, id);
    for (unsigned id = 0; id < 2; ++id) add(enumerators, scenario, id);
    for (unsigned id = 0; id < 2; ++id) add(counters, scenario, id);
  }

  template <class T>
  void add(std::vector<std::unique_ptr<T>>& to, Scenario& scenario, unsigned id) {
    to.push_back(std::make_unique<T>(scenario, id));
    all.push_back(to.back().get());
  }

  std::vector<std::unique_ptr<RegisterWriter>> writers;
  std::vector<std::unique_ptr<RegisterReader>> readers;
  std::vector<std::unique_ptr<Enumerator>> enumerators;
  std::vector<std::unique_ptr<Counter>> counters;
  std::vector<ChaosClient*> all;
};

/// Every client makes some more steps, now that nobody disturbs them.
void check_progress(Chaos& chaos, Scenario& scenario, const Crew& crew) {
  const auto deadline = Clock::now() + patience;
  if (!chaos.ensemble().wait_ready(patience)) return scenario.verdict.fail("the ensemble does not get ready again");
  std::vector<std::uint64_t> steps;
  for (const ChaosClient* client : crew.all) steps.push_back(client->steps());
  for (std::size_t i = 0; i < crew.all.size(); ++i)
    while (crew.all[i]->steps() < steps[i] + 10 && !scenario.verdict.wait_until(Clock::now() + 10ms)) {
      chaos.check_alive(scenario.verdict);
      if (Clock::now() > deadline) scenario.verdict.fail("client " + crew.all[i]->ephemeral() + " does not get on");
    }
}

bool holds(const Dump& tree, const std::string& path, const std::string& data) {
  const auto found = tree.find(path);
  return found != tree.end() && found->second.data == data;
}

void check_registers(const Dump& tree, const Crew& crew) {
  for (unsigned id = 0; id < Scenario::writers; ++id)
    for (char which : {'a', 'b'}) {
      const client::Value& value = tree.at(RegisterWriter::path(id, which));
      CHECK(value.data == std::to_string(crew.writers[id]->last()));
      CHECK(value.stat.version == static_cast<std::int32_t>(crew.writers[id]->last()));
    }
}

/// Returns how many there are.
std::size_t check_sequence(const Dump& tree, const Crew& crew) {
  std::size_t created = 0, wrong = 0;
  for (const auto& enumerator : crew.enumerators)
    for (const auto& [data, path] : enumerator->created()) {
      ++created;
      wrong += !holds(tree, path, data);
    }
  CHECK(wrong == 0);
  CHECK(count_below(tree, "/sequence") == created);
  return created;
}

/// Returns how far they counted.
std::size_t check_count(const Dump& tree, const Crew& crew) {
  std::size_t counted = 0, wrong = 0;
  for (const auto& counter : crew.counters)
    for (std::uint64_t number : counter->counted()) {
      ++counted;
      wrong += !holds(tree, Counter::entry(number), counter->mark());
    }
  CHECK(wrong == 0);
  CHECK(count_below(tree, "/count") == counted);
  CHECK(tree.at("/counter").data == std::to_string(counted));
  CHECK(tree.at("/counter").stat.version == static_cast<std::int32_t>(counted));
  return counted;
}

void check_ephemerals(const Dump& tree, const Crew& crew) {
  CHECK(count_below(tree, "/ephemerals") == crew.all.size());
  for (const ChaosClient* client : crew.all) {
    const auto found = tree.find(client->ephemeral());
    CHECK((found != tree.end() && found->second.stat.ephemeral_owner == client->session()));
  }
}

}  // namespace

TEST_CASE("killed and frozen nodes break no promise to any client") {
  const std::uint64_t seed = setting("TROUPE_CHAOS_SEED", std::random_device()());
  const std::chrono::seconds duration(setting("TROUPE_CHAOS_SECONDS", 60));
  std::cout << "chaos: TROUPE_CHAOS_SEED=" << seed << " TROUPE_CHAOS_SECONDS=" << duration.count() << std::endl;
  Chaos chaos(seed);
  {
    Client client(chaos.ensemble().connect());
    client.create("/ephemerals");
    client.create("/sequence");
    RegisterWriter::prepare(client);
    Counter::prepare(client);
  }
  Scenario scenario{.connect = chaos.ensemble().connect(), .seed = seed};
  auto crew = std::make_unique<Crew>(scenario);

  // Faults, while the clients work; then everybody gets on.
  for (ChaosClient* client : crew->all) client->start();
  const auto end = Clock::now() + duration;
  while (Clock::now() < end && scenario.verdict.failures().empty()) {
    chaos.pass(scenario.verdict, 4s);
    chaos.strike(scenario.verdict);
  }
  check_progress(chaos, scenario, *crew);
  scenario.stop = true;
  for (ChaosClient* client : crew->all) client->join();

  INFO(chaos.story());
  REQUIRE(scenario.verdict.failures() == std::vector<std::string>{});

  // All nodes have the same: what was acknowledged, and each once.
  std::vector<Dump> trees;
  for (const std::string& address : chaos.ensemble().addresses())
    trees.push_back(dump(address, {"/registers", "/sequence", "/counter", "/count", "/ephemerals"}));
  CHECK(difference(trees[0], trees[1]) == "");
  CHECK(difference(trees[0], trees[2]) == "");
  check_registers(trees[0], *crew);
  const std::size_t created = check_sequence(trees[0], *crew), counted = check_count(trees[0], *crew);
  check_ephemerals(trees[0], *crew);
  std::uint64_t written = 0, read = 0;
  for (const auto& writer : crew->writers) written += 2 * writer->last();
  for (const auto& reader : crew->readers) read += 2 * reader->steps();
  std::cout << "chaos: " << chaos.faults() << " faults; " << created << " sequential creates, " << counted
            << " multis, " << written << " writes and " << read << " reads of registers" << std::endl;

  // Ephemerals last as long as their sessions, and no longer.
  crew.reset();
  for (const std::string& address : chaos.ensemble().addresses())
    CHECK(count_below(dump(address, {"/ephemerals"}), "/ephemerals") == 0);
}
