#include "actors/acl.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace troupe::acl {
namespace {

std::string_view view(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

struct Address {
  std::array<unsigned char, 16> bytes{};
  unsigned bits = 0;  // 32 or 128
};

std::optional<Address> parse_address(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated) return std::nullopt;
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  Address address;
  if (inet_pton(AF_INET, terminated, address.bytes.data()) == 1) {
    address.bits = 32;
    return address;
  }
  if (inet_pton(AF_INET6, terminated, address.bytes.data()) != 1) return std::nullopt;
  address.bits = 128;
  static constexpr unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(address.bytes.data(), mapped, sizeof mapped) == 0) {
    std::copy(address.bytes.begin() + 12, address.bytes.end(), address.bytes.begin());
    address.bits = 32;
  }
  return address;
}

struct Block {
  Address address;
  unsigned prefix = 0;
};

std::optional<Block> parse_block(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Block{*address, address->bits};
  const std::string_view digits = text.substr(slash + 1);
  unsigned prefix = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (error != std::errc() || end != digits.data() + digits.size() || prefix > address->bits) return std::nullopt;
  return Block{*address, prefix};
}

/// Whether an identity of this scheme was proved, rather than taken from the connection.
bool proven(std::string_view scheme) {
  return scheme == "digest" || scheme == "x509" || scheme == "sasl";
}

/// "user:digest", as ZooKeeper counts the parts: one colon, and colons at the very end do not count.
bool digest_valid(std::string_view id) {
  while (id.ends_with(':')) id.remove_suffix(1);
  const std::size_t colon = id.find(':');
  return colon != std::string_view::npos && id.find(':', colon + 1) == std::string_view::npos;
}

bool known(std::string_view scheme, std::string_view id) {
  if (scheme == "world") return id == "anyone";
  if (scheme == "ip") return ip_valid(id);
  if (scheme == "digest") return digest_valid(id);
  return (scheme == "x509" || scheme == "sasl") && !id.empty();
}

bool matches(const store::AclEntry& entry, Identities identities) {
  if (entry.scheme == "world") return entry.id == "anyone";
  const bool ip = entry.scheme == "ip";
  for (const auto identity : identities) {
    if (view(identity.getScheme()) != entry.scheme) continue;
    const std::string_view id = view(identity.getId());
    if (ip ? ip_matches(id, entry.id) : id == entry.id) return true;
  }
  return false;
}

void add_once(store::AclList& list, store::AclEntry entry) {
  if (std::find(list.begin(), list.end(), entry) == list.end()) list.push_back(std::move(entry));
}

}  // namespace

bool is_super(Identities identities) {
  for (const auto identity : identities) {
    if (view(identity.getScheme()) == "super") return true;
  }
  return false;
}

bool permits(const store::AclList& list, std::uint32_t perms, Identities identities) {
  if (list.empty()) return true;
  for (const auto& entry : list) {
    if ((entry.perms & perms) != 0 && matches(entry, identities)) return true;
  }
  return is_super(identities);
}

std::optional<store::AclList> resolve(Entries entries, Identities identities) {
  if (entries.size() == 0) return std::nullopt;
  store::AclList list;
  for (const auto entry : entries) {
    const std::string_view scheme = view(entry.getScheme());
    const std::string_view id = view(entry.getId());
    if (scheme != "auth") {
      if (!known(scheme, id)) return std::nullopt;
      add_once(list, {entry.getPerms(), std::string(scheme), std::string(id)});
      continue;
    }
    bool expanded = false;
    for (const auto identity : identities) {
      if (!proven(view(identity.getScheme()))) continue;
      add_once(list, {entry.getPerms(), std::string(view(identity.getScheme())), std::string(view(identity.getId()))});
      expanded = true;
    }
    if (!expanded) return std::nullopt;
  }
  return list;
}

bool open_to_all(const store::AclList& list) {
  return list.empty() ||
         (list.size() == 1 && list[0].perms == store::perm::all && list[0].scheme == "world" && list[0].id == "anyone");
}

bool open_to_all(Entries entries) {
  return entries.size() == 1 && entries[0].getPerms() == store::perm::all && view(entries[0].getScheme()) == "world" &&
         view(entries[0].getId()) == "anyone";
}

bool ip_matches(std::string_view address, std::string_view pattern) {
  const auto client = parse_address(address);
  const auto block = parse_block(pattern);
  if (!client || !block || client->bits != block->address.bits) return false;
  const unsigned whole = block->prefix / 8;
  const unsigned rest = block->prefix % 8;
  if (std::memcmp(client->bytes.data(), block->address.bytes.data(), whole) != 0) return false;
  return rest == 0 || (client->bytes[whole] ^ block->address.bytes[whole]) >> (8 - rest) == 0;
}

bool ip_valid(std::string_view pattern) {
  return parse_block(pattern).has_value();
}

}  // namespace troupe::acl
