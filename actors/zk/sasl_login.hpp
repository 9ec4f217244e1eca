// How a client of ZooKeeper proves a user's name without showing the password: the server's side of SASL's
// DIGEST-MD5 (RFC 2831), which libsasl2 and its plug-in speak. One exchange: a challenge, the client's response,
// and the proof that the server knows the password too.
//
// libsasl2 is set up once for the process, and reads no configuration of the system's. A login belongs to its
// connection. Single thread; logins of several threads go on side by side.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace troupe::zk {

using SaslUsers = std::map<std::string, std::string>;  ///< passwords by name; nobody logs in with an empty one

/// Nobody can log in on this machine. Says what to do.
struct SaslUnavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Sets libsasl2 up, unless it is. Throws SaslUnavailable. Any thread.
void set_up_sasl();

class SaslLogin {
 public:
  /// `users` outlives this. Throws SaslUnavailable.
  explicit SaslLogin(const SaslUsers& users);
  ~SaslLogin();

  /// What answers the client's next token, the first of which may be anything; nothing if it is refused, as all
  /// that follows is.
  std::optional<std::string> answer(std::string_view token);
  /// Who the client is; empty until it has proved that. For whom else it would like to speak changes nothing.
  const std::string& user() const { return user_; }

 private:
  class Exchange;

  std::unique_ptr<Exchange> exchange_;  // until it is over
  std::string user_;
};

}  // namespace troupe::zk
