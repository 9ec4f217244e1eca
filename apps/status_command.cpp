#include "apps/status_command.hpp"

#include <cstdio>
#include <stdexcept>

#include "apps/connect_option.hpp"
#include "apps/exit_codes.hpp"
#include "apps/status_report.hpp"
#include "client/address.hpp"

namespace troupe {
namespace {

constexpr std::chrono::seconds patience{3};

int run(const std::string& connect, bool json) {
  std::vector<std::string> servers;
  try {
    servers = client::ConnectString::parse(connect).servers;
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "troupe status: --connect: %s\n", error.what());
    return exit_code::usage;
  }
  std::vector<StatusAnswer> answers = query_ensemble(servers, patience);
  std::fputs((json ? status_json(answers) : status_table(answers)).c_str(), stdout);
  if (leader_of(answers)) return exit_code::ok;
  std::fputs("troupe status: no quorum: none of these nodes has a leader\n", stderr);
  return exit_code::failed;
}

}  // namespace

void add_status_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("status", "Show how each node is; fails where there is no quorum");
  auto connect = add_connect_option(*command);
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Write JSON");
  command->callback([&exit_code, connect, json] { exit_code = run(*connect, *json); });
}

}  // namespace troupe
