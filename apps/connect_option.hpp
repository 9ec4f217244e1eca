// The option by which commands are told where the ensemble is.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

namespace troupe {

/// Adds --connect to `command`; its value is there when the command's callback runs.
inline std::shared_ptr<std::string> add_connect_option(CLI::App& command) {
  auto list = std::make_shared<std::string>("127.0.0.1:2182");
  command.add_option("--connect", *list, "The nodes: host:port,host:port,...")
      ->envname("TROUPE_CONNECT")
      ->capture_default_str();
  return list;
}

}  // namespace troupe
