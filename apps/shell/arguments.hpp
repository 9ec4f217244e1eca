// The words of one shell command, sorted into options and operands.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/shell/words.hpp"

namespace troupe::shell {

/// What a command takes.
struct Signature {
  std::string_view usage;    ///< "set [-s] [-v version] path data"
  std::string_view options;  ///< its letters; one that takes a value has a colon behind it: "sv:"
  std::size_t least = 0;     ///< operands
  std::size_t most = 0;
  std::string_view words = {};  ///< options that are words, each before its letter: "add=a remove=r"
};

class Arguments {
 public:
  /// `words` without the command's name. Options may stand before, between and behind the operands; a
  /// negative number is an operand. After "--" everything is one.
  /// Throws CommandError with the usage.
  Arguments(const Signature& signature, const std::vector<std::string>& words);

  bool has(char option) const { return options_.contains(option); }
  /// The number that the option was given. Throws CommandError where it is none, or outside.
  std::optional<std::int64_t> number(char option, std::int64_t low, std::int64_t high) const;
  std::optional<std::string> text(char option) const;

  std::size_t size() const { return operands_.size(); }
  const std::string& operator[](std::size_t i) const { return operands_[i]; }

 private:
  std::map<char, std::string> options_;
  std::vector<std::string> operands_;
};

}  // namespace troupe::shell
