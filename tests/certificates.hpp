// Certificates for tests: an authority, and those to whom it gives a name.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::test {

/// Attributes of a name, by OpenSSL's short names, the first one first.
using Subject = std::vector<std::pair<std::string, std::string>>;

inline Subject named(const std::string& common_name) { return Subject{std::make_pair("CN", common_name)}; }

/// A key and the certificate for it.
class Identity {
 public:
  /// Signed by `issuer`, or by itself.
  explicit Identity(const Subject& subject, const Identity* issuer = nullptr);

  std::string certificate() const;  ///< PEM
  std::string key() const;          ///< PEM, open
  std::string pkcs12(const std::string& password) const;

  X509* x509() const { return certificate_.get(); }
  EVP_PKEY* pkey() const { return key_.get(); }

 private:
  std::shared_ptr<EVP_PKEY> key_;
  std::shared_ptr<X509> certificate_;
};

/// What a client needs that shows `own`, or nothing, and trusts what `trusted` has signed.
std::shared_ptr<SSL_CTX> client_context(const Identity* own, const Identity& trusted);

}  // namespace troupe::test
