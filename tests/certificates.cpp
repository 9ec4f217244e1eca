#include "tests/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <functional>
#include <stdexcept>

namespace troupe::test {
namespace {

std::string written(const std::function<int(BIO*)>& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  char* bytes = nullptr;
  if (write(bio) != 1) throw std::runtime_error("OpenSSL cannot write what the test needs");
  const auto size = BIO_get_mem_data(bio, &bytes);
  std::string text(bytes, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

}  // namespace

Identity::Identity(const Subject& subject, const Identity* issuer)
    : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
  X509* x509 = certificate_.get();
  X509_set_version(x509, 2);
  static long serial = 0;
  ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
  constexpr long hour = 3600;
  X509_gmtime_adj(X509_getm_notBefore(x509), -hour);
  X509_gmtime_adj(X509_getm_notAfter(x509), hour);
  X509_set_pubkey(x509, key_.get());
  X509_NAME* name = X509_get_subject_name(x509);
  for (const auto& [attribute, value] : subject) {
    X509_NAME_add_entry_by_txt(name, attribute.c_str(), MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.data()), static_cast<int>(value.size()), -1,
                               0);
  }
  X509_set_issuer_name(x509, issuer != nullptr ? X509_get_subject_name(issuer->x509()) : name);
  if (issuer == nullptr) {  // an authority
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
  }
  if (X509_sign(x509, issuer != nullptr ? issuer->pkey() : key_.get(), EVP_sha256()) == 0) {
    throw std::runtime_error("OpenSSL cannot sign a certificate");
  }
}

std::string Identity::certificate() const {
  return written([this](BIO* bio) { return PEM_write_bio_X509(bio, certificate_.get()); });
}

std::string Identity::key() const {
  return written(
      [this](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string Identity::pkcs12(const std::string& password) const {
  PKCS12* parcel = PKCS12_create(password.c_str(), "node", key_.get(), certificate_.get(), nullptr, 0, 0, 0, 0, 0);
  auto text = written([parcel](BIO* bio) { return i2d_PKCS12_bio(bio, parcel); });
  PKCS12_free(parcel);
  return text;
}

std::shared_ptr<SSL_CTX> client_context(const Identity* own, const Identity& trusted) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), trusted.x509());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (own != nullptr) {
    SSL_CTX_use_certificate(context.get(), own->x509());
    SSL_CTX_use_PrivateKey(context.get(), own->pkey());
  }
  return context;
}

}  // namespace troupe::test
