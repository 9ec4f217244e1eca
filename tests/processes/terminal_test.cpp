// `troupe shell` at a terminal: editing, completion, recalling, interrupting, and what is told while one types.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "apps/exit_codes.hpp"
#include "tests/catch.hpp"
#include "tests/processes/ensemble.hpp"
#include "tests/processes/pseudo_terminal.hpp"

using namespace troupe;
using Catch::Matchers::Contains;
using test::Ensemble;

namespace {

const std::string tab = "\t", enter = "\r", up = "\x1b[A", ctrl_a = "\x01", ctrl_c = "\x03", ctrl_d = "\x04",
                  ctrl_u = "\x15";

Ensemble& ensemble() {
  static Ensemble instance(1);
  return instance;
}

/// A shell at a terminal, with a history of its own, at its first prompt behind the word that it is connected (which
/// shows the prompt again where it comes later).
class Shell {
 public:
  explicit Shell(const std::string& state)
      : terminal_(test::troupe({"shell", "--connect", ensemble().connect()}),
                  {"XDG_STATE_HOME=" + state, "TERM=xterm", "INPUTRC=/dev/null"}) {
    wait_for("SyncConnected");
    prompt();
  }

  void type(const std::string& keys) { terminal_.type(keys); }
  std::string wait_for(const std::string& text) { return terminal_.wait_for(text); }
  /// Waits for the next prompt; what came before it.
  std::string prompt() {
    const std::string before = terminal_.wait_for("(CONNECTED) ");
    return before + terminal_.wait_for("] ");
  }
  std::string enter_line(const std::string& line) {
    type(line + enter);
    return prompt();
  }
  int finish() { return terminal_.finish(); }

 private:
  test::PseudoTerminal terminal_;
};

std::string history_in(const test::TempDir& state) {
  std::ostringstream text;
  text << std::ifstream(state / "troupe/shell_history").rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("at a terminal Tab completes commands and paths") {
  test::TempDir state;
  Shell shell(state.path());
  shell.type("cre" + tab);
  shell.wait_for("create ");  // and goes on behind a blank
  CHECK_THAT(shell.enter_line("/completion-one first"), Contains("Created /completion-one"));
  CHECK_THAT(shell.enter_line("create /completion-one/child second"), Contains("Created /completion-one/child"));
  shell.type("get /compl" + tab);
  shell.wait_for("/completion-one");  // and no blank: a path may go on
  shell.type("/ch" + tab);
  shell.wait_for("/child");
  CHECK_THAT(shell.enter_line(""), Contains("second"));
  // Where there is a choice, two show it.
  CHECK_THAT(shell.enter_line("create /completion-two"), Contains("Created /completion-two"));
  shell.type("ls /comp" + tab);
  shell.wait_for("/completion-");
  shell.type(tab + tab);
  CHECK_THAT(shell.wait_for("/completion-two"), Contains("/completion-one"));
  shell.prompt();
  shell.type(ctrl_u + ctrl_d);
  CHECK(shell.finish() == exit_code::ok);
}

TEST_CASE("at a terminal the arrow recalls what was typed, also the next time, but no secret") {
  test::TempDir state;
  {
    Shell shell(state.path());
    CHECK_THAT(shell.enter_line("create /recalled one"), Contains("Created /recalled"));
    shell.enter_line("addauth digest somebody:secret");
    CHECK_THAT(shell.enter_line("get /recalled"), Contains("one"));
    shell.type(up + up);  // past the line that is not kept
    shell.wait_for("create /recalled one");
    CHECK_THAT(shell.enter_line(""), Contains("Node already exists: /recalled"));
    shell.type(up + ctrl_a);  // and the line can be edited
    shell.wait_for("create /recalled one");
    shell.type("\x1b[3~\x1b[3~\x1b[3~\x1b[3~\x1b[3~\x1b[3~set");
    CHECK_THAT(shell.enter_line(""), !Contains("already exists"));
    CHECK(ensemble().shell({"get", "/recalled"}).output == "one\n");
    CHECK(ensemble().shell({"get", "-s", "/recalled"}).output.find("dataVersion = 1") != std::string::npos);
    shell.type(ctrl_d);
    CHECK(shell.finish() == exit_code::ok);
  }
  CHECK(history_in(state) == "create /recalled one\nget /recalled\ncreate /recalled one\nset /recalled one\n");
  CHECK((std::filesystem::status(state / "troupe/shell_history").permissions() & std::filesystem::perms::all) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  Shell shell(state.path());
  shell.type(up);
  shell.wait_for("set /recalled one");
  shell.type(ctrl_u + ctrl_d);
  CHECK(shell.finish() == exit_code::ok);
}

TEST_CASE("at a terminal Ctrl-C begins the line anew, and does not end the shell") {
  test::TempDir state;
  Shell shell(state.path());
  for (int i = 0; i < 50; ++i) {  // whatever the shell is about when it comes
    shell.type("create /interrupted");
    shell.wait_for("create /interrupted");
    shell.type(ctrl_c);
    shell.wait_for("^C");
    shell.prompt();
  }
  CHECK_THAT(shell.enter_line("create /not-interrupted"), Contains("Created /not-interrupted"));
  shell.type(ctrl_c);
  shell.prompt();
  shell.type("quit" + enter);
  CHECK(shell.finish() == exit_code::ok);
  CHECK(ensemble().shell({"get", "/interrupted"}).errors == "Node does not exist: /interrupted\n");
  CHECK(history_in(state) == "create /not-interrupted\nquit\n");
}

TEST_CASE("at a terminal an event is told while one types, and the line stays") {
  test::TempDir state;
  Shell shell(state.path());
  shell.enter_line("create /watched");
  shell.enter_line("get -w /watched");
  shell.type("create /typed-mean");
  shell.wait_for("create /typed-mean");
  CHECK(ensemble().shell({"set", "/watched", "new"}).status == exit_code::ok);
  CHECK_THAT(shell.wait_for("path:/watched"), Contains("WATCHER::") && Contains("NodeDataChanged"));
  shell.prompt();
  shell.wait_for("create /typed-mean");  // is shown again behind it
  CHECK_THAT(shell.enter_line("while"), Contains("Created /typed-meanwhile"));
  shell.type(ctrl_d);
  CHECK(shell.finish() == exit_code::ok);
}
