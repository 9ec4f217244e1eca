// ZooKeeper's protocol over TLS, and who a client is by its certificate.
#include <fcntl.h>

#include <csignal>
#include <thread>

#include "tests/certificates.hpp"
#include "tests/node/one_node.hpp"
#include "tests/node/raw_client.hpp"

using namespace troupe;
using namespace troupe::testing;
using test::Identity;
using test::named;
using zk::Op;
using ClientAuth = zk::TlsConfig::ClientAuth;

namespace {

struct SecureNode {
  explicit SecureNode(const std::function<void(NodeConfig&)>& adjust = [](NodeConfig&) {})
      : one([&](NodeConfig& config) {
          directory.write("node.pem", node.key() + node.certificate());
          directory.write("trusted.pem", authority.certificate());
          config.zk_secure_port = free_ports(1)[0];
          config.tls = {.key_store = directory / "node.pem", .trust_store = directory / "trusted.pem"};
          config.acl_x509 = true;
          adjust(config);
        }) {}

  std::uint16_t port() const { return one.config.zk_secure_port; }

  const Identity authority{named("authority")};
  const Identity node{named("localhost"), &authority};
  test::TempDir directory;
  OneNode one;
};

/// Who the server says that the client is: schemes and ids.
std::vector<std::pair<std::string, std::string>> who_am_i(RawClient& client) {
  const auto answer = client.call(Op::who_am_i);
  auto in = answer.reader();
  std::vector<std::pair<std::string, std::string>> all;
  for (auto left = in.i32(); left > 0; --left) {
    const std::string scheme(in.buffer().value());
    all.emplace_back(scheme, in.buffer().value());
  }
  return all;
}

std::string error_of(const zk::TlsConfig& config) {
  try {
    zk::TlsContext context(config);
    return "";
  } catch (const zk::BadTls& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a client is served over TLS and is whom its certificate names, as Java writes it") {
  SecureNode node;
  const Identity alice({{"C", "DE"},
                        {"O", "M\xc3\xbcller, S\xc3\xb6hne & Co"},
                        {"OU", " Lab = 1 #x "},
                        {"CN", "alice <first>;+\\\""},
                        {"emailAddress", "a@b.org"},
                        {"serialNumber", "17"}},
                       &node.authority);
  const std::string name =
      "2.5.4.5=#13023137,1.2.840.113549.1.9.1=#16076140622e6f7267,CN=alice \\<first\\>\\;\\+\\\\\\\","
      "OU=\\ Lab \\= 1 \\#x\\ ,O=M\xc3\xbcller\\, S\xc3\xb6hne & Co,C=DE";
  const auto tls = test::client_context(&alice, node.authority);
  RawClient client(node.port(), tls.get());
  REQUIRE(client.connect());
  const auto who = who_am_i(client);
  REQUIRE(who.size() == 2);
  CHECK(who[0].first == "ip");
  CHECK(who[1].first == "x509");
  CHECK(who[1].second == name);

  // Only she may touch what is hers.
  const Record hers = Record().buffer("/hers").buffer("").i32(1).i32(31).buffer("x509").buffer(name).i32(0);
  CHECK(client.call(Op::create, hers).error == 0);
  CHECK(client.call(Op::set_data, Record().buffer("/hers").buffer("1").i32(-1)).error == 0);
  RawClient other(node.one.config.zk_port);
  REQUIRE(other.connect());
  CHECK(other.call(Op::get_data, Record().buffer("/hers").boolean(false)).error == -102);
}

TEST_CASE("large requests and answers, and many at once, go through TLS in order") {
  SecureNode node;
  const Identity own(named("client"), &node.authority);
  const auto tls = test::client_context(&own, node.authority);
  RawClient client(node.port(), tls.get());
  REQUIRE(client.connect());
  const std::string data(900'000, 'x');
  REQUIRE(client.call(Op::create, Record().create("/a", data)).error == 0);
  std::string burst;
  constexpr int reads = 40;
  for (int i = 0; i < reads; ++i) burst += request_frame(100 + i, Op::get_data, Record().buffer("/a").boolean(false));
  client.send(burst);
  for (int i = 0; i < reads; ++i) {
    const auto answer = read_answer(client.frame().value()).value();
    CHECK(answer.xid == 100 + i);
    auto in = answer.reader();
    CHECK(in.buffer() == data);
  }
}

TEST_CASE("a client that leaves TLS with its answers untaken costs the others nothing") {
  SecureNode node;
  const Identity own(named("client"), &node.authority);
  const auto tls = test::client_context(&own, node.authority);
  RawClient other(node.port(), tls.get());
  REQUIRE(other.connect());
  REQUIRE(other.call(Op::create, Record().create("/a", std::string(900'000, 'x'))).error == 0);
  const auto served = [&] { return other.call(Op::exists, Record().buffer("/a").boolean(false)).error == 0; };
  // So many that at some point a part of the last answer waits in the node, and no more.
  for (int answers = 1; answers < 16; ++answers) {
    RawClient leaving(node.port(), tls.get(), 4096);
    REQUIRE(leaving.connect());
    for (int i = 0; i < answers; ++i) {
      leaving.send(request_frame(i + 1, Op::get_data, Record().buffer("/a").boolean(false)));
    }
    CHECK(served());  // which is behind them
    leaving.say_goodbye();
    CHECK(served());
  }  // closes with the answer untaken
  CHECK(served());
}

TEST_CASE("to a client that has said that it is gone, and is, a TLS session cannot send, and says so") {
  std::signal(SIGPIPE, SIG_IGN);  // as every node does
  const Identity authority(named("authority")), server(named("localhost"), &authority);
  const test::TempDir directory;
  directory.write("node.pem", server.key() + server.certificate());
  const zk::TlsContext context({.key_store = directory / "node.pem", .client_auth = ClientAuth::none});
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  std::thread client([&, tls = test::client_context(nullptr, authority)] {
    SSL* ssl = SSL_new(tls.get());
    SSL_set_fd(ssl, ends[1]);
    SSL_connect(ssl);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(ends[1]);
  });
  {
    zk::TlsSession session(context, ends[0]);
    char byte = 0;
    ssize_t got = 0;
    while ((got = session.receive(&byte, 1)) < 0 && errno == EAGAIN) {
      pollfd waiting{ends[0], POLLIN, 0};
      REQUIRE(poll(&waiting, 1, 60'000) == 1);
    }
    client.join();
    CHECK(got == 0);
    CHECK(session.send("x", 1) == -1);
    CHECK(errno == EPIPE);
  }
  close(ends[0]);
}

TEST_CASE("who shows no certificate that is trusted is let in over TLS only where none is needed") {
  const auto auth = GENERATE(ClientAuth::need, ClientAuth::want, ClientAuth::none);
  SecureNode node([&](NodeConfig& config) { config.tls.client_auth = auth; });
  const Identity stranger(named("mallory"));
  const auto let_in = [&](const Identity* own) {
    const auto tls = test::client_context(own, node.authority);
    RawClient client(node.port(), tls.get());
    if (client.refused()) return std::string("no");
    client.send(connect_frame());
    if (!client.frame()) return std::string("no");
    return who_am_i(client).size() == 1 ? std::string("as nobody") : std::string("by name");
  };
  CHECK(let_in(nullptr) == (auth == ClientAuth::need ? "no" : "as nobody"));
  CHECK(let_in(&stranger) == (auth == ClientAuth::none ? "as nobody" : "no"));
  const Identity known(named("known"), &node.authority);
  CHECK(let_in(&known) == (auth == ClientAuth::none ? "as nobody" : "by name"));
}

TEST_CASE("the owner of the certificate that the configuration names is the super user") {
  SecureNode node([](NodeConfig& config) { config.super_subject = "CN=root,O=org"; });
  RawClient other(node.one.config.zk_port);
  REQUIRE(other.connect());
  const Record closed = Record().buffer("/a").buffer("").i32(1).i32(31).buffer("digest").buffer("x:y").i32(0);
  CHECK(other.call(Op::create, closed).error == 0);
  CHECK(other.call(Op::get_data, Record().buffer("/a").boolean(false)).error == -102);
  const Identity root({{"O", "org"}, {"CN", "root"}}, &node.authority);
  const auto tls = test::client_context(&root, node.authority);
  RawClient client(node.port(), tls.get());
  REQUIRE(client.connect());
  CHECK(client.call(Op::get_data, Record().buffer("/a").boolean(false)).error == 0);
}

TEST_CASE("what is no TLS ends at the secure port, and others are served on") {
  SecureNode node;
  for (const std::string& garbage :
       {connect_frame(), std::string("srvr, if you please"), std::string(100'000, '\x16')}) {
    RawClient client(node.port());
    client.send(garbage);
    CHECK(client.rest().find("Zookeeper") == std::string::npos);
  }
  const Identity own(named("client"), &node.authority);
  const auto tls = test::client_context(&own, node.authority);
  RawClient client(node.port(), tls.get());
  CHECK(client.connect());
}

TEST_CASE("four-letter words tell of the clients of all ports and of all event loops") {
  SecureNode node([](NodeConfig& config) {
    config.gateways = 3;
    config.four_letter_words = {"*"};
  });
  const auto word = [&](std::string_view name) {
    RawClient asking(node.one.config.zk_port);
    asking.send(name);
    return asking.rest();
  };
  const Identity own(named("client"), &node.authority);
  const auto tls = test::client_context(&own, node.authority);
  constexpr int clients = 12;
  std::vector<std::unique_ptr<RawClient>> all;
  for (int i = 0; i < clients; ++i) {
    auto& client = i % 2 == 0 ? *all.emplace_back(std::make_unique<RawClient>(node.one.config.zk_port))
                              : *all.emplace_back(std::make_unique<RawClient>(node.port(), tls.get()));
    REQUIRE(client.connect());
    CHECK(client.call(Op::exists, Record().buffer("/" + std::to_string(i % 4)).boolean(true)).error == -101);
  }
  const auto count = [](const std::string& text, std::string_view what) {
    std::size_t found = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
    return found;
  };
  CHECK(count(word("cons"), "lop=EXIS") == clients);
  CHECK(count(word("stat"), "[1](queued=0,recved=2,sent=2)") == clients);
  CHECK(count(word("dump"), "sessionId: 0x") == clients + 1);  // and who asks
  CHECK(word("wchs") == "12 connections watching 4 paths\nTotal watches:12\n");
  CHECK(count(word("wchp"), "\n\t0x") == clients);
  CHECK(count(word("wchc"), "\n\t/") == clients);
  CHECK(word("crst") == "Connection stats reset.\n");
  CHECK(count(word("stat"), "[1](queued=0,recved=0,sent=0)") == clients);
  CHECK(word("srst") == "Server stats reset.\n");
  CHECK_THAT(word("srvr"), Catch::Contains("\nReceived: 1\nSent: 0\n"));  // this word, behind nothing
  CHECK_THAT(word("conf"), Catch::Contains("secureClientPort=" + std::to_string(node.port()) + "\n"));
}

TEST_CASE("stores of keys in PEM and PKCS #12 are read, others are refused with what to do") {
  const test::TempDir directory;
  const Identity authority(named("authority")), node(named("node"), &authority);
  directory.write("node.p12", node.pkcs12("secret"));
  directory.write("node.pem", node.certificate() + node.key());
  directory.write("certificate.pem", node.certificate());
  directory.write("trusted.pem", authority.certificate());
  directory.write("node.jks", "\xfe\xed\xfe\xed and so on");
  directory.write("garbage", "what is this");
  const auto file = [&](const char* name) { return directory / name; };
  const zk::TlsConfig good{
      .key_store = file("node.p12"), .key_store_password = "secret", .trust_store = file("trusted.pem")};
  CHECK(error_of(good).empty());

  auto config = good;
  config.key_store = file("node.pem");
  CHECK(error_of(config).empty());
  config.ciphers = "TLS_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
  CHECK(error_of(config).empty());
  config.ciphers = "TLS_OF_TOMORROW";
  CHECK_THAT(error_of(config), Catch::Contains("none of the cipher suites \"TLS_OF_TOMORROW\" is known"));

  config = good;
  config.key_store_password = "wrong";
  CHECK_THAT(error_of(config), Catch::Contains("node.p12: cannot be opened") && Catch::Contains("check the password"));
  config.key_store = file("certificate.pem");
  CHECK_THAT(error_of(config), Catch::Contains("certificate.pem: has no key"));
  directory.write("damaged.pem", authority.certificate() + "-----BEGIN CERTIFICATE-----\nwhat\n");
  config.trust_store = file("damaged.pem");
  config.key_store = file("node.pem");
  CHECK_THAT(error_of(config), Catch::Contains("damaged.pem: a certificate in it cannot be read"));
  config.key_store = file("node.jks");
  CHECK_THAT(error_of(config), Catch::Contains("keytool -importkeystore -srckeystore"));
  config.key_store = file("garbage");
  CHECK_THAT(error_of(config), Catch::Contains("is neither PEM nor PKCS #12"));
  config.key_store = file("nothing");
  CHECK_THAT(error_of(config), Catch::Contains("nothing: cannot be read: No such file"));
  config.key_store.clear();
  CHECK_THAT(error_of(config), Catch::Contains("name their file"));

  config = good;
  config.trust_store.clear();
  CHECK_THAT(error_of(config), Catch::Contains("name the file with the authorities"));
  config.client_auth = ClientAuth::none;
  CHECK(error_of(config).empty());
}
