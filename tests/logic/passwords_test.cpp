// The password of a session, from the ensemble's key and the session's id: the same on every node, no other's.
#include "actors/passwords.hpp"

#include <string>

#include "tests/catch.hpp"

using namespace troupe;

TEST_CASE("A session's password is the head of an HMAC-SHA256 over its id") {
  // Reference value: HMAC-SHA256 with 32 bytes of 'k' over 01 02 03 04 05 06 07 08.
  const std::string key(32, 'k');
  const auto password = session_password(key, SessionId{0x0102030405060708});
  std::string hex;
  for (const std::byte b : password) {
    hex += "0123456789abcdef"[std::to_integer<int>(b) >> 4];
    hex += "0123456789abcdef"[std::to_integer<int>(b) & 15];
  }
  CHECK(hex == "a80247122812538cd32dd0fdc01756ba");
}

TEST_CASE("Only the session's own password matches") {
  const std::string key(32, 'k');
  auto password = session_password(key, SessionId{7});
  CHECK(password_matches(key, SessionId{7}, password));
  CHECK_FALSE(password_matches(key, SessionId{8}, password));
  CHECK_FALSE(password_matches(std::string(32, 'l'), SessionId{7}, password));
  CHECK_FALSE(password_matches(key, SessionId{7}, std::span(password).first(15)));
  CHECK_FALSE(password_matches(key, SessionId{7}, {}));
  for (auto& byte : password) {
    byte ^= std::byte{1};
    CHECK_FALSE(password_matches(key, SessionId{7}, password));
    byte ^= std::byte{1};
  }
}
