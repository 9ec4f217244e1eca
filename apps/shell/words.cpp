#include "apps/shell/words.hpp"

namespace troupe::shell {
namespace {

constexpr std::string_view blanks = " \t\r\n";

bool is_blank(char c) { return blanks.find(c) != std::string_view::npos; }

/// Reads the quoted word that starts at line[at]; leaves `at` behind its closing quote.
std::string read_quoted(std::string_view line, std::size_t& at) {
  char quote = line[at];
  std::string word;
  for (std::size_t i = at + 1; i < line.size(); ++i) {
    char c = line[i];
    if (c == quote) {
      if (i + 1 < line.size() && !is_blank(line[i + 1]))
        throw CommandError("text follows right after a closing quote; put a blank between them");
      at = i + 1;
      return word;
    }
    bool escaped = quote == '"' && c == '\\' && i + 1 < line.size() && (line[i + 1] == '"' || line[i + 1] == '\\');
    word += escaped ? line[++i] : c;
  }
  throw CommandError(std::string("a ") + quote + " has no partner; close the quotation");
}

}  // namespace

std::vector<std::string> split_words(std::string_view line) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while ((at = line.find_first_not_of(blanks, at)) != std::string_view::npos) {
    if (line[at] == '"' || line[at] == '\'') {
      words.push_back(read_quoted(line, at));
      continue;
    }
    std::size_t end = std::min(line.find_first_of(blanks, at), line.size());
    words.emplace_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

std::string quote_word(std::string_view text) {
  bool plain =
      !text.empty() && text.find_first_of(blanks) == std::string_view::npos && text[0] != '"' && text[0] != '\'';
  if (plain) return std::string(text);
  std::string word = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') word += '\\';
    word += c;
  }
  return word + '"';
}

}  // namespace troupe::shell
