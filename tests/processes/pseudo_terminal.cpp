#include "tests/processes/pseudo_terminal.hpp"

#include <poll.h>
#include <pty.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "tests/catch.hpp"

namespace troupe::test {
namespace {

constexpr int patience_ms = 30'000;
constexpr char escape = '\x1b';

/// The length of the escape sequence at the front of `raw`; 0 if it is not all there.
std::size_t sequence_length(const std::string& raw) {
  if (raw.size() < 2) return 0;
  if (raw[1] != '[') return 2;
  const std::size_t end = raw.find_first_not_of("0123456789;?", 2);
  return end == std::string::npos ? 0 : end + 1;
}

}  // namespace

PseudoTerminal::PseudoTerminal(std::vector<std::string> arguments, const std::vector<std::string>& variables) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  winsize size{.ws_row = 40, .ws_col = 200, .ws_xpixel = 0, .ws_ypixel = 0};
  id_ = forkpty(&screen_, nullptr, nullptr, &size);
  if (id_ < 0) throw std::runtime_error("no terminal");
  if (id_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const std::string& variable : variables) putenv(const_cast<char*>(variable.c_str()));
    execv(argv[0], argv.data());
    _exit(127);
  }
}

PseudoTerminal::~PseudoTerminal() {
  if (id_ > 0) {
    kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
  }
  close(screen_);
}

void PseudoTerminal::type(const std::string& keys) {
  if (write(screen_, keys.data(), keys.size()) != static_cast<ssize_t>(keys.size()))
    throw std::runtime_error("the terminal does not take what is typed");
}

/// False at the end.
bool PseudoTerminal::read_some() {
  pollfd waiting{.fd = screen_, .events = POLLIN, .revents = 0};
  if (poll(&waiting, 1, patience_ms) == 0) FAIL("the program falls silent; the screen has: " << text_);
  char buffer[4096];
  const ssize_t count = read(screen_, buffer, sizeof buffer);
  if (count <= 0) return false;
  raw_.append(buffer, static_cast<std::size_t>(count));
  while (!raw_.empty()) {
    const std::size_t plain = std::min(raw_.find(escape), raw_.size());
    text_.append(raw_, 0, plain);
    raw_.erase(0, plain);
    if (raw_.empty()) break;
    const std::size_t sequence = sequence_length(raw_);
    if (sequence == 0) break;
    raw_.erase(0, sequence);
  }
  std::erase(text_, '\a');
  return true;
}

std::string PseudoTerminal::wait_for(const std::string& text) {
  for (;;) {
    if (const std::size_t at = text_.find(text); at != std::string::npos) {
      std::string come = text_.substr(0, at + text.size());
      text_.erase(0, at + text.size());
      return come;
    }
    if (!read_some()) FAIL("\"" << text << "\" does not come; the screen has: " << text_);
  }
}

int PseudoTerminal::finish() {
  while (read_some()) {
  }
  int status = 0;
  waitpid(std::exchange(id_, 0), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace troupe::test
