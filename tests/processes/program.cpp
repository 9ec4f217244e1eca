#include "tests/processes/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace troupe::test {
namespace {

std::pair<int, int> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  return {ends[0], ends[1]};
}

void close_end(int& end) {
  if (end >= 0) close(std::exchange(end, -1));
}

}  // namespace

Program::Program(std::vector<std::string> arguments, bool with_errors) {
  std::signal(SIGPIPE, SIG_IGN);
  auto [input_read, input_write] = make_pipe();
  auto [output_read, output_write] = make_pipe();
  errors_ = memfd_create("errors", MFD_CLOEXEC);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  id_ = fork();
  if (id_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(input_read, STDIN_FILENO);
    dup2(output_write, STDOUT_FILENO);
    dup2(with_errors ? output_write : errors_, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(input_read);
  close(output_write);
  input_ = input_write;
  from_output_ = output_read;
}

Program::~Program() {
  if (id_ > 0) {
    kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
  }
  close_end(input_);
  close_end(from_output_);
  close_end(errors_);
}

void Program::write(const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    ssize_t written = ::write(input_, text.data() + done, text.size() - done);
    if (written < 0) return;  // it has ended: its status tells why
    done += static_cast<std::size_t>(written);
  }
}

void Program::close_input() { close_end(input_); }

bool Program::read_some() {
  constexpr int silence_ms = 300'000;
  pollfd waiting{.fd = from_output_, .events = POLLIN};
  if (poll(&waiting, 1, silence_ms) == 0) {
    signal(SIGKILL);
    output_ += "\n(killed after a long silence)\n";
  }
  char buffer[4096];
  ssize_t size = read(from_output_, buffer, sizeof buffer);
  if (size <= 0) return false;
  output_.append(buffer, static_cast<std::size_t>(size));
  return true;
}

std::optional<std::string> Program::wait_for_line(const std::string& part) {
  for (;;) {
    for (std::size_t end; (end = output_.find('\n', seen_)) != std::string::npos;) {
      std::string line = output_.substr(seen_, end - seen_);
      seen_ = end + 1;
      if (line.find(part) != std::string::npos) return line;
    }
    if (!read_some()) return std::nullopt;
  }
}

void Program::signal(int number) { kill(id_, number); }

int Program::finish() {
  close_input();
  while (read_some()) {
  }
  int status = 0;
  waitpid(std::exchange(id_, 0), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string Program::errors() const {
  std::string text(static_cast<std::size_t>(lseek(errors_, 0, SEEK_END)), '\0');
  ssize_t size = pread(errors_, text.data(), text.size(), 0);
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

std::size_t memory_of(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:")) return std::stoul(line.substr(8)) * 1024;
  throw std::runtime_error("the process has no memory");
}

Finished run(std::vector<std::string> arguments, const std::string& input, bool with_errors) {
  Program program(std::move(arguments), with_errors);
  program.write(input);
  int status = program.finish();
  return {status, program.output(), program.errors()};
}

}  // namespace troupe::test
