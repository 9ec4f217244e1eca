#include "actors/zk/digest_md5.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "schema/check.hpp"

namespace troupe::zk {
namespace {

constexpr std::string_view realm = "zk-sasl-md5", service = "zookeeper/zk-sasl-md5";  // as ZooKeeper's clients expect
constexpr std::size_t longest_response = 4096;                                        // the standard's

using Directives = std::map<std::string, std::string, std::less<>>;

std::string_view trim(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto first = text.find_first_not_of(space);
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(space) - first + 1);
}

/// The text between quotes that `text` begins with, of which it is taken off. Nothing if the end is missing.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    if (text[i] == '\\' && ++i == text.size()) break;
    value += text[i];
  }
  return std::nullopt;
}

/// name=value, name="value", … Nothing if it is malformed, or says something twice.
std::optional<Directives> parse(std::string_view text) {
  Directives directives;
  while (!(text = trim(text)).empty()) {
    const auto equals = text.find('=');
    if (equals == text.npos || equals == 0) return std::nullopt;
    const std::string name(trim(text.substr(0, equals)));
    text = trim(text.substr(equals + 1));
    std::optional<std::string> value;
    if (text.starts_with('"')) {
      value = take_quoted(text);
      text = trim(text);
    } else {
      const auto end = std::min(text.find(','), text.size());
      value = std::string(trim(text.substr(0, end)));
      text.remove_prefix(end);
    }
    if (!value || !(text.empty() || text.front() == ',')) return std::nullopt;
    if (!directives.emplace(name, std::move(*value)).second) return std::nullopt;
    if (!text.empty()) text.remove_prefix(1);
  }
  return directives;
}

std::string md5(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  TROUPE_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) == 1, "MD5 is available");
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string fresh_nonce() {
  std::array<unsigned char, 30> random;
  std::array<unsigned char, 41> text;
  TROUPE_CHECK(RAND_bytes(random.data(), random.size()) == 1, "the system has random numbers");
  const int size = EVP_EncodeBlock(text.data(), random.data(), random.size());
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(size)};
}

}  // namespace

DigestMd5::DigestMd5(const SaslUsers& users) : users_(users), nonce_(fresh_nonce()) {}

std::optional<std::string> DigestMd5::answer(std::string_view token) {
  switch (state_) {
    case State::fresh:
      state_ = State::asked;
      return challenge();  // whatever the client began with
    case State::asked:
      state_ = State::over;
      return check(token);
    case State::over:
      break;
  }
  return std::nullopt;
}

std::string DigestMd5::challenge() const {
  return "realm=\"" + std::string(realm) + "\",nonce=\"" + nonce_ + "\",charset=utf-8,algorithm=md5-sess";
}

std::optional<std::string> DigestMd5::check(std::string_view response) {
  if (response.size() > longest_response) return std::nullopt;
  const auto said = parse(response);
  if (!said) return std::nullopt;
  const auto get = [&](std::string_view name) {
    const auto it = said->find(name);
    return it == said->end() ? std::string() : it->second;
  };
  const auto is = [&](std::string_view name, std::string_view wanted, bool needed = true) {
    const auto it = said->find(name);
    return it == said->end() ? !needed : it->second == wanted;
  };
  const std::string name = get("username");
  const auto user = users_.find(name);
  if (user == users_.end()) return std::nullopt;
  // For whom else the client would like to speak changes nothing: it is known by its own name.
  if (said->contains("authzid") && get("authzid").empty()) return std::nullopt;
  if (!is("realm", realm) || !is("nonce", nonce_) || !is("nc", "00000001") || !is("digest-uri", service) ||
      !is("qop", "auth", false) || !is("charset", "utf-8", false) || get("cnonce").empty()) {
    return std::nullopt;
  }
  std::string secret = md5(name + ":" + std::string(realm) + ":" + user->second) + ":" + nonce_ + ":" + get("cnonce");
  if (said->contains("authzid")) secret += ":" + get("authzid");
  const auto digest = [&](std::string_view method) {
    const std::string what = hex(md5(std::string(method) + ":" + std::string(service)));
    return hex(md5(hex(md5(secret)) + ":" + nonce_ + ":" + get("nc") + ":" + get("cnonce") + ":auth:" + what));
  };
  const std::string wanted = digest("AUTHENTICATE"), shown = get("response");
  if (shown.size() != wanted.size() || CRYPTO_memcmp(shown.data(), wanted.data(), wanted.size()) != 0) {
    return std::nullopt;
  }
  user_ = name;
  return "rspauth=" + digest("");
}

}  // namespace troupe::zk
