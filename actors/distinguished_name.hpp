// The names of certificates' subjects as access control lists write them: "CN=alice,OU=unit,O=org". Pure.
#pragma once

#include <string_view>

namespace troupe {

/// Whether this can be a subject's name, which is a list, perhaps empty, of attributes with their values
/// (RFC 2253, with the attributes' names and the laxities that ZooKeeper's servers know from Java).
bool is_distinguished_name(std::string_view text);

}  // namespace troupe
