// The names of certificates' subjects as access control lists write them: "CN=alice,OU=unit,O=org". Pure.
#pragma once

#include <string>
#include <string_view>

struct X509_name_st;

namespace troupe {

/// Whether this can be a subject's name, which is a list, perhaps empty, of attributes with their values
/// (RFC 2253, with the attributes' names and the laxities that ZooKeeper's servers know from Java).
bool is_distinguished_name(std::string_view text);

/// The name as Java writes it by RFC 2253, and so as the lists of ZooKeeper's users have it: the last attribute first,
/// letters beyond ASCII as they are.
std::string distinguished_name(const X509_name_st* name);

}  // namespace troupe
