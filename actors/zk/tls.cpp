#include "actors/zk/tls.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

#include "actors/distinguished_name.hpp"
#include "schema/check.hpp"

namespace troupe::zk {
namespace {

template <class T, void (*destroy)(T*)>
struct Destroy {
  void operator()(T* object) const { destroy(object); }
};
using Certificate = std::unique_ptr<X509, Destroy<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Destroy<EVP_PKEY, EVP_PKEY_free>>;
struct CloseBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, CloseBio>;

/// What OpenSSL says of its last failure; it remembers nothing afterwards.
std::string last_error() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

/// What a file brings: a key where it has one, and certificates, the key's own first.
struct Store {
  Key key;
  std::vector<Certificate> certificates;
};

int give_password(char* to, int size, int, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  const auto length = std::min(text.size(), static_cast<std::size_t>(size));
  std::memcpy(to, text.data(), length);
  return static_cast<int>(length);
}

Bio reader_of(const std::string& bytes) { return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))); }

Store read_pem(const std::string& file, const std::string& bytes, const std::string& password) {
  Store store;
  auto* secret = const_cast<std::string*>(&password);
  if (bytes.find("PRIVATE KEY-----") != bytes.npos) {
    store.key.reset(PEM_read_bio_PrivateKey(reader_of(bytes).get(), nullptr, give_password, secret));
    if (!store.key) throw BadTls(file + ": its key cannot be read (" + last_error() + "); check the password");
  }
  const auto reader = reader_of(bytes);
  while (auto* certificate = PEM_read_bio_X509(reader.get(), nullptr, give_password, secret)) {
    store.certificates.emplace_back(certificate);
  }
  if (const auto end = ERR_peek_last_error(); ERR_GET_REASON(end) != PEM_R_NO_START_LINE) {
    throw BadTls(file + ": a certificate in it cannot be read (" + last_error() + "); correct the file");
  }
  ERR_clear_error();  // that the file ended
  return store;
}

Store read_pkcs12(const std::string& file, const std::string& bytes, const std::string& password) {
  auto* parcel = d2i_PKCS12_bio(reader_of(bytes).get(), nullptr);
  if (parcel == nullptr) throw BadTls(file + ": is neither PEM nor PKCS #12; give a store in one of these formats");
  EVP_PKEY* key = nullptr;
  X509* own = nullptr;
  STACK_OF(X509)* others = nullptr;
  const bool ok = PKCS12_parse(parcel, password.c_str(), &key, &own, &others) == 1;
  PKCS12_free(parcel);
  if (!ok) {
    const bool outdated = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_UNSUPPORTED;
    throw BadTls(file + ": cannot be opened (" + last_error() + "); " +
                 (outdated ? "write it again with a newer keytool or openssl, which encrypt it otherwise"
                           : "check the password"));
  }
  Store store;
  store.key.reset(key);
  if (own != nullptr) store.certificates.emplace_back(own);
  while (others != nullptr && sk_X509_num(others) > 0) store.certificates.emplace_back(sk_X509_shift(others));
  sk_X509_free(others);
  return store;
}

Store read_store(const std::string& file, const std::string& password) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  // A directory opens, and fails at the first read.
  if (in && in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (!in.is_open() || in.bad()) {
    throw BadTls(file + ": cannot be read: " + std::strerror(errno) + "; check the path and its permissions");
  }
  const std::string bytes = std::move(text).str();
  if (bytes.starts_with("\xfe\xed\xfe\xed")) {
    throw BadTls(file + ": is in Java's own format; convert it with: keytool -importkeystore -srckeystore " + file +
                 " -destkeystore " + file + ".p12 -deststoretype PKCS12");
  }
  return bytes.find("-----BEGIN ") != bytes.npos ? read_pem(file, bytes, password) : read_pkcs12(file, bytes, password);
}

void use_key(ssl_ctx_st* context, const TlsConfig& config) {
  if (config.key_store.empty()) throw BadTls("a secure port needs the node's own key and certificate; name their file");
  auto store = read_store(config.key_store, config.key_store_password);
  if (!store.key || store.certificates.empty()) {
    throw BadTls(config.key_store + ": has no " + (store.key ? "certificate" : "key") +
                 "; put the node's key and its certificates into it");
  }
  bool ok = SSL_CTX_use_certificate(context, store.certificates.front().get()) == 1 &&
            SSL_CTX_use_PrivateKey(context, store.key.get()) == 1;
  for (std::size_t i = 1; ok && i < store.certificates.size(); ++i) {
    ok = SSL_CTX_add1_chain_cert(context, store.certificates[i].get()) == 1;
  }
  if (!ok) throw BadTls(config.key_store + ": its key and certificate cannot be used (" + last_error() + ")");
}

