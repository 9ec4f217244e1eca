#include "apps/shell_command.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "apps/connect_option.hpp"
#include "apps/exit_codes.hpp"
#include "apps/shell/shell.hpp"
#include "apps/shell/terminal.hpp"

namespace troupe {
namespace {

struct ShellOptions {
  std::shared_ptr<std::string> connect;
  std::uint32_t session_timeout_ms = 30'000;
  std::vector<std::string> command;
};

shell::Settings settings_of(const ShellOptions& options) {
  shell::Settings settings{.connect = *options.connect};
  settings.client.session_timeout = std::chrono::milliseconds(options.session_timeout_ms);
  settings.client.patience = std::chrono::seconds(15);
  settings.escape_data = isatty(STDOUT_FILENO);
  return settings;
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void complain(const std::exception& error) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s\n", error.what());
}

std::string history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state && *state) return std::string(state) + "/troupe/shell_history";
  const char* home = std::getenv("HOME");
  return home && *home ? std::string(home) + "/.local/state/troupe/shell_history" : "";
}

int run_one(const ShellOptions& options) {
  shell::Settings settings = settings_of(options);
  settings.notify = [](const std::string&) {};
  shell::Shell shell(std::move(settings));
  try {
    print(shell.run(options.command));
    return exit_code::ok;
  } catch (const shell::CommandError& error) {
    complain(error);
    return exit_code::failed;
  }
}

/// Reads and runs until the input ends or the user quits.
int run_lines(const ShellOptions& options) {
  shell::Shell* running = nullptr;
  shell::Terminal terminal([&](const auto& before, const auto& word) { return running->complete(before, word); },
                           history_file());
  shell::Settings settings = settings_of(options);
  settings.report_state = terminal.interactive();
  settings.notify = [&](const std::string& text) { terminal.notify(text); };
  shell::Shell shell(std::move(settings));
  running = &shell;
  int result = exit_code::ok;
  while (!shell.finished()) {
    std::optional<std::string> line = terminal.read_line(shell.prompt());
    if (!line) break;
    bool secret = line->find("addauth") != std::string::npos;
    if (!secret && line->find_first_not_of(" \t") != std::string::npos) terminal.remember(*line);
    try {
      print(shell.run(*line));
    } catch (const shell::CommandError& error) {
      complain(error);
      result = exit_code::failed;
    }
  }
  return terminal.interactive() ? exit_code::ok : result;  // who sees the errors has seen them
}

int run(const ShellOptions& options) {
  try {
    return options.command.empty() ? run_lines(options) : run_one(options);
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "troupe shell: --connect: %s\n", error.what());
    return exit_code::usage;
  }
}

}  // namespace

void add_shell_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("shell", "Type commands to an ensemble, or give one: troupe shell ls /");
  auto options = std::make_shared<ShellOptions>();
  options->connect = add_connect_option(*command);
  command->add_option("--timeout-ms", options->session_timeout_ms, "The session's timeout, milliseconds")
      ->check(CLI::Range(1, 0x7fffffff))
      ->capture_default_str();
  command->prefix_command();  // the first word of the shell's command ends the options
  command->callback([&exit_code, command, options] {
    options->command = command->remaining();
    exit_code = run(*options);
  });
}

}  // namespace troupe
