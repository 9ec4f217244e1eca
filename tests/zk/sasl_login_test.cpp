// Logins by SASL's DIGEST-MD5, token by token. The client's side is computed here, without libsasl2. That clients of
// ZooKeeper log in so is compared in tests/conformance.
#include "actors/zk/sasl_login.hpp"

#include <malloc.h>
#include <openssl/evp.h>

#include <array>
#include <map>
#include <random>
#include <thread>
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

/// What a client says, and what it calculates with.
struct Response {
  std::string name = "bob", password = "secret";
  std::string nonce;  ///< the challenge's, unless it is given
  std::string realm = "zk-sasl-md5", uri = "zookeeper/zk-sasl-md5", count = "00000001", qop = "auth";
  std::string more = "";  ///< further directives

  /// `method` is empty for the server's proof.
  std::string digest(const std::string& method) const {
    const std::string secret = hex(md5(md5(name + ":" + realm + ":" + password) + ":" + nonce + ":mine"));
    return hex(md5(secret + ":" + nonce + ":" + count + ":mine:" + qop + ":" + hex(md5(method + ":" + uri))));
  }
  std::string text() const {
    return "username=\"" + name + "\",realm=\"" + realm + "\",nonce=\"" + nonce + "\",nc=" + count +
           ",cnonce=\"mine\",digest-uri=\"" + uri + "\",response=" + digest("AUTHENTICATE") + ",qop=" + qop + more;
  }
};

struct Exchange {
  static inline const SaslUsers users{
      {"bob", "secret"}, {"alice", "of alice"}, {"m\xc3\xbcller", "gr\xc3\xbcn"}, {"open", ""}};
  SaslLogin server{users};
  std::string challenge = server.answer("").value();

  std::string nonce() const {
    const auto begin = challenge.find("nonce=\"") + 7;
    return challenge.substr(begin, challenge.find('"', begin) - begin);
  }
  std::optional<std::string> respond(Response response = {}) {
    if (response.nonce.empty()) response.nonce = nonce();
    return server.answer(response.text());
  }
};

}  // namespace

TEST_CASE("A challenge is of the realm that ZooKeeper's clients know, for authentication alone") {
  const Exchange exchange;
  CHECK(exchange.challenge ==
        "nonce=\"" + exchange.nonce() + "\",realm=\"zk-sasl-md5\",qop=\"auth\",charset=utf-8,algorithm=md5-sess");
}

TEST_CASE("Who knows the password is let in, once, and is shown that the server knows it, too") {
  Exchange exchange;
  CHECK(exchange.server.user().empty());
  CHECK(exchange.respond() == "rspauth=" + Response{.nonce = exchange.nonce()}.digest(""));
  CHECK(exchange.server.user() == "bob");
  CHECK(!exchange.respond());
  CHECK(exchange.server.user() == "bob");
}

TEST_CASE("What a client begins with does not matter") {
  for (const auto& first : {std::string(), std::string("\0\xff", 2), std::string(5000, 'x')}) {
    SaslLogin server(Exchange::users);
    CHECK(server.answer(first).value().find("zk-sasl-md5") != std::string::npos);
  }
}

TEST_CASE("A client that would like to speak for another is known by its own name") {
  Exchange exchange;
  Response response{.nonce = exchange.nonce(), .more = ",authzid=\"alice\""};
  // It counts as a part of what the digest is of.
  const std::string secret = hex(md5(md5("bob:zk-sasl-md5:secret") + ":" + response.nonce + ":mine:alice"));
  const std::string digest =
      hex(md5(secret + ":" + response.nonce + ":00000001:mine:auth:" + hex(md5("AUTHENTICATE:" + response.uri))));
  std::string text = response.text();
  text.replace(text.find(response.digest("AUTHENTICATE")), digest.size(), digest);
  CHECK(exchange.server.answer(text));
  CHECK(exchange.server.user() == "bob");
}

