// Clients that work on an ensemble while its nodes are mistreated, and remember what they were told, so
// that every promise to a client can be checked: at once where time runs backwards or an event is late,
// in the end by comparing what was acknowledged with what is there.
//
// Each has a session, a thread, and an ephemeral znode that must last as long as the session. No call
// may fail: the sessions are longer than any fault, and the client library repeats what is unanswered.
//
//   RegisterWriter   /registers/<id>-a and -b: 1, 1, 2, 2, 3, 3, …; versions tell whether a write was doubled
//   RegisterReader   reads them: no value goes back, b is at most one behind a, an event precedes its data
//   Enumerator       /sequence/n-<number>: sequential znodes with unique data, several under way
//   Counter          /counter and /count/<n>: several count together, with multi and a checked version
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "client/client.hpp"

namespace troupe::test {

/// What was found wrong, by any thread.
class Verdict {
 public:
  void fail(const std::string& what);
  /// Waits until then; true, and at once, if something is wrong.
  bool wait_until(std::chrono::steady_clock::time_point end);
  std::vector<std::string> failures() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable failed_;
  std::vector<std::string> failures_;
};

/// What the clients of one scenario share.
struct Scenario {
  static constexpr unsigned writers = 2;

  std::string connect;
  std::uint64_t seed;
  Verdict verdict;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> acknowledged[writers] = {};  ///< of the registers: everybody sees this much after a sync
};

class ChaosClient {
 public:
  ChaosClient(Scenario& scenario, const std::string& name);
  virtual ~ChaosClient() = default;

  void start();
  void join() { thread_.join(); }
  std::uint64_t steps() const { return steps_; }
  const std::string& ephemeral() const { return ephemeral_; }
  SessionId session() const { return client_.session(); }

 protected:
  /// Repeated until the scenario stops. A ClientError that leaves it is a failure.
  virtual void step() = 0;
  virtual void finish() {}
  void fail(const std::string& what) { scenario_.verdict.fail(name_ + ": " + what); }
  void expect(bool condition, const std::string& what) {
    if (!condition) fail(what);
  }

  Scenario& scenario_;
  const std::string name_;
  std::mt19937_64 random_;

 private:
  void run();

  const std::string ephemeral_;
  std::atomic<std::uint64_t> steps_{0};
  std::thread thread_;

 protected:
  Client client_;  // closed by those whose callbacks use their members
};

class RegisterWriter final : public ChaosClient {
 public:
  RegisterWriter(Scenario& scenario, unsigned id);
  /// Makes the registers of all writers, before they start.
  static void prepare(Client& client);
  static std::string path(unsigned id, char which) { return "/registers/" + std::to_string(id) + "-" + which; }
  std::uint64_t last() const { return last_; }

 private:
  void step() override;
  const unsigned id_;
  std::uint64_t last_ = 0;
};

class RegisterReader final : public ChaosClient {
 public:
  RegisterReader(Scenario& scenario, unsigned id);
  ~RegisterReader() override { client_.close(); }

 private:
  struct Seen {
    std::uint64_t a = 0, b = 0;
    Zxid a_zxid, b_zxid;
    bool watched = false;
    std::uint64_t watched_value = 0;
    std::atomic<bool> told{false};
  };
  void step() override;
  std::uint64_t read(const std::string& path, const client::Result<client::Value>& result, Zxid& zxid);
  Seen seen_[Scenario::writers];
};

class Enumerator final : public ChaosClient {
 public:
  Enumerator(Scenario& scenario, unsigned id);
  ~Enumerator() override { client_.close(); }
  /// Data → path, of all that was acknowledged. After join().
  const std::map<std::string, std::string>& created() const { return created_; }

 private:
  static constexpr unsigned window = 8;
  void step() override;
  void finish() override;
  const unsigned id_;
  std::uint64_t last_ = 0;

  std::mutex mutex_;
  std::condition_variable answered_;
  // Guarded by mutex_.
  unsigned under_way_ = 0;
  std::string last_path_;
  std::map<std::string, std::string> created_;
};

class Counter final : public ChaosClient {
 public:
  Counter(Scenario& scenario, unsigned id);
  static void prepare(Client& client);
  static std::string entry(std::uint64_t number) { return "/count/" + std::to_string(number); }
  const std::vector<std::uint64_t>& counted() const { return counted_; }
  const std::string& mark() const { return name_; }  ///< the data of its entries

 private:
  void step() override;
  std::vector<std::uint64_t> counted_;
};

}  // namespace troupe::test
