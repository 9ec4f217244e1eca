// Access control: who a client is, what a list grants, and which lists may be written. Pure
// functions; the encoding of lists is the store's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schema/txn.capnp.h"
#include "store/tree.hpp"

namespace troupe::acl {

using Identities = capnp::List<schema::Identity>::Reader;
using Entries = capnp::List<schema::Acl>::Reader;

/// Whether `identities` may do `perms` (any one of these bits) to a znode with this list. An empty
/// list grants everything, and so does the identity of scheme "super".
bool permits(const store::AclList& list, std::uint32_t perms, Identities identities);

/// Whether one of the identities is the super user.
bool is_super(Identities identities);

/// Schemes that a list may name only where the ensemble can prove who somebody is by them.
struct Schemes {
  bool x509 = false, sasl = false;
};

/// The list that a znode gets when a client with `identities` writes `entries`: repeated entries
/// once, "auth" replaced by the client's proven identities. Permissions are taken as they are. Nothing
/// if it is no valid list: it is empty, has an unknown scheme or an id that its scheme does not know, or
/// says "auth" of a client that has proved no identity (its address is not one).
std::optional<store::AclList> resolve(Entries entries, Identities identities, Schemes schemes = {});

/// Whether the list grants everyone everything, as a znode without a list does.
bool open_to_all(const store::AclList& list);
bool open_to_all(Entries entries);

/// Whether the client at `address` (IPv4 or IPv6, text) is in `pattern`, an address or a CIDR block.
/// Numbers of IPv4 may have a plus sign and zeros in front, as ZooKeeper reads them.
/// False for what is neither. IPv4 addresses mapped into IPv6 count as IPv4.
bool ip_matches(std::string_view address, std::string_view pattern);
bool ip_valid(std::string_view pattern);

}  // namespace troupe::acl
