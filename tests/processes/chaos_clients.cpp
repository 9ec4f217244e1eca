#include "tests/processes/chaos_clients.hpp"

#include <algorithm>

namespace troupe::test {
namespace {

using namespace std::chrono_literals;
using client::Created;
using client::Kind;
using client::Multi;
using client::Result;
using client::Value;

/// Longer than any fault lasts. A call that takes longer than the patience has failed.
client::Options lasting() { return {.session_timeout = 30s, .patience = 60s}; }

}  // namespace

void Verdict::fail(const std::string& what) {
  std::lock_guard lock(mutex_);
  failures_.push_back(what);
  failed_.notify_all();
}

bool Verdict::wait_until(std::chrono::steady_clock::time_point end) {
  std::unique_lock lock(mutex_);
  return failed_.wait_until(lock, end, [this] { return !failures_.empty(); });
}

std::vector<std::string> Verdict::failures() const {
  std::lock_guard lock(mutex_);
  return failures_;
}

ChaosClient::ChaosClient(Scenario& scenario, const std::string& name)
    : scenario_(scenario),
      name_(name),
      random_(scenario.seed ^ std::hash<std::string>()(name)),
      ephemeral_("/ephemerals/" + name),
      client_(scenario.connect, lasting()) {
  client_.create(ephemeral_, "", {.kind = Kind::ephemeral});
}

void ChaosClient::start() {
  thread_ = std::thread([this] { run(); });
}

void ChaosClient::run() {
  try {
    while (!scenario_.stop) {
      step();
      ++steps_;
    }
    finish();
  } catch (const std::exception& error) {
    fail(error.what());
  }
}

// --- registers ---

RegisterWriter::RegisterWriter(Scenario& scenario, unsigned id)
    : ChaosClient(scenario, "writer-" + std::to_string(id)), id_(id) {}

void RegisterWriter::prepare(Client& client) {
  client.create("/registers");
  for (unsigned id = 0; id < Scenario::writers; ++id)
    for (char which : {'a', 'b'}) client.create(path(id, which), "0");
}

void RegisterWriter::step() {
  const std::uint64_t value = last_ + 1;
  auto [a_done, a] = client::promised<client::Stat>();
  auto [b_done, b] = client::promised<client::Stat>();
  client_.set(path(id_, 'a'), std::to_string(value), -1, std::move(a_done));
  client_.set(path(id_, 'b'), std::to_string(value), -1, std::move(b_done));
  const auto a_result = a.get(), b_result = b.get();
  for (const auto* result : {&a_result, &b_result}) {
    if (!result->ok()) return fail("set to " + std::to_string(value) + ": " + describe(result->error()));
    // Nobody else writes here: the version counts the writes that took effect.
    expect((*result)->version == static_cast<std::int32_t>(value),
           "write " + std::to_string(value) + " made version " + std::to_string((*result)->version));
  }
  expect(a_result->mzxid < b_result->mzxid, "the first of two writes has the later zxid");
  scenario_.acknowledged[id_] = last_ = value;
}

RegisterReader::RegisterReader(Scenario& scenario, unsigned id)
    : ChaosClient(scenario, "reader-" + std::to_string(id)) {}

std::uint64_t RegisterReader::read(const std::string& path, const Result<Value>& result, Zxid& zxid) {
  if (!result.ok()) throw ClientError(result.error(), "get " + path + ": " + describe(result.error()));
  const std::uint64_t value = std::stoull(result->data);
  expect(result->stat.version == static_cast<std::int32_t>(value),
         path + ": write " + result->data + " made version " + std::to_string(result->stat.version));
  expect(result->stat.mzxid >= zxid, path + ": zxid " + to_string(result->stat.mzxid) + " after " + to_string(zxid));
  zxid = result->stat.mzxid;
  return value;
}

void RegisterReader::step() {
  const unsigned id = static_cast<unsigned>(random_() % Scenario::writers);
  const std::string a_path = RegisterWriter::path(id, 'a'), b_path = RegisterWriter::path(id, 'b');
  Seen& seen = seen_[id];
  const std::uint64_t acknowledged = scenario_.acknowledged[id];
  const bool synced = random_() % 4 == 0;
  if (synced) client_.sync();

  client::Watch watch;
  const bool sets_watch = !seen.watched;
  if (sets_watch) {
    seen.told = false;
    watch = [&seen](const client::Event&) { seen.told = true; };
  }
  auto [a_done, a_future] = client::promised<Value>();
  auto [b_done, b_future] = client::promised<Value>();
  client_.get(a_path, watch, std::move(a_done));
  client_.get(b_path, {}, std::move(b_done));
  const std::uint64_t a = read(a_path, a_future.get(), seen.a_zxid);
  const std::uint64_t b = read(b_path, b_future.get(), seen.b_zxid);

  // The writer sets a, then b, then the next a. What was seen of one bounds what may be seen of the other.
  const auto shown = [&] {
    return "register " + std::to_string(id) + ": a " + std::to_string(a) + ", b " + std::to_string(b) + " after a " +
           std::to_string(seen.a) + ", b " + std::to_string(seen.b);
  };
  expect(a >= seen.a && a >= seen.b, shown() + ": a went back");
  expect(b >= seen.b && b + 1 >= a, shown() + ": b went back");
  if (synced)
    expect(a >= acknowledged && b >= acknowledged, shown() + ": a sync missed " + std::to_string(acknowledged));
  seen.a = a;
  seen.b = b;

  if (sets_watch) {
    seen.watched = true;
    seen.watched_value = a;
  } else if (a != seen.watched_value) {
    expect(seen.told, shown() + ": the change from " + std::to_string(seen.watched_value) + " came before its event");
    seen.watched = false;
  }
}

// --- sequential znodes ---

Enumerator::Enumerator(Scenario& scenario, unsigned id)
    : ChaosClient(scenario, "enumerator-" + std::to_string(id)), id_(id) {}

void Enumerator::step() {
  {
    std::unique_lock lock(mutex_);
    answered_.wait(lock, [this] { return under_way_ < window; });
    ++under_way_;
  }
  std::string data = std::to_string(id_) + ":" + std::to_string(++last_);
  client_.create("/sequence/n-", data, {.kind = Kind::persistent_sequential}, [this, data](Result<Created> result) {
    std::lock_guard lock(mutex_);
    --under_way_;
    answered_.notify_one();
    if (!result.ok()) return fail("create " + data + ": " + describe(result.error()));
    expect(result->path > last_path_, "create " + data + " got " + result->path + " after " + last_path_);
    last_path_ = result->path;
    created_[data] = result->path;
  });
}

void Enumerator::finish() {
  std::unique_lock lock(mutex_);
  answered_.wait(lock, [this] { return under_way_ == 0; });
}

// --- counting together ---

Counter::Counter(Scenario& scenario, unsigned id) : ChaosClient(scenario, "counter-" + std::to_string(id)) {}

void Counter::prepare(Client& client) {
  client.create("/counter", "0");
  client.create("/count");
}

void Counter::step() {
  const Value now = client_.get("/counter");
  const std::uint64_t next = std::stoull(now.data) + 1;
  try {
    client_.commit(std::move(
        Multi().check("/counter", now.stat.version).set("/counter", std::to_string(next)).create(entry(next), mark())));
    counted_.push_back(next);
  } catch (const ClientError& error) {
    if (error.error() != Error::bad_version) throw;
    client_.sync();  // somebody else was quicker; this node may not know it yet
  }
}

}  // namespace troupe::test
