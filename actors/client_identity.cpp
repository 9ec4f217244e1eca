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

ClientIdentity::ClientIdentity(std::string_view address) {
  if (!address.empty()) add("ip", std::string(address));
}

void ClientIdentity::add_digest(std::string_view credentials, std::string_view super_digest) {
  auto id = digest_id(credentials);
  if (!super_digest.empty() && id == super_digest) add("super", "");
  add("digest", std::move(id));
}

void ClientIdentity::add(std::string scheme, std::string id) {
  std::pair entry(std::move(scheme), std::move(id));
  if (std::find(entries_.begin(), entries_.end(), entry) != entries_.end()) return;
  entries_.push_back(std::move(entry));

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
