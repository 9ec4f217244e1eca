// Strong types for the identifiers that every layer shares.
//
// They hold one integer each, never convert into one another, and order and hash like the
// integer. The protocol core includes this, check.hpp and nothing else of ours.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include "schema/check.hpp"

namespace troupe {

/// The reign of one leader. Grows by at least one with every leader; 0 means "before the first".
struct Epoch {
  std::uint32_t value = 0;
  auto operator<=>(const Epoch&) const = default;
  constexpr Epoch next() const {
    TROUPE_CHECK(value != ~std::uint32_t{0}, "epochs do not begin anew");
    return {value + 1};
  }
};

/// A transaction's id: the epoch that proposed it in the high 32 bits, a counter in the low 32.
/// Zxid{0} stands before the first transaction.
struct Zxid {
  std::uint64_t value = 0;
  auto operator<=>(const Zxid&) const = default;
  constexpr Epoch epoch() const { return {static_cast<std::uint32_t>(value >> 32)}; }
  constexpr std::uint32_t counter() const { return static_cast<std::uint32_t>(value); }
  constexpr Zxid next() const { return {value + 1}; }
  static constexpr Zxid of(Epoch epoch, std::uint32_t counter) {
    return {(static_cast<std::uint64_t>(epoch.value) << 32) | counter};
  }
};

/// A node of the ensemble: 1 to 255, because a session's id carries it in its top byte. 0 is nobody.
struct PeerId {
  std::uint32_t value = 0;
  auto operator<=>(const PeerId&) const = default;
};

/// A client's session. 0 is none.
struct SessionId {
  std::int64_t value = 0;
  auto operator<=>(const SessionId&) const = default;
};

/// "0x100000002", the way the field writes a zxid.
std::string to_string(Zxid zxid);
std::string to_string(Epoch epoch);
std::string to_string(PeerId peer);
std::string to_string(SessionId session);

}  // namespace troupe

template <>
struct std::hash<troupe::Zxid> {
  std::size_t operator()(troupe::Zxid z) const noexcept { return std::hash<std::uint64_t>{}(z.value); }
};
template <>
struct std::hash<troupe::PeerId> {
  std::size_t operator()(troupe::PeerId p) const noexcept { return std::hash<std::uint32_t>{}(p.value); }
};
template <>
struct std::hash<troupe::SessionId> {
  std::size_t operator()(troupe::SessionId s) const noexcept { return std::hash<std::int64_t>{}(s.value); }
};
