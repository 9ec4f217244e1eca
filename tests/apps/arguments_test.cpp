// How the shell sorts a command's words into options and operands.
#include "apps/shell/arguments.hpp"

#include "tests/catch.hpp"

using troupe::shell::Arguments;
using troupe::shell::Signature;

namespace {
const Signature set{"set [-s] [-v version] path data", "sv:", 2, 2};
}

TEST_CASE("options may stand anywhere") {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"-s", "-v", "7", "/a", "x"},
                                                {"/a", "-v", "7", "x", "-s"},
                                                {"/a", "x", "-s", "-v", "7"}}) {
    Arguments arguments(set, words);
    CHECK(arguments.has('s'));
    CHECK(arguments.number('v', -1, 100) == 7);
    CHECK(arguments[0] == "/a");
    CHECK(arguments[1] == "x");
  }
  Arguments plain(set, {"/a", "x"});
  CHECK_FALSE(plain.has('s'));
  CHECK_FALSE(plain.number('v', -1, 100));
}

TEST_CASE("a word that only looks like an option needs -- before it, a negative number does not") {
  CHECK(Arguments(set, {"/a", "-1"})[1] == "-1");
  CHECK(Arguments(set, {"/a", "-"})[1] == "-");
  CHECK(Arguments(set, {"--", "/a", "-s"})[1] == "-s");
  CHECK(Arguments(set, {"-s", "--", "/a", "-x"}).has('s'));
  CHECK_THROWS_WITH(Arguments(set, {"/a", "-x"}),
                    "there is no option -x (-- stands before words that only look like one); usage: set [-s] [-v "
                    "version] path data");
  CHECK_THROWS(Arguments(set, {"/a", "x", "-sv"}));
}

TEST_CASE("an option may be a word that stands for a letter") {
  const Signature reconfig{"reconfig", "a:r:s", 0, 0, "add=a remove=r"};
  const Arguments arguments(reconfig, {"-remove", "1,2", "-s", "-add", "server.4=h:1:2;3"});
  CHECK(arguments.text('r') == "1,2");
  CHECK(arguments.text('a') == "server.4=h:1:2;3");
  CHECK(arguments.has('s'));
  CHECK_THROWS(Arguments(reconfig, {"-ad", "x"}));
  CHECK_THROWS(Arguments(reconfig, {"-dd", "x"}));
  CHECK_THROWS(Arguments(reconfig, {"-add"}));
}

TEST_CASE("what a command does not take is refused with its usage") {
  const std::string usage = "; usage: set [-s] [-v version] path data";
  CHECK_THROWS_WITH(Arguments(set, {"/a"}), "too few words" + usage);
  CHECK_THROWS_WITH(Arguments(set, {"/a", "b", "c"}), "\"c\" is a word too many" + usage);
  CHECK_THROWS_WITH(Arguments(set, {"/a", "b", "-v"}), "-v needs a value" + usage);
  CHECK_THROWS_WITH(Arguments(set, {"-s", "-s", "/a", "b"}), "-s is given twice" + usage);
  CHECK_THROWS_WITH(Arguments(set, {"-v", "x", "/a", "b"}).number('v', -1, 9),
                    "-v is \"x\"; give a whole number from -1 to 9");
  CHECK_THROWS_WITH(Arguments(set, {"-v", "10", "/a", "b"}).number('v', -1, 9),
                    "-v is \"10\"; give a whole number from -1 to 9");
}