TEST_CASE("Names and passwords beyond ASCII may be taken for UTF-8 or, as Java's clients do, for ISO 8859-1") {
  for (const auto& [name, password] :
       std::map<std::string, std::string>{{"m\xc3\xbcller", "gr\xc3\xbcn"}, {"m\xfcller", "gr\xfcn"}}) {
    Exchange exchange;
    const Response response{.name = name, .password = password, .nonce = exchange.nonce()};
    std::string text = response.text() + ",charset=utf-8";
    text.replace(text.find(name), name.size(), "m\xc3\xbcller");
    CHECK(exchange.server.answer(text));
    CHECK(exchange.server.user() == "m\xc3\xbcller");
  }
}

TEST_CASE("Every exchange has its own nonce, which makes the answers of others useless") {
  Exchange one, other;
  CHECK(one.nonce() != other.nonce());
  CHECK(one.nonce().size() >= 40);
  CHECK(!other.respond({.nonce = one.nonce()}));
  CHECK(other.server.user().empty());
}

TEST_CASE("A wrong password, an unknown name and a malformed answer are refused, and prove nobody") {
  for (const Response& bad : std::vector<Response>{{.password = "wrong"},
                                                   {.password = ""},
                                                   {.name = "mallory"},
                                                   {.name = "alice"},
                                                   {.name = "open", .password = ""},
                                                   {.name = "", .password = ""},
                                                   {.name = std::string(2000, 'n')},
                                                   {.realm = "elsewhere"},
                                                   {.uri = "http/zk-sasl-md5"},
                                                   {.count = "00000002"},
                                                   {.count = "00000000"},
                                                   {.count = "x"},
                                                   {.qop = "auth-int"},
                                                   {.qop = "auth-conf", .more = ",cipher=rc4"},
                                                   {.more = ",authzid=\"\""},
                                                   {.more = ",qop=auth"},
                                                   {.more = ",username=alice"},
                                                   {.more = ",x=\"open"},
                                                   {.more = ",x"},
                                                   {.more = ",charset=ascii"},
                                                   {.more = "," + std::string(5000, 'x') + "=1"}}) {
    INFO(bad.text());
    Exchange exchange;
    CHECK(!exchange.respond(bad));
    CHECK(exchange.server.user().empty());
    CHECK(!exchange.respond());
  }
}

TEST_CASE("Tokens of anything are refused, whatever their length") {
  std::mt19937 random(20'240'607);
  const std::string_view signs = "=\",\\ \t@u\xff";
  for (int i = 0; i < 20'000; ++i) {
    Exchange exchange;
    // Bytes; what matters to the form; or a right answer in which some were changed.
    std::string token = i % 3 == 2 ? Response{.nonce = exchange.nonce()}.text() : std::string(random() % 6000, ' ');
    const std::string right = token;
    if (i % 3 == 2) {
      for (auto changes = random() % 8 + 1; changes > 0; --changes)
        token[random() % token.size()] = static_cast<char>(random());
      if (token == right) continue;
    } else {
      for (char& c : token) c = i % 3 == 0 ? static_cast<char>(random()) : signs[random() % signs.size()];
    }
    const bool accepted = exchange.server.answer(token).has_value();
    // What does not count for the digest may differ: a space, a letter of a directive's name.
    if (exchange.server.user().empty() == accepted) FAIL(token);
    if (accepted && i % 3 != 2) FAIL(token);
    if (accepted && exchange.server.user() != "bob") FAIL(exchange.server.user());
  }
}

TEST_CASE("What clients say costs no memory once their logins are over") {
  std::string repeating;
  while (repeating.size() < 4000) repeating += "username=u,cnonce=c,nonce=n,response=r,authzid=a,";
  const auto log_in = [&] {
    Exchange exchange;
    CHECK(!exchange.server.answer(repeating));
  };
  for (int i = 0; i < 100; ++i) log_in();
  const auto before = mallinfo2().uordblks;
  for (int i = 0; i < 1'000; ++i) log_in();
  CHECK(mallinfo2().uordblks < before + 100'000);
}

TEST_CASE("Threads log clients in side by side") {
  std::vector<std::thread> threads;
  std::array<int, 4> done{};
  for (int& count : done) {
    threads.emplace_back([&count] {
      for (int i = 0; i < 500; ++i) {
        Exchange good, bad;
        const bool refused = !bad.respond({.password = "wrong"});
        if (good.respond() && good.server.user() == "bob" && refused) ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : done) CHECK(count == 500);
}
