// The login configuration of a Java machine (JAAS), as far as ZooKeeper's servers read users from it:
//   Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_NAME="PASSWORD" …; };
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::config {

/// The users of the section Server, passwords by name. Nothing if there is no such section, or its end is missing.
std::optional<std::map<std::string, std::string>> parse_jaas_users(std::string_view text);

}  // namespace troupe::config
