#include "apps/bench/terminal_line.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace troupe::bench {

void TerminalLine::show(const std::string& text) {
  static const bool terminal = isatty(STDERR_FILENO) != 0;
  if (!terminal) return;
  std::fprintf(stderr, "\r\033[K%s", text.c_str());
  shown_ = true;
}

void TerminalLine::show(double done, const std::string& text) {
  constexpr std::size_t width = 20;
  const auto filled = static_cast<std::size_t>(std::clamp(done, 0.0, 1.0) * width);
  show("[" + std::string(filled, '#') + std::string(width - filled, ' ') + "] " + text);
}

void TerminalLine::clear() {
  if (shown_) std::fputs("\r\033[K", stderr);
  shown_ = false;
}

}  // namespace troupe::bench
