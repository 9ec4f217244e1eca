#include "actors/acl.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <set>
#include <tuple>

#include "actors/distinguished_name.hpp"

namespace troupe::acl {
namespace {

std::string_view view(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

struct Address {
  std::array<unsigned char, 16> bytes{};
  unsigned bits = 0;  // 32 or 128
};

/// A decimal number as ZooKeeper reads it: signs and zeros in front do no harm.
std::optional<int> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Address> parse_ipv4(std::string_view text) {
  Address address{.bits = 32};
  for (unsigned i = 0; i < 4; ++i) {
    const std::size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == text.npos) return std::nullopt;
    const auto part = parse_number(text.substr(0, dot));
    if (!part || *part < 0 || *part > 255) return std::nullopt;
    address.bytes[i] = static_cast<unsigned char>(*part);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return address;
}

std::optional<Address> parse_ipv6(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated) return std::nullopt;
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  Address address{.bits = 128};
  if (inet_pton(AF_INET6, terminated, address.bytes.data()) != 1) return std::nullopt;
  static constexpr unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(address.bytes.data(), mapped, sizeof mapped) == 0) {
    std::copy(address.bytes.begin() + 12, address.bytes.end(), address.bytes.begin());
    address.bits = 32;
  }
  return address;
}

std::optional<Address> parse_address(std::string_view text) {
  return text.find(':') == text.npos ? parse_ipv4(text) : parse_ipv6(text);
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
  const auto prefix = parse_number(text.substr(slash + 1));
  if (!prefix || *prefix < 0 || *prefix > static_cast<int>(address->bits)) return std::nullopt;
  return Block{*address, static_cast<unsigned>(*prefix)};
}

/// Whether an identity of this scheme was proved, rather than taken from the connection.
bool proven(std::string_view scheme) { return scheme == "digest" || scheme == "x509" || scheme == "sasl"; }

/// "user:digest", as ZooKeeper counts the parts: one colon, and colons at the very end do not count.
bool digest_valid(std::string_view id) {
  while (id.ends_with(':')) id.remove_suffix(1);
  const std::size_t colon = id.find(':');
  return colon != std::string_view::npos && id.find(':', colon + 1) == std::string_view::npos;
}

bool known(std::string_view scheme, std::string_view id, Schemes schemes) {
  if (scheme == "world") return id == "anyone";
  if (scheme == "ip") return ip_valid(id);
  if (scheme == "digest") return digest_valid(id);
  if (scheme == "x509") return schemes.x509 && is_distinguished_name(id);
  return scheme == "sasl" && schemes.sasl;
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

std::optional<store::AclList> resolve(Entries entries, Identities identities, Schemes schemes) {
  if (entries.size() == 0) return std::nullopt;
  store::AclList list;
  std::set<std::tuple<std::uint32_t, std::string_view, std::string_view>> seen;
  for (const auto entry : entries) {
    const std::uint32_t perms = entry.getPerms();
    const std::string_view scheme = view(entry.getScheme());
    const std::string_view id = view(entry.getId());
    if (!seen.emplace(perms, scheme, id).second) continue;
    if (scheme != "auth") {
      if (!known(scheme, id, schemes)) return std::nullopt;
      list.push_back({perms, std::string(scheme), std::string(id)});
      continue;
    }
    // What "auth" stands for may repeat what the list names; ZooKeeper keeps both.
    const std::size_t before = list.size();
    for (const auto identity : identities) {
      if (!proven(view(identity.getScheme()))) continue;
      list.push_back({perms, std::string(view(identity.getScheme())), std::string(view(identity.getId()))});
    }
    if (list.size() == before) return std::nullopt;
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

bool ip_valid(std::string_view pattern) { return parse_block(pattern).has_value(); }

}  // namespace troupe::acl
