#include "apps/jaas.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

namespace troupe::config {
namespace {

/// Words, quoted texts without their quotes, and the signs { } ; = each as one.
std::optional<std::vector<std::string>> split(std::string_view text) {
  constexpr std::string_view signs = "{};=";
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++i;
    } else if (text.substr(i, 2) == "//" || c == '#') {
      i = std::min(text.find('\n', i), text.size());
    } else if (text.substr(i, 2) == "/*") {
      const auto end = text.find("*/", i);
      if (end == text.npos) return std::nullopt;
      i = end + 2;
    } else if (c == '"') {
      std::string quoted;
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        quoted += text[i];
      }
      if (i++ >= text.size()) return std::nullopt;
      tokens.push_back(std::move(quoted));
    } else if (signs.find(c) != signs.npos) {
      tokens.emplace_back(1, c);
      ++i;
    } else {
      const auto end = std::min(text.find_first_of(" \t\r\n{};=\"", i), text.size());
      tokens.emplace_back(text.substr(i, end - i));
      i = end;
    }
  }
  return tokens;
}

}  // namespace

std::optional<std::map<std::string, std::string>> parse_jaas_users(std::string_view text) {
  const auto tokens = split(text);
  if (!tokens) return std::nullopt;
  constexpr std::string_view prefix = "user_";
  std::map<std::string, std::string> users;
  bool inside = false;
  for (std::size_t i = 0; i < tokens->size(); ++i) {
    const std::string& token = (*tokens)[i];
    const auto next = [&](std::size_t by) { return i + by < tokens->size() ? (*tokens)[i + by] : std::string(); };
    if (!inside) {
      inside = token == "Server" && next(1) == "{";
    } else if (token == "}") {
      return users;
    } else if (token.starts_with(prefix) && next(1) == "=") {
      users[token.substr(prefix.size())] = next(2);
      i += 2;
    }
  }
  return std::nullopt;
}

}  // namespace troupe::config
