// Runs the nodes of an ensemble directory as child processes, until it is told to stop.
//
//   start → wait until every node answers with the same leader → "ready: …" → watch the children → stop
//
// A node that dies is reported, and started again only if that was asked for: who tries out what a
// failure does wants it to stay. The children never outlive the launcher, however it ends.
// Main thread alone.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "apps/child_process.hpp"
#include "apps/ensemble_dir.hpp"

namespace troupe {

class Launcher {
 public:
  struct Options {
    bool restart = false;  ///< start a node again that has died
    bool shell = false;    ///< open a shell when ready; stop when it ends
  };

  Launcher(std::vector<EnsembleNode> nodes, Options options);

  /// Blocks until SIGTERM, SIGINT, SIGHUP, the end of the input or of the shell. Returns the exit status.
  int run();

 private:
  using Clock = std::chrono::steady_clock;
  struct Child {
    EnsembleNode node;
    ChildProcess process;
    Clock::time_point started;
    std::optional<Clock::time_point> restart_at;
    std::chrono::seconds pause{0};  ///< of the last restart
    std::uintmax_t log_start = 0;   ///< where this run's part of the log file begins
  };

  bool ports_are_free() const;
  void announce() const;
  void start(Child& child);
  void turn(int signals);  ///< waits for something to happen and reacts
  void read_signals(int signals);
  void reap();
  void child_ended(Child& child, int wait_status);
  void restart_due();
  void probe();  ///< is the ensemble ready?
  bool input_ended() const;
  void stop_all();
  std::chrono::milliseconds next_timeout() const;

  Options options_;
  std::vector<Child> children_;
  std::optional<ChildProcess> shell_;
  bool watch_input_ = false;
  bool ready_ = false;
  bool stopping_ = false;
  int status_ = 0;
  Clock::time_point patience_end_;
};

}  // namespace troupe
