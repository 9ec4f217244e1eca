// The server's side of SASL's DIGEST-MD5 (RFC 2831): how a client of ZooKeeper proves a user's name
// without showing the password. One exchange: a challenge, the client's response, and the proof that
// the server knows the password too.
//
// Owner: the connection. Single thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::zk {

using SaslUsers = std::map<std::string, std::string>;  ///< passwords by name

class DigestMd5 {
 public:
  /// `users` outlives this.
  explicit DigestMd5(const SaslUsers& users);

  /// What answers the client's next token; nothing if it is refused, as all that follows is.
  std::optional<std::string> answer(std::string_view token);
  /// Who the client is; empty until it has proved that.
  const std::string& user() const { return user_; }

 private:
  enum class State { fresh, asked, over };

  std::string challenge() const;
  std::optional<std::string> check(std::string_view response);

  const SaslUsers& users_;
  const std::string nonce_;
  State state_ = State::fresh;
  std::string user_;
};

}  // namespace troupe::zk
