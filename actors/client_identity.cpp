#include "actors/client_identity.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "schema/check.hpp"

namespace troupe {

std::string digest_id(std::string_view credentials) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  TROUPE_CHECK(EVP_Digest(credentials.data(), credentials.size(), hash, &size, EVP_sha1(), nullptr) == 1,
               "SHA-1 is available");
  unsigned char text[2 * EVP_MAX_MD_SIZE];
  const int length = EVP_EncodeBlock(text, hash, static_cast<int>(size));
  std::string id(credentials.substr(0, credentials.find(':')));
  id += ':';
  id.append(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
  return id;
}

namespace {

/// Java's String.hashCode(): over UTF-16.
std::uint32_t java_hash(std::string_view text) {
  std::uint32_t hash = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    std::uint32_t character = more == 0 ? lead : lead & (0x3f >> more);
    for (int left = more; left > 0 && i < text.size(); --left)
      character = character << 6 | (static_cast<unsigned char>(text[i++]) & 0x3f);
    if (character >= 0x10000) {
      hash = hash * 31 + (0xd800 + ((character - 0x10000) >> 10));
      character = 0xdc00 + ((character - 0x10000) & 0x3ff);
    }
    hash = hash * 31 + character;
  }
  return hash;
}

}  // namespace

ClientIdentity::ClientIdentity(std::string_view address) {
  if (!address.empty()) add("ip", std::string(address));
}

void ClientIdentity::add_digest(std::string_view credentials, std::string_view super_digest) {
  auto id = digest_id(credentials);
  if (!super_digest.empty() && id == super_digest) add("super", "");
  add("digest", std::move(id));
}

void ClientIdentity::put_in_order() {
  std::size_t buckets = 16;
  while (entries_.size() * 4 >= buckets * 3) buckets *= 2;
  const auto bucket = [&](const auto& entry) {
    const std::uint32_t hash = (17 * 37 + java_hash(entry.first)) * 37 + java_hash(entry.second);
    return (hash ^ hash >> 16) & 0x7fffffff & (buckets - 1);
  };
  std::stable_sort(entries_.begin(), entries_.end(),
                   [&](const auto& a, const auto& b) { return bucket(a) < bucket(b); });
}

void ClientIdentity::add(std::string scheme, std::string id) {
  std::pair entry(std::move(scheme), std::move(id));
  if (std::find(entries_.begin(), entries_.end(), entry) != entries_.end()) return;
  entries_.push_back(std::move(entry));
  put_in_order();

  constexpr unsigned words = 32;  // one address takes less, and a node may have many clients
  auto message = std::make_unique<capnp::MallocMessageBuilder>(words);
  auto list = message->initRoot<capnp::AnyPointer>().initAs<capnp::List<schema::Identity>>(entries_.size());
  for (unsigned i = 0; i < entries_.size(); ++i) {
    list[i].setScheme(kj::StringPtr(entries_[i].first.c_str(), entries_[i].first.size()));
    list[i].setId(kj::StringPtr(entries_[i].second.c_str(), entries_[i].second.size()));
  }
  list_ = list.asReader();
  message_ = std::move(message);
}

}  // namespace troupe
