// A child process that does not outlive its parent.
//
// Owner: the thread that starts it, which must be the main thread: the kernel ends the child when that
// thread ends, however it ends. The parent takes ends of children from poll_exit(), not from waitpid.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace troupe {

class ChildProcess {
 public:
  struct Options {
    std::string output_file;  ///< stdout and stderr are appended to it; empty: shared with the parent
    bool detached = false;    ///< own process group and no input: a Ctrl-C at the terminal is not for it
  };

  /// No process.
  ChildProcess() = default;
  /// Starts `arguments`, the first of which is the program's path. Throws std::system_error.
  ChildProcess(const std::vector<std::string>& arguments, const Options& options);
  /// Ends a child that still runs, at once.
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;

  pid_t id() const { return id_; }
  bool running() const { return id_ != 0; }
  void signal(int number) const;

  /// How the child ended, as waitpid tells it; nothing while it runs. At most once for a child.
  std::optional<int> poll_exit();

 private:
  pid_t id_ = 0;
};

/// "exited with status 3", "was ended by signal 9 (Killed)".
std::string describe_exit(int wait_status);

/// The path of the running program.
std::string own_program();

}  // namespace troupe
