#include "apps/shell/terminal.hpp"

#include <poll.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "apps/shell/words.hpp"

namespace troupe::shell {
namespace {

constexpr int history_length = 1000;

// Readline has one terminal and calls plain functions: what they need is here.
Terminal::Completer completer;
std::optional<std::string> finished_line;
bool line_finished = false;
volatile std::sig_atomic_t interrupted = 0;

void take_line(char* line) {
  line_finished = true;
  finished_line.reset();
  if (line) finished_line = line;
  std::free(line);
  rl_callback_handler_remove();
}

char** complete(const char* word, int start, int) {
  rl_attempted_completion_over = 1;  // the working directory's files are not what is meant
  std::vector<std::string> before;
  try {
    before = split_words(std::string_view(rl_line_buffer, static_cast<std::size_t>(start)));
  } catch (const CommandError&) {
    return nullptr;  // within quotes
  }
  static std::vector<std::string> candidates;
  candidates = completer(before, word);
  static std::size_t next;
  next = 0;
  // A path may go on: no blank behind it.
  rl_completion_suppress_append = !candidates.empty() && candidates.front().starts_with('/');
  return rl_completion_matches(word, [](const char*, int) -> char* {
    return next < candidates.size() ? strdup(candidates[next++].c_str()) : nullptr;
  });
}

void begin_line_anew() {
  interrupted = 0;
  rl_callback_sigcleanup();
  rl_free_line_state();
  rl_replace_line("", 0);
  std::fputs("^C\n", stdout);
  rl_on_new_line();
  rl_redisplay();
}

/// While it lives, Ctrl-C sets `interrupted` and ends a wait, and does not end the shell. It comes in
/// waits alone, so that none is lost between a look at the flag and the wait.
class CatchInterrupt {
 public:
  CatchInterrupt() {
    interrupted = 0;
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, &mask_before_);
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    sigaction(SIGINT, &action, &before_);
  }
  ~CatchInterrupt() {
    sigaction(SIGINT, &before_, nullptr);
    sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
  }
  const sigset_t* wait_mask() const { return &mask_before_; }

 private:
  struct sigaction before_ {};
  sigset_t mask_before_;
};

}  // namespace

Terminal::Terminal(Completer on_tab, std::string history_file)
    : interactive_(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)),
      history_file_(std::move(history_file)),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  if (!interactive_) return;
  completer = std::move(on_tab);
  rl_readline_name = "troupe";
  rl_catch_signals = 0;
  rl_attempted_completion_function = complete;
  rl_basic_word_break_characters = " \t\n";
  rl_completer_word_break_characters = " \t\n";
  using_history();
  stifle_history(history_length);
  if (!history_file_.empty()) read_history(history_file_.c_str());
}

Terminal::~Terminal() {
  if (interactive_ && !history_file_.empty()) {
    std::error_code ignored;  // without a history the shell is still a shell
    std::filesystem::path file(history_file_);
    std::filesystem::create_directories(file.parent_path(), ignored);
    write_history(history_file_.c_str());
    std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write,
                                 ignored);
  }
  completer = nullptr;
  close(wake_fd_);
}

void Terminal::remember(const std::string& line) {
  if (interactive_) add_history(line.c_str());
}

void Terminal::notify(const std::string& text) {
  std::lock_guard lock(mutex_);
  notices_ += text;
  std::uint64_t one = 1;
  if (write(wake_fd_, &one, sizeof one) < 0) return;  // the counter is full: a wake-up is under way
}

void Terminal::print_notices(bool prompting) {
  std::uint64_t ignored;
  if (read(wake_fd_, &ignored, sizeof ignored) < 0 && errno != EAGAIN) return;
  std::string text;
  {
    std::lock_guard lock(mutex_);
    text = std::exchange(notices_, {});
  }
  if (text.empty()) return;
  if (prompting) rl_clear_visible_line();
  std::fputs(text.c_str(), stdout);
  if (prompting) {
    rl_on_new_line();
    rl_redisplay();
  }
  std::fflush(stdout);
}

std::optional<std::string> Terminal::read_line(const std::string& prompt) {
  print_notices(false);
  return interactive_ ? read_edited_line(prompt) : read_plain_line();
}

void Terminal::wait_for_input(const sigset_t* mask) {
  for (;;) {
    pollfd waited[] = {{STDIN_FILENO, POLLIN, 0}, {wake_fd_, POLLIN, 0}};
    int count = ppoll(waited, 2, nullptr, mask);
    if (count < 0 && interrupted) return;
    if (count < 0) continue;
    if (waited[1].revents) print_notices(interactive_);
    if (waited[0].revents) return;
  }
}

std::optional<std::string> Terminal::read_edited_line(const std::string& prompt) {
  CatchInterrupt catch_interrupt;
  line_finished = false;
  rl_callback_handler_install(prompt.c_str(), take_line);
  while (!line_finished) {
    wait_for_input(catch_interrupt.wait_mask());
    if (interrupted)
      begin_line_anew();
    else
      rl_callback_read_char();
  }
  if (!finished_line) std::fputs("\n", stdout);
  return std::exchange(finished_line, std::nullopt);
}

std::optional<std::string> Terminal::read_plain_line() {
  for (;;) {
    if (std::size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    if (input_ended_) return unread_.empty() ? std::nullopt : std::optional(std::exchange(unread_, {}));
    wait_for_input(nullptr);
    char buffer[4096];
    ssize_t size = read(STDIN_FILENO, buffer, sizeof buffer);
    if (size > 0) unread_.append(buffer, static_cast<std::size_t>(size));
    input_ended_ = size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN);
  }
}

}  // namespace troupe::shell
