// A client that creates znodes all the time, several under way, wherever it is served, and knows which of them
// were acknowledged. None may fail: its session outlives what the test does to the nodes.
//
// The test's thread; the callbacks run on the client's.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

#include "client/client.hpp"

namespace troupe::test {

class BusyWriter {
 public:
  /// Begins. The znodes are children of `parent`, which it makes; the name of each is its data, too.
  BusyWriter(const std::string& connect, std::string parent);
  ~BusyWriter();
  BusyWriter(const BusyWriter&) = delete;

  const std::string& parent() const { return parent_; }
  /// Waits until so many more than now are acknowledged; false if that does not happen.
  bool wait_for_more(std::size_t count);
  /// Writes no more, waits for what is under way, and returns the names of all that was acknowledged.
  std::set<std::string> finish();
  /// What was answered with an error.
  std::string failures() const;

 private:
  void write_next();

  const std::string parent_;
  mutable std::mutex mutex_;
  std::condition_variable answered_;
  // Guarded by mutex_.
  std::size_t next_ = 1, under_way_ = 0;
  bool finishing_ = false;
  std::set<std::string> acknowledged_;
  std::string failures_;

  Client client_;  // ends before what its callbacks use
};

}  // namespace troupe::test
