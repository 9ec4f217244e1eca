// A command line taken apart into words.
//
//   word          up to the next blank; quotes inside it are part of it, so that JSON needs none
//   'text'        everything up to the closing quote as it stands
//   "text"        likewise, but a backslash before " or \ is left out
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::shell {

/// A command that was not understood, or an answer that is an error; what() is for the user.
class CommandError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws CommandError: a quote without its partner, a closing quote that no blank follows.
std::vector<std::string> split_words(std::string_view line);

/// The word that split_words reads back as `text`.
std::string quote_word(std::string_view text);

}  // namespace troupe::shell
