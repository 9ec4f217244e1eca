// A program at a terminal of its own: the test types and reads the screen. Single thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace troupe::test {

class PseudoTerminal {
 public:
  /// Starts `arguments`, the first of which is the program's path, with these variables ("NAME=value") set.
  PseudoTerminal(std::vector<std::string> arguments, const std::vector<std::string>& variables);
  ~PseudoTerminal();
  PseudoTerminal(const PseudoTerminal&) = delete;

  void type(const std::string& keys);
  /// Waits until `text` comes on the screen, and returns what has come since the last wait, up to its end. What
  /// moves the cursor or rings the bell is left out. Fails the test if it does not come.
  std::string wait_for(const std::string& text);
  /// Waits for the program's end. The exit status, or 128 + the signal's number.
  int finish();

 private:
  bool read_some();

  pid_t id_ = 0;
  int screen_ = -1;
  std::string raw_, text_;  // of raw_ what has not come to its end yet; of text_ what nobody has waited for
};

}  // namespace troupe::test
