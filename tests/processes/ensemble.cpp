#include "tests/processes/ensemble.hpp"

#include <csignal>
#include <stdexcept>

#include "apps/local_ensemble.hpp"

namespace troupe::test {

std::vector<std::string> troupe(std::vector<std::string> words) {
  words.insert(words.begin(), TROUPE_PROGRAM);
  return words;
}

Ensemble::Ensemble(int nodes, std::vector<std::string> options) {
  options.insert(options.end(), {"--nodes", std::to_string(nodes), "--base-port",
                                 std::to_string(free_base_port(static_cast<std::uint32_t>(nodes + 5)))});
  start(std::move(options));
}

void Ensemble::start(std::vector<std::string> options) {
  options.insert(options.begin(), {"up", "--dir", directory_.path()});
  launcher_ = std::make_unique<Program>(troupe(std::move(options)), true);
  auto line = launcher_->wait_for_line("ready: ");
  if (!line) throw std::runtime_error("the ensemble did not get ready:\n" + launcher_->output());
  ready_line_ = *line;
  connect_ = ready_line_.substr(ready_line_.rfind(' ') + 1);
}

void Ensemble::restart() {
  launcher_->signal(SIGTERM);
  if (int status = launcher_->finish())
    throw std::runtime_error("the launcher ended with status " + std::to_string(status) + ":\n" + launcher_->output());
  start({});
}

Finished Ensemble::shell(std::vector<std::string> words) const {
  words.insert(words.begin(), {"shell", "--connect", connect_});
  return run(troupe(std::move(words)));
}

Finished Ensemble::shell_lines(const std::string& lines) const {
  return run(troupe({"shell", "--connect", connect_}), lines, true);
}

}  // namespace troupe::test
