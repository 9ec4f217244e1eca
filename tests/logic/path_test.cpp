// Which paths are paths, what the message says of one that is none, and how they are taken apart.
#include "actors/path.hpp"

#include <climits>
#include <random>

#include "tests/catch.hpp"

using namespace troupe;

TEST_CASE("A path is / or a sequence of /name") {
  for (const char* good : {"/", "/a", "/a/b", "/a/b/c", "/...", "/.a", "/a.", "/..a", "/a/.../b", "/ ", "/~", "/a b"}) {
    INFO(good);
    CHECK(path::valid(good));
    CHECK_FALSE(path::problem(good));
  }
  for (const char* bad :
       {"", "a", "a/b", "//", "/a/", "/a//b", "//a", "/.", "/..", "/a/.", "/a/..", "/./a", "/../a", "/a/../b"}) {
    INFO(bad);
    CHECK_FALSE(path::valid(bad));
    CHECK(path::problem(bad));
  }
}

TEST_CASE("Whatever a path is made of, it is valid where nothing is wrong with it") {
  std::mt19937 random(1);
  const std::string_view parts[] = {"/", "/", "/", ".", "a", "name", "\x1f", "\x7f", "\xc3\xa4", "\xc2\x80", "\xff"};
  int valid = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string path(i % 4 == 0 ? "" : "/");
    const std::size_t kinds = i % 2 == 0 ? 6 : std::size(parts);  // without or with what is not plain
    for (auto left = random() % 14; left > 0; --left) path += parts[random() % kinds];
    INFO(path);
    REQUIRE(path::valid(path) == !path::problem(path));
    valid += path::valid(path);
  }
  CHECK(valid > 1000);
}

TEST_CASE("A path refuses what no client of the field can show") {
  const auto with = [](const std::string& text) { return path::valid("/a" + text + "b"); };
  CHECK_FALSE(with(std::string(1, '\0')));
  CHECK_FALSE(with("\x01"));
  CHECK_FALSE(with("\n"));
  CHECK_FALSE(with("\x1f"));
  CHECK(with("\x20"));
  CHECK(with("\x7e"));
  CHECK_FALSE(with("\x7f"));
  CHECK_FALSE(with("\xc2\x80"));          // U+0080
  CHECK_FALSE(with("\xc2\x9f"));          // U+009F
  CHECK(with("\xc2\xa0"));                // U+00A0
  CHECK(with("\xc3\xa4"));                // ä
  CHECK(with("\xed\x9f\xbf"));            // U+D7FF
  CHECK_FALSE(with("\xed\xa0\x80"));      // U+D800
  CHECK_FALSE(with("\xef\xa3\xbf"));      // U+F8FF
  CHECK(with("\xef\xa4\x80"));            // U+F900
  CHECK(with("\xef\xbf\xaf"));            // U+FFEF
  CHECK_FALSE(with("\xef\xbf\xb0"));      // U+FFF0
  CHECK_FALSE(with("\xef\xbf\xbf"));      // U+FFFF
  CHECK_FALSE(with("\xf0\x9f\x98\x80"));  // U+1F600: a pair of surrogates in UTF-16
}

TEST_CASE("A path is UTF-8") {
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xf5\x80\x80\x80", "\xff", "\xe4\xb8"}) {
    CHECK_FALSE(path::valid(std::string("/") + bad));
    CHECK_FALSE(path::valid(std::string("/") + bad + "/x"));
  }
}

TEST_CASE("The message says what is wrong and where") {
  CHECK(*path::problem("/ab\n") == "the path holds the forbidden character U+000A at byte 3");
  CHECK(*path::problem("/a//b") == "the path has an empty name at byte 3");
}

TEST_CASE("A path is taken apart") {
  CHECK(path::parent("/a") == "/");
  CHECK(path::parent("/a/b") == "/a");
  CHECK(path::parent("/a/b/c") == "/a/b");
  CHECK(path::basename("/a") == "a");
  CHECK(path::basename("/a/bc") == "bc");
  CHECK(path::basename("/") == "");
}

TEST_CASE("A sequential znode's number has ten columns") {
  const auto suffix = [](std::int32_t number) {
    std::string text = "/n-";
    path::append_sequence(text, number);
    return text.substr(3);
  };
  CHECK(suffix(0) == "0000000000");
  CHECK(suffix(42) == "0000000042");
  CHECK(suffix(INT_MAX) == "2147483647");
  CHECK(suffix(INT_MIN) == "-2147483648");
  CHECK(suffix(-1) == "-000000001");
}

TEST_CASE("The znodes that are always there cannot be deleted") {
  for (const char* path : {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) CHECK(path::undeletable(path));
  CHECK_FALSE(path::undeletable("/zookeeper/quota/a"));
  CHECK_FALSE(path::undeletable("/a"));
}
