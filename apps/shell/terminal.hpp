// Where the shell's lines come from and its output goes: a terminal with line editing, completion and
// history, or a plain stream of lines.
//
// Owner: the main thread. notify() alone may be called from any thread: what it says appears above the
// prompt, and the line being typed stays as it is.
#pragma once

#include <csignal>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace troupe::shell {

class Terminal {
 public:
  /// Given the words before the cursor's, and the part of its word before the cursor: what it may become.
  using Completer =
      std::function<std::vector<std::string>(const std::vector<std::string>& before, const std::string& word)>;

  /// One at a time. `history_file` is read now and written at the end; empty for none.
  Terminal(Completer completer, std::string history_file);
  ~Terminal();
  Terminal(const Terminal&) = delete;

  bool interactive() const { return interactive_; }

  /// The next line, without its end; none at the end of the input. Ctrl-C begins the line anew.
  std::optional<std::string> read_line(const std::string& prompt);

  /// Keeps `line` for the arrow keys and for the next time.
  void remember(const std::string& line);

  /// Prints `text`, a whole number of lines, as soon as it does not disturb. Any thread.
  void notify(const std::string& text);

 private:
  std::optional<std::string> read_edited_line(const std::string& prompt);
  std::optional<std::string> read_plain_line();
  void wait_for_input(const sigset_t* mask);  ///< until there is some, or a signal; prints notices meanwhile
  void print_notices(bool prompting);

  bool interactive_;
  std::string history_file_;
  std::string unread_;  ///< of a plain stream: read, not yet taken
  bool input_ended_ = false;
  int wake_fd_;
  std::mutex mutex_;
  std::string notices_;  // guarded by mutex_
};

}  // namespace troupe::shell
