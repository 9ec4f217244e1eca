#include "actors/passwords.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "schema/check.hpp"

namespace troupe {

SessionPassword session_password(std::string_view key, SessionId session) {
  unsigned char id[8];
  for (int i = 0; i < 8; ++i)
    id[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(session.value) >> (56 - 8 * i));
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const auto* made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), id, sizeof id, mac, &size);
  TROUPE_CHECK(made != nullptr && size >= sizeof(SessionPassword), "HMAC-SHA256 works");
  SessionPassword password;
  std::copy_n(reinterpret_cast<const std::byte*>(mac), password.size(), password.begin());
  return password;
}

bool password_matches(std::string_view key, SessionId session, std::span<const std::byte> shown) {
  const SessionPassword password = session_password(key, session);
  return shown.size() == password.size() && CRYPTO_memcmp(shown.data(), password.data(), password.size()) == 0;
}

}  // namespace troupe
