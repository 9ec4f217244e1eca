// What the README says is true: its session, its program and its configuration are run.
#include <fstream>
#include <sstream>

#include "apps/config.hpp"
#include "tests/catch.hpp"
#include "tests/processes/ensemble.hpp"

using namespace troupe;

namespace {

std::string read_source(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(TROUPE_SOURCES "/" + name).rdbuf();
  return text.str();
}

/// The README's block that is marked with this language.
std::string block(const std::string& language) {
  std::string readme = read_source("README.md"), opening = "\n```" + language + "\n";
  std::size_t start = readme.find(opening);
  REQUIRE(start != std::string::npos);
  start += opening.size();
  return readme.substr(start, readme.find("```\n", start) - start);
}

}  // namespace

TEST_CASE("the README's session goes as it says") {
  std::string typed, answered, line;
  for (std::istringstream session(block("session")); std::getline(session, line);)
    (line.starts_with("> ") ? typed += line.substr(2) : answered += line) += "\n";
  test::Ensemble ensemble(3);
  CHECK(ensemble.shell_lines(typed).output == answered);
}

TEST_CASE("the README's program is the one that is built, and runs") {
  CHECK(block("cpp") == read_source("apps/example.cpp"));
  test::Ensemble ensemble(1);
  test::Finished finished = test::run({TROUPE_EXAMPLE, ensemble.connect()});
  CHECK(finished.status == 0);
  CHECK(finished.output == "/counter changed\nthe counter was 0\n");
  CHECK(finished.errors.empty());
  CHECK(ensemble.shell({"get", "/counter"}).output == "1\n");
}

TEST_CASE("the README's configuration is one") {
  NodeConfig node = parse_toml(block("toml"), "node.toml").node;
  CHECK(node.members.size() == 3);
  CHECK(node.data_dir == "/var/lib/troupe");
}
