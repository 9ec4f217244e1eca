// A program under test: started with pipes for its input and output, read line by line.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace troupe::test {

class Program {
 public:
  /// Starts `arguments`; the first is the program's path. Its errors go where its output goes if
  /// `with_errors`, otherwise they are kept apart for errors().
  explicit Program(std::vector<std::string> arguments, bool with_errors = false);
  /// Ends it if it still runs.
  ~Program();
  Program(const Program&) = delete;

  pid_t id() const { return id_; }
  void write(const std::string& text);
  void close_input();
  /// Reads on until a line that contains `part`, and returns it; none if the output ends before. Whoever
  /// says nothing for five minutes is killed.
  std::optional<std::string> wait_for_line(const std::string& part);
  void signal(int number);
  /// Closes the input, reads all output, waits for the end. The exit status, or 128 + the signal's number.
  int finish();

  const std::string& output() const { return output_; }  ///< all that was read so far
  std::string errors() const;                            ///< all that it wrote to stderr so far

 private:
  bool read_some();

  pid_t id_ = 0;
  int input_ = -1, from_output_ = -1, errors_ = -1;
  std::string output_;
  std::size_t seen_ = 0;  // of output_, by wait_for_line
};

/// Bytes that the process has in memory and that are no file's.
std::size_t memory_of(pid_t process);

struct Finished {
  int status;
  std::string output, errors;
};

/// Runs `arguments` to their end with `input`.
Finished run(std::vector<std::string> arguments, const std::string& input = "", bool with_errors = false);

}  // namespace troupe::test
