// An ensemble of real processes, started by `troupe up` in a directory of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/processes/program.hpp"
#include "tests/temp_dir.hpp"

namespace troupe::test {

/// The troupe command with these words.
std::vector<std::string> troupe(std::vector<std::string> words);

class Ensemble {
 public:
  /// Starts it and waits until it is ready. `options` for troupe up. Throws if it does not get ready.
  explicit Ensemble(int nodes, std::vector<std::string> options = {});

  const std::string& connect() const { return connect_; }  ///< for --connect
  const std::string& ready_line() const { return ready_line_; }
  Program& launcher() { return *launcher_; }
  const TempDir& directory() const { return directory_; }
  /// Stops it and starts it again in the same directory, without options.
  void restart();

  /// Runs one shell command.
  Finished shell(std::vector<std::string> words) const;
  /// Runs lines through one shell; errors are within the output.
  Finished shell_lines(const std::string& lines) const;

 private:
  void start(std::vector<std::string> options);

  TempDir directory_;
  std::unique_ptr<Program> launcher_;
  std::string connect_, ready_line_;
};

}  // namespace troupe::test
