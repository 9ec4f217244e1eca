// A line at the terminal that is written over and over: what is being done, and a bar of how far it is.
// Nothing where stderr is no terminal.
#pragma once

#include <string>

namespace troupe::bench {

class TerminalLine {
 public:
  ~TerminalLine() { clear(); }
  void show(const std::string& text);
  /// `done` from 0 to 1.
  void show(double done, const std::string& text);
  void clear();

 private:
  bool shown_ = false;
};

}  // namespace troupe::bench
