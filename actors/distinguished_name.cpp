#include "actors/distinguished_name.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace troupe {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \n");
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(" \n") - first + 1);
}

bool is_number_path(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.find('.') == text.npos || !digit(text.front()) || !digit(text.back())) return false;
  return text.find("..") == text.npos &&
         std::all_of(text.begin(), text.end(), [&](char c) { return c == '.' || digit(c); });
}

bool is_attribute(std::string_view name) {
  static constexpr std::array<std::string_view, 21> known{
      "C", "CN", "DC", "DNQ", "DNQUALIFIER",  "EMAIL", "EMAILADDRESS", "GENERATION", "GIVENNAME", "INITIALS", "IP",
      "L", "O",  "OU", "S",   "SERIALNUMBER", "ST",    "STREET",       "SURNAME",    "T",         "UID"};
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
  if (upper.starts_with("OID.")) return is_number_path(name.substr(4));
  return std::find(known.begin(), known.end(), upper) != known.end() || is_number_path(name);
}

/// Where the value that begins at `at` ends: at a sign that separates, or behind the text. npos if it is malformed.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\') {
      if (++at == text.size()) return text.npos;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == ',' || c == ';' || c == '+')) {
      return at;
    }
  }
  return quoted ? text.npos : text.size();
}

}  // namespace

bool is_distinguished_name(std::string_view text) {
  if (trim(text).empty()) return true;
  for (std::size_t at = 0;;) {
    const auto equals = text.find('=', at);
    if (equals == text.npos) return false;
    const auto name = trim(text.substr(at, equals - at));
    if (name.empty() || !is_attribute(name)) return false;
    at = end_of_value(text, equals + 1);
    if (at == text.npos) return false;
    if (at++ == text.size()) return true;
  }
}

}  // namespace troupe
