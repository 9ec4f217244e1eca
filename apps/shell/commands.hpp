// The shell's commands: their names, what they take, what they do.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "apps/shell/arguments.hpp"

namespace troupe::shell {

class Shell;

struct Command {
  std::string_view name;
  Signature signature;
  std::string (*run)(Shell& shell, const Arguments& arguments);  ///< returns what to print
};

/// In the order of their names.
std::span<const Command> commands();

/// The command of that name; upper and lower case are the same. nullptr if there is none.
const Command* find_command(std::string_view name);

}  // namespace troupe::shell
