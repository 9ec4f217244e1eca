#include "apps/shell/arguments.hpp"

#include <cctype>
#include <charconv>

namespace troupe::shell {
namespace {

bool looks_like_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && std::isalpha(static_cast<unsigned char>(word[1]));
}

/// The letter that stands for an option, which may be a word.
char letter_of(const Signature& signature, const std::string& option) {
  if (option.size() == 2) return option[1];
  const auto word = option.substr(1) + "=";
  const auto found = (" " + std::string(signature.words)).find(" " + word);
  return found == std::string::npos ? '\0' : signature.words[found + word.size()];
}

}  // namespace

Arguments::Arguments(const Signature& signature, const std::vector<std::string>& words) {
  auto refuse = [&](const std::string& what) { throw CommandError(what + "; usage: " + std::string(signature.usage)); };
  bool operands_only = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!operands_only && word == "--") {
      operands_only = true;
      continue;
    }
    if (operands_only || !looks_like_option(word)) {
      operands_.push_back(word);
      continue;
    }
    const char option = letter_of(signature, word);
    std::size_t letter = option != '\0' ? signature.options.find(option) : std::string_view::npos;
    if (letter == std::string_view::npos)
      refuse("there is no option " + word + " (-- stands before words that only look like one)");
    bool takes_value = signature.options.substr(letter + 1).starts_with(':');
    if (takes_value && i + 1 == words.size()) refuse(word + " needs a value");
    if (!options_.emplace(option, takes_value ? words[++i] : "").second) refuse(word + " is given twice");
  }
  if (operands_.size() < signature.least) refuse("too few words");
  if (operands_.size() > signature.most) refuse("\"" + operands_[signature.most] + "\" is a word too many");
}

std::optional<std::string> Arguments::text(char option) const {
  auto found = options_.find(option);
  return found == options_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::int64_t> Arguments::number(char option, std::int64_t low, std::int64_t high) const {
  auto given = text(option);
  if (!given) return std::nullopt;
  std::int64_t value = 0;
  const char* text_end = given->data() + given->size();
  auto [end, error] = std::from_chars(given->data(), text_end, value);
  if (error != std::errc() || end != text_end || value < low || value > high)
    throw CommandError(std::string("-") + option + " is \"" + *given + "\"; give a whole number from " +
                       std::to_string(low) + " to " + std::to_string(high));
  return value;
}

}  // namespace troupe::shell
