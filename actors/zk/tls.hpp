// TLS for the door of ZooKeeper's protocol: who the node is, whom it trusts, and one client's secured connection.
// The protocol itself is OpenSSL's.
//
// Stores of keys and of trusted certificates are files in PEM or PKCS #12, told apart by what stands in them; Java's
// own format (JKS) is refused with the way to convert it.
//
// TlsContext: made at the start; any thread. TlsSession: the thread of its door.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace troupe::zk {

struct TlsConfig {
  enum class ClientAuth { none, want, need };  ///< whether clients show a certificate; one that is shown must be good
  std::string key_store, key_store_password;   ///< file with the node's key and its certificates
  std::string trust_store, trust_store_password;  ///< file with the authorities that clients' certificates come from
  ClientAuth client_auth = ClientAuth::need;
  std::string
      ciphers;  ///< suites separated by commas, with the names of the standard or OpenSSL's; empty: the library's

  bool only_newest = false, only_older = false;  ///< TLS 1.3 alone; TLS 1.2 alone; otherwise the two

  bool operator==(const TlsConfig&) const = default;
};

/// What a TlsConfig names cannot be used; what() says why and what to do.
class BadTls : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class TlsContext {
 public:
  explicit TlsContext(const TlsConfig& config);  ///< throws BadTls
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsSession;
  ssl_ctx_st* context_;
};

/// The server's end of one connection, over a socket that does not block and outlives it.
class TlsSession {
 public:
  TlsSession(const TlsContext& context, int socket);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// As recv() and send() of a socket that does not block: bytes, or -1 and errno: EAGAIN to wait for the socket in
  /// either direction, EPIPE if nothing can be sent any more, EPROTO where TLS has failed, for which why() has words.
  /// receive() returns 0 at the end, send() never does. What is received may still lie here when the socket has nothing
  /// more: receive until EAGAIN.
  ssize_t receive(char* to, std::size_t size);
  ssize_t send(const char* from, std::size_t size);
  /// Says that nothing more will come.
  void end();

  /// The subject of the certificate that the client has shown, as Java writes it (RFC 2253); empty if it showed none.
  /// Once anything has been received.
  std::string subject() const;
  const std::string& why() const { return why_; }

 private:
  ssize_t result(int returned);

  ssl_st* session_;
  std::string why_;
};

}  // namespace troupe::zk
