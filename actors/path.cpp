#include "actors/path.hpp"

#include <cstdio>
#include <cstring>

namespace troupe::path {
namespace {

enum class Flaw { none, empty, relative, trailing_slash, empty_name, dot_name, not_utf8, forbidden };

struct Found {
  Flaw flaw = Flaw::none;
  std::size_t at = 0;
  std::uint32_t character = 0;
};

bool forbidden(std::uint32_t c) {
  return c <= 0x1f || (c >= 0x7f && c <= 0x9f) || (c >= 0xd800 && c <= 0xf8ff) || c >= 0xfff0;
}

/// Decodes the character at text[at], which is not ASCII, and moves `at` behind it. Returns nothing
/// for what is not UTF-8: a stray byte, a cut or overlong form.
std::optional<std::uint32_t> decode(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  const std::size_t length = lead >= 0xf0 && lead <= 0xf4  ? 4
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                                                           : 0;
  if (length == 0 || at + length > text.size()) return std::nullopt;
  std::uint32_t character = lead & (0x7f >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return std::nullopt;
    character = character << 6 | (byte(at + i) & 0x3f);
  }
  static constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (character < least[length] || character > 0x10ffff) return std::nullopt;
  at += length;
  return character;
}

// Eight characters at a time, one in each byte of a word.
constexpr std::uint64_t each(unsigned char c) { return 0x0101010101010101u * c; }
std::uint64_t eight_at(std::string_view text, std::size_t at) {
  std::uint64_t word;
  std::memcpy(&word, text.data() + at, sizeof word);
  return word;
}
/// The highest bit of each byte that is 0.
std::uint64_t zeros(std::uint64_t word) { return ~(((word & each(0x7f)) + each(0x7f)) | word) & each(0x80); }

/// Whether it is valid at first sight, as nearly all are: ASCII, and no name that is empty or begins with a dot.
bool plainly_valid(std::string_view path) {
  if (path.size() < 9 || path.front() != '/' || path.back() == '/') return false;
  std::uint64_t flaws = 0;
  const auto look = [&](std::size_t at) {
    const std::uint64_t here = eight_at(path, at), before = eight_at(path, at - 1);
    static_assert(('/' | 1) == '/' && ('.' | 1) == '/');
    flaws |= here & each(0x80);         // not ASCII
    flaws |= zeros(here & each(0x60));  // below 0x20
    flaws |= zeros(here ^ each(0x7f));
    flaws |= zeros(before ^ each('/')) & zeros((here | each(1)) ^ each('/'));
  };
  std::size_t at = 1;
  for (; at + 8 < path.size(); at += 8) look(at);
  look(path.size() - 8);
  return flaws == 0;
}

Found inspect(std::string_view path) {
  if (path.empty()) return {Flaw::empty};
  if (path[0] != '/') return {Flaw::relative};
  if (path.size() == 1) return {};
  if (path.back() == '/') return {Flaw::trailing_slash};
  std::size_t name = 1;  // where the current name starts
  for (std::size_t i = 1; i <= path.size();) {
    if (i == path.size() || path[i] == '/') {
      const std::size_t length = i - name;
      if (length == 0) return {Flaw::empty_name, i};
      if (path[name] == '.' && (length == 1 || (length == 2 && path[name + 1] == '.'))) return {Flaw::dot_name, name};
      name = ++i;
      continue;
    }
    const auto c = static_cast<unsigned char>(path[i]);
    if (c >= 0x20 && c < 0x7f) {
      ++i;
      continue;
    }
    const std::size_t at = i;
    std::optional<std::uint32_t> character = c;
    if (c < 0x80) {
      ++i;
    } else {
      character = decode(path, i);
    }
    if (!character) return {Flaw::not_utf8, at};
    if (forbidden(*character)) return {Flaw::forbidden, at, *character};
  }
  return {};
}

}  // namespace

std::optional<std::string> problem(std::string_view path) {
  const Found found = inspect(path);
  const std::string at = " at byte " + std::to_string(found.at);
  switch (found.flaw) {
    case Flaw::none:
      return std::nullopt;
    case Flaw::empty:
      return "the path is empty";
    case Flaw::relative:
      return "the path does not begin with /";
    case Flaw::trailing_slash:
      return "the path ends with /";
    case Flaw::empty_name:
      return "the path has an empty name" + at;
    case Flaw::dot_name:
      return "the path has a relative name (. or ..)" + at;
    case Flaw::not_utf8:
      return "the path is not UTF-8" + at;
    case Flaw::forbidden:
      break;
  }
  char text[16];
  std::snprintf(text, sizeof text, "U+%04X", found.character);
  return "the path holds the forbidden character " + std::string(text) + at;
}

bool valid(std::string_view path) { return plainly_valid(path) || inspect(path).flaw == Flaw::none; }

std::string_view parent(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return path.substr(0, slash == 0 ? 1 : slash);
}

std::string_view basename(std::string_view path) { return path.substr(path.rfind('/') + 1); }

void append_sequence(std::string& path, std::int32_t number) {
  char digits[16];
  const int length = std::snprintf(digits, sizeof digits, "%010d", number);
  path.append(digits, static_cast<std::size_t>(length));
}

bool undeletable(std::string_view path) {
  return path == "/" || path == "/zookeeper" || path == "/zookeeper/quota" || path == "/zookeeper/config";
}

}  // namespace troupe::path
