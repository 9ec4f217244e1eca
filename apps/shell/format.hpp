// How the shell writes what it was answered, and reads access control lists: the forms that users of
// zkCli know and that their scripts read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/types.hpp"

namespace troupe::shell {

/// Eleven lines "cZxid = 0x2" …, each with its line end.
std::string format_stat(const client::Stat& stat);

/// "'world,'anyone\n: cdrwa\n" for each entry.
std::string format_acl(const std::vector<client::Acl>& acl);

/// "[a, b]".
std::string format_list(const std::vector<std::string>& names);

/// "WatchedEvent state:SyncConnected type:NodeCreated path:/a".
std::string format_event(const client::Event& event);

/// "world:anyone:cdrwa,digest:user:hash:r". Throws CommandError.
std::vector<client::Acl> parse_acl(std::string_view text);

/// Control characters become \xNN, so that data cannot command a terminal. Line ends and tabs stay.
std::string printable(std::string_view data);

}  // namespace troupe::shell
