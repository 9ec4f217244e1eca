#include "actors/distinguished_name.hpp"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>
#include <vector>

namespace troupe {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \n");
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(" \n") - first + 1);
}

bool is_number_path(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.find('.') == text.npos || !digit(text.front()) || !digit(text.back())) return false;
  return text.find("..") == text.npos &&
         std::all_of(text.begin(), text.end(), [&](char c) { return c == '.' || digit(c); });
}

bool is_attribute(std::string_view name) {
  static constexpr std::array<std::string_view, 21> known{
      "C", "CN", "DC", "DNQ", "DNQUALIFIER",  "EMAIL", "EMAILADDRESS", "GENERATION", "GIVENNAME", "INITIALS", "IP",
      "L", "O",  "OU", "S",   "SERIALNUMBER", "ST",    "STREET",       "SURNAME",    "T",         "UID"};
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
  if (upper.starts_with("OID.")) return is_number_path(name.substr(4));
  return std::find(known.begin(), known.end(), upper) != known.end() || is_number_path(name);
}

/// Where the value that begins at `at` ends: at a sign that separates, or behind the text. npos if it is malformed.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\') {
      if (++at == text.size()) return text.npos;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == ',' || c == ';' || c == '+')) {
      return at;
    }
  }
  return quoted ? text.npos : text.size();
}

/// The attributes that RFC 2253 has names for.
const char* short_name(const ASN1_OBJECT* attribute) {
  static constexpr std::array known{NID_commonName,       NID_countryName,
                                    NID_localityName,     NID_stateOrProvinceName,
                                    NID_organizationName, NID_organizationalUnitName,
                                    NID_domainComponent,  NID_userId};
  const int id = OBJ_obj2nid(attribute);
  if (id == NID_streetAddress) return "STREET";
  return std::find(known.begin(), known.end(), id) == known.end() ? nullptr : OBJ_nid2sn(id);
}

std::optional<std::string> text_of(const ASN1_STRING* value) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, value);
  if (size < 0) return std::nullopt;
  std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return text;
}

std::string escaped(std::string_view text) {
  std::string result;
  const auto first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const bool outer_space = c == ' ' && (first == text.npos || at < first || at > last);
    if (c == '\0') {
      result += "\\00";
      continue;
    }
    if (outer_space || std::string_view(",=+<>#;\"\\").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

/// Any attribute: its number, and the bytes of its value as they stand in the certificate.
std::string in_numbers(const ASN1_OBJECT* attribute, const ASN1_STRING* value) {
  char number[128];
  OBJ_obj2txt(number, sizeof number, attribute, 1);
  std::string text = std::string(number) + "=#";
  unsigned char* bytes = nullptr;
  const int size = i2d_ASN1_PRINTABLE(value, &bytes);
  for (int i = 0; i < size; ++i) {
    constexpr char digits[] = "0123456789abcdef";
    text += {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
  }
  OPENSSL_free(bytes);
  return text;
}

}  // namespace

std::string distinguished_name(const X509_name_st* name) {
  std::vector<std::string> parts;  // several attributes may be one part of the name
  int last_set = -1;
  for (int at = 0; at < X509_NAME_entry_count(name); ++at) {
    const auto* entry = X509_NAME_get_entry(name, at);
    const auto* attribute = X509_NAME_ENTRY_get_object(entry);
    const auto* value = X509_NAME_ENTRY_get_data(entry);
    const char* known = short_name(attribute);
    const auto readable = known == nullptr ? std::nullopt : text_of(value);
    const auto text = readable ? std::string(known) + "=" + escaped(*readable) : in_numbers(attribute, value);
    const int set = X509_NAME_ENTRY_set(entry);
    if (std::exchange(last_set, set) == set) {
      parts.back() += "+" + text;
    } else {
      parts.push_back(text);
    }
  }
  std::string text;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) text += (text.empty() ? "" : ",") + *part;
  return text;
}

bool is_distinguished_name(std::string_view text) {
  if (trim(text).empty()) return true;
  for (std::size_t at = 0;;) {
    const auto equals = text.find('=', at);
    if (equals == text.npos) return false;
    const auto name = trim(text.substr(at, equals - at));
    if (name.empty() || !is_attribute(name)) return false;
    at = end_of_value(text, equals + 1);
    if (at == text.npos) return false;
    if (at++ == text.size()) return true;
  }
}

}  // namespace troupe
