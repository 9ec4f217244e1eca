// Child processes: their output, their end, and that they do not outlive their parent.
#include "apps/child_process.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "apps/listen_check.hpp"
#include "tests/catch.hpp"
#include "tests/temp_dir.hpp"

using namespace troupe;

namespace {

/// Waits, without taking it, for the end of `child`; then polls.
int wait_for(ChildProcess& child) {
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(child.id()), &info, WEXITED | WNOWAIT);
  auto status = child.poll_exit();
  REQUIRE(status);
  return *status;
}

}  // namespace

TEST_CASE("a child's output is appended to its file and its end is told once") {
  test::TempDir dir;
  dir.write("log", "before\n");
  ChildProcess child({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"},
                     {.output_file = dir / "log", .detached = true});
  CHECK(describe_exit(wait_for(child)) == "exited with status 3");
  CHECK_FALSE(child.running());
  CHECK_FALSE(child.poll_exit());
  std::ostringstream log;
  log << std::ifstream(dir / "log").rdbuf();
  CHECK(log.str() == "before\nout\nerr\n");
}

TEST_CASE("a child that a signal ended says so") {
  ChildProcess child({"/bin/sh", "-c", "kill -9 $$"}, {});
  CHECK(describe_exit(wait_for(child)) == "was ended by signal 9 (Killed)");
}

TEST_CASE("a program that does not exist ends with status 127") {
  ChildProcess child({"/nonexistent"}, {});
  CHECK(describe_exit(wait_for(child)) == "exited with status 127");
}

TEST_CASE("a child dies with its parent") {
  // The middle process starts a child that would run for ever, and dies of a signal that it cannot
  // handle. Both hold the pipe's writing end: it ends when both are gone.
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  pid_t middle = fork();
  if (middle == 0) {
    close(pipe_ends[0]);
    ChildProcess child({"/bin/sh", "-c", "while read line; do :; done < /dev/zero"}, {});
    raise(SIGKILL);
  }
  close(pipe_ends[1]);
  pollfd ended{pipe_ends[0], POLLIN, 0};
  CHECK(poll(&ended, 1, 60'000) == 1);
  char byte;
  CHECK(read(pipe_ends[0], &byte, 1) == 0);
  close(pipe_ends[0]);
  waitpid(middle, nullptr, 0);
}

TEST_CASE("a port in use is told, a free one is not") {
  CHECK(why_not_listen("no.such.host.invalid", 1));
  CHECK(why_not_listen("192.0.2.1", 5000));  // an address that no machine has
}
