// How the shell takes a line apart.
#include "apps/shell/words.hpp"

#include "tests/catch.hpp"

using troupe::shell::CommandError;
using troupe::shell::quote_word;
using troupe::shell::split_words;
using Words = std::vector<std::string>;

TEST_CASE("words are separated by blanks") {
  CHECK(split_words("").empty());
  CHECK(split_words("  \t ").empty());
  CHECK(split_words("ls /") == Words{"ls", "/"});
  CHECK(split_words("  set\t/a   b ") == Words{"set", "/a", "b"});
}

TEST_CASE("a word in quotes may hold blanks, and be empty") {
  CHECK(split_words("set /a \"two words\"") == Words{"set", "/a", "two words"});
  CHECK(split_words("set /a 'two words'") == Words{"set", "/a", "two words"});
  CHECK(split_words("set /a \"\"") == Words{"set", "/a", ""});
  CHECK(split_words("set /a 'it is \"so\"'") == Words{"set", "/a", "it is \"so\""});
  CHECK(split_words(R"(set /a "a \"b\" \\ \n")") == Words{"set", "/a", R"(a "b" \ \n)"});
  CHECK(split_words(R"(set /a 'a\b')") == Words{"set", "/a", R"(a\b)"});
}

TEST_CASE("quotes within a word are part of it, so that JSON can be typed as it is") {
  CHECK(split_words(R"(set /a {"x":"y"})") == Words{"set", "/a", R"({"x":"y"})"});
  CHECK(split_words("set /a it's") == Words{"set", "/a", "it's"});
}

TEST_CASE("a quotation that does not end or has text right behind it is refused") {
  CHECK_THROWS_WITH(split_words("set /a \"open"), "a \" has no partner; close the quotation");
  CHECK_THROWS_WITH(split_words("set /a 'open"), "a ' has no partner; close the quotation");
  CHECK_THROWS_AS(split_words("set /a \"x\"y"), CommandError);
}

TEST_CASE("a quoted word reads back as the text") {
  for (const std::string text : {"plain", "", "two words", "\"", "a\\b c", "'x", "a \"b\"", "\\", "x\ty"})
    CHECK(split_words(quote_word(text)) == Words{text});
}
