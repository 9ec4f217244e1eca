// Tells before anything is opened whether a node could listen where it is told to, so that a taken port
// is reported by the name of the setting and not from inside the node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace troupe {

/// Why `address`:`port` cannot be listened on ("Address already in use"), or nothing if it can be now.
std::optional<std::string> why_not_listen(const std::string& address, std::uint16_t port);

}  // namespace troupe
