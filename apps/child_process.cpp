#include "apps/child_process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace troupe {
namespace {

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

int open_output(const std::string& path) {
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) throw_errno(path);
  return file;
}

/// In the child, between fork and exec: system calls alone.
[[noreturn]] void become(char* const* arguments, int output, int input, bool detached, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // loses nothing: what was acknowledged is on disk
  if (getppid() != parent) _exit(127);
  if (detached) setpgid(0, 0);
  if (input >= 0) dup2(input, STDIN_FILENO);
  if (output >= 0) dup2(output, STDOUT_FILENO), dup2(output, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGINT, SIG_DFL);
  execv(arguments[0], arguments);
  _exit(127);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, const Options& options) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  int output = options.output_file.empty() ? -1 : open_output(options.output_file);
  int input = options.detached ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
  pid_t parent = getpid();
  id_ = fork();
  if (id_ == 0) become(argv.data(), output, input, options.detached, parent);
  int error = errno;
  if (output >= 0) close(output);
  if (input >= 0) close(input);
  if (id_ < 0) {
    id_ = 0;
    errno = error;
    throw_errno("cannot start " + arguments[0]);
  }
}

ChildProcess::~ChildProcess() {
  if (!running()) return;
  signal(SIGKILL);
  waitpid(id_, nullptr, 0);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept : id_(std::exchange(other.id_, 0)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(id_, other.id_);
  return *this;
}

void ChildProcess::signal(int number) const {
  if (running()) kill(id_, number);
}

std::optional<int> ChildProcess::poll_exit() {
  int status = 0;
  if (!running() || waitpid(id_, &status, WNOHANG) != id_) return std::nullopt;
  id_ = 0;
  return status;
}

std::string describe_exit(int wait_status) {
  if (WIFEXITED(wait_status)) return "exited with status " + std::to_string(WEXITSTATUS(wait_status));
  int number = WTERMSIG(wait_status);
  return "was ended by signal " + std::to_string(number) + " (" + strsignal(number) + ")";
}

std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

}  // namespace troupe
