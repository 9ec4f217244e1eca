// Paths of znodes: their syntax, and how they are taken apart. Pure functions over UTF-8 text.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::path {

/// Why `path` cannot name a znode, as a message for people; none if it can. A path is "/" or a
/// sequence of "/name"; a name is neither "." nor ".." and holds no character of U+0000–001F,
/// 007F–009F, D800–F8FF, FFF0–FFFF or beyond U+FFFF (the field's clients count in UTF-16, where
/// those are surrogates). Text that is not UTF-8 is refused.
std::optional<std::string> problem(std::string_view path);

/// As problem(), without the message.
bool valid(std::string_view path);

/// The path above: "/" of "/a". Of a valid path other than "/"; a view into it.
std::string_view parent(std::string_view path);

/// The last name: "b" of "/a/b", "" of "/". A view into the path.
std::string_view basename(std::string_view path);

/// Appends a sequential znode's number: ten columns, zeros in front, a minus sign counts as one.
void append_sequence(std::string& path, std::int32_t number);

/// The znodes that are always there and cannot be deleted.
bool undeletable(std::string_view path);

/// For hash tables by path: hashes strings and views alike, so that a lookup needs no string of its own.
struct Hash {
  using is_transparent = void;
  // Not noexcept: the standard library takes what is for too fast to keep the result with the element, and computes it
  // again for each neighbour that it passes.
  std::size_t operator()(std::string_view path) const { return std::hash<std::string_view>{}(path); }
};

}  // namespace troupe::path