void trust(ssl_ctx_st* context, const TlsConfig& config) {
  if (config.client_auth == TlsConfig::ClientAuth::none) return;
  if (config.trust_store.empty()) {
    throw BadTls(
        "clients are asked for certificates; name the file with the authorities that are trusted, or ask for "
        "none");
  }
  const auto store = read_store(config.trust_store, config.trust_store_password);
  if (store.certificates.empty())
    throw BadTls(config.trust_store + ": has no certificates; put those to trust into it");
  for (const auto& certificate : store.certificates) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get());
    SSL_CTX_add_client_CA(context, certificate.get());
  }
  // A certificate may be trusted by itself, as in Java, whoever signed it.
  X509_STORE_set_flags(SSL_CTX_get_cert_store(context), X509_V_FLAG_PARTIAL_CHAIN);
  const bool need = config.client_auth == TlsConfig::ClientAuth::need;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (need ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
}

void choose_ciphers(ssl_ctx_st* context, const std::string& names) {
  if (names.empty()) return;
  // Those of TLS 1.3 are in a list of their own.
  std::string older, newer;
  std::istringstream in(names);
  for (std::string name; std::getline(in, name, ',');) {
    const bool is_newer = name.starts_with("TLS_AES_") || name.starts_with("TLS_CHACHA20_");
    const char* own = is_newer ? name.c_str() : OPENSSL_cipher_name(name.c_str());
    auto& list = is_newer ? newer : older;
    list += (list.empty() ? "" : ":") + std::string(own == nullptr || std::strcmp(own, "(NONE)") == 0 ? name : own);
  }
  const bool ok = (newer.empty() || SSL_CTX_set_ciphersuites(context, newer.c_str()) == 1) &&
                  (older.empty() || SSL_CTX_set_cipher_list(context, older.c_str()) == 1);
  if (!ok) throw BadTls("none of the cipher suites \"" + names + "\" is known; correct the list, or leave it out");
  if (newer.empty()) SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  if (older.empty()) SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
}

}  // namespace

TlsContext::TlsContext(const TlsConfig& config) : context_(SSL_CTX_new(TLS_server_method())) {
  TROUPE_CHECK(context_ != nullptr, "OpenSSL can make a context");
  try {
    SSL_CTX_set_min_proto_version(context_, config.only_newest ? TLS1_3_VERSION : TLS1_2_VERSION);
    if (config.only_older) SSL_CTX_set_max_proto_version(context_, TLS1_2_VERSION);
    SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // What is sent next may lie elsewhere in memory than at the first attempt, with more behind it.
    SSL_CTX_set_mode(context_,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    // A resumed session would show no certificate.
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context_, 0);
    SSL_CTX_set_options(context_, SSL_OP_NO_TICKET);
    use_key(context_, config);
    trust(context_, config);
    choose_ciphers(context_, config.ciphers);
  } catch (...) {
    SSL_CTX_free(context_);
    throw;
  }
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

TlsSession::TlsSession(const TlsContext& context, int socket) : session_(SSL_new(context.context_)) {
  TROUPE_CHECK(session_ != nullptr && SSL_set_fd(session_, socket) == 1, "OpenSSL can take a connection");
  SSL_set_accept_state(session_);
}

TlsSession::~TlsSession() { SSL_free(session_); }

ssize_t TlsSession::result(int returned) {
  if (returned > 0) return returned;
  switch (SSL_get_error(session_, returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_SYSCALL:
      why_ = "the connection broke";
      if (errno == 0 || errno == EAGAIN) errno = EPROTO;
      return -1;
    default:
      why_ = last_error();
      errno = EPROTO;
      return -1;
  }
}

ssize_t TlsSession::receive(char* to, std::size_t size) {
  ERR_clear_error();
  return result(SSL_read(session_, to, static_cast<int>(std::min<std::size_t>(size, INT_MAX))));
}

ssize_t TlsSession::send(const char* from, std::size_t size) {
  ERR_clear_error();
  const auto sent = result(SSL_write(session_, from, static_cast<int>(std::min<std::size_t>(size, INT_MAX))));
  if (sent != 0) return sent;
  errno = EPIPE;  // the client has said that it is gone
  return -1;
}

void TlsSession::end() {
  ERR_clear_error();
  if (why_.empty() && SSL_is_init_finished(session_)) SSL_shutdown(session_);
  ERR_clear_error();
}

std::string TlsSession::subject() const {
  const Certificate certificate(SSL_get1_peer_certificate(session_));
  return certificate ? distinguished_name(X509_get_subject_name(certificate.get())) : std::string();
}

}  // namespace troupe::zk
