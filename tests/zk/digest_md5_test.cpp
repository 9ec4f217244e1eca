// Logins by SASL's DIGEST-MD5, token by token. That clients of ZooKeeper log in so is compared in tests/conformance.
#include "actors/zk/digest_md5.hpp"

#include <openssl/evp.h>

#include <array>
#include <vector>

#include "tests/catch.hpp"

using namespace troupe::zk;

namespace {

std::string md5(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_md5(), nullptr);
  return {reinterpret_cast<const char*>(digest), size};
}

std::string hex(const std::string& bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte / 16];
    text += "0123456789abcdef"[byte % 16];
  }
  return text;
}

/// What a client with this name and password answers to a challenge; `method` is empty for the server's proof.
std::string digest(const std::string& name, const std::string& password, const std::string& nonce,
                   const std::string& method) {
  const std::string secret = hex(md5(md5(name + ":zk-sasl-md5:" + password) + ":" + nonce + ":mine"));
  return hex(md5(secret + ":" + nonce + ":00000001:mine:auth:" + hex(md5(method + ":zookeeper/zk-sasl-md5"))));
}

struct Exchange {
  const SaslUsers users{{"bob", "secret"}};
  DigestMd5 server{users};
  std::string nonce;

  Exchange() {
    const auto challenge = server.answer("").value();
    const auto begin = challenge.find("nonce=\"") + 7;
    nonce = challenge.substr(begin, challenge.find('"', begin) - begin);
  }
  std::optional<std::string> respond(const std::string& name, const std::string& password,
                                     const std::string& more = "") {
    return server.answer("username=\"" + name + "\",realm=\"zk-sasl-md5\",nonce=\"" + nonce +
                         "\",nc=00000001,cnonce=\"mine\",digest-uri=\"zookeeper/zk-sasl-md5\",response=" +
                         digest(name, password, nonce, "AUTHENTICATE") + ",qop=auth" + more);
  }
};

}  // namespace

TEST_CASE("Who knows the password is let in, once, and is shown that the server knows it, too") {
  Exchange exchange;
  CHECK(exchange.server.user().empty());
  CHECK(exchange.respond("bob", "secret") == "rspauth=" + digest("bob", "secret", exchange.nonce, ""));
  CHECK(exchange.server.user() == "bob");
  CHECK(!exchange.respond("bob", "secret"));
}

TEST_CASE("Every exchange has its own nonce, which makes the answers of others useless") {
  Exchange one, other;
  CHECK(one.nonce != other.nonce);
  CHECK(one.nonce.size() == 40);
  other.nonce = one.nonce;
  CHECK(!other.respond("bob", "secret"));
}

TEST_CASE("A wrong password, an unknown name and a malformed answer are refused, and prove nobody") {
  for (const auto& [name, password, more] :
       std::vector<std::array<std::string, 3>>{{"bob", "wrong", ""},
                                               {"mallory", "secret", ""},
                                               {"", "", ""},
                                               {"bob", "secret", ",authzid=\"\""},
                                               {"bob", "secret", ",nc=00000001"},
                                               {"bob", "secret", ",x=\"open"},
                                               {"bob", "secret", ",="},
                                               {"bob", "secret", ",charset=ascii"},
                                               {"bob", "secret", "," + std::string(5000, 'x') + "=1"}}) {
    INFO(name + " " + more);
    Exchange exchange;
    CHECK(!exchange.respond(name, password, more));
    CHECK(exchange.server.user().empty());
    CHECK(!exchange.respond("bob", "secret"));
  }
}
