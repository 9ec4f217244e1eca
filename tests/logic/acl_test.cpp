// Access control as ZooKeeper has it: which identity a list grants what, which lists may be written, and what
// "auth" in one becomes.
#include "actors/acl.hpp"

#include "actors/distinguished_name.hpp"
#include "tests/catch.hpp"
#include "tests/logic/requests.hpp"

using namespace troupe;
using store::AclList;

namespace {

const AclList read_all{{store::perm::read, "world", "anyone"}};

struct Client {
  explicit Client(const testing::Identities& identities, const AclList& acl = {})
      : bytes(testing::encode({SessionId{1}, 1, testing::SetAcl{"/", acl}, identities})), message(bytes) {}

  bool may(std::uint32_t perms, const AclList& acl) const {
    return acl::permits(acl, perms, message.root().getIdentities());
  }
  std::optional<AclList> resolved() const {
    return acl::resolve(message.root().getWrite().getSetAcl().getAcl(), message.root().getIdentities());
  }

  Bytes bytes;
  FlatReader<schema::Request> message;
};

std::optional<AclList> resolve(const AclList& acl, const testing::Identities& identities = {{"ip", "10.0.0.1"}}) {
  return Client(identities, acl).resolved();
}

bool valid(const std::string& scheme, const std::string& id) { return resolve({{1, scheme, id}}).has_value(); }

}  // namespace

TEST_CASE("Everyone has what world:anyone has, and everything on an empty list") {
  const Client nobody(testing::Identities{{"ip", "10.0.0.1"}});
  CHECK(nobody.may(store::perm::read, read_all));
  CHECK_FALSE(nobody.may(store::perm::write, read_all));
  CHECK(nobody.may(store::perm::read | store::perm::admin, read_all));  // one of them is enough
  CHECK(nobody.may(store::perm::admin, {}));
}

TEST_CASE("digest, x509 and sasl identities match literally") {
  for (const std::string scheme : {"digest", "x509", "sasl"}) {
    const AclList acl{{store::perm::write, scheme, "bob:x"}};
    CHECK(Client(testing::Identities{{"ip", "10.0.0.1"}, {scheme, "bob:x"}}).may(store::perm::write, acl));
    CHECK_FALSE(Client(testing::Identities{{scheme, "bob:x"}}).may(store::perm::read, acl));
    CHECK_FALSE(Client(testing::Identities{{scheme, "bob:y"}}).may(store::perm::write, acl));
    CHECK_FALSE(Client(testing::Identities{{"other", "bob:x"}}).may(store::perm::write, acl));
  }
}

TEST_CASE("The super user may do everything") {
  CHECK(Client(testing::Identities{{"super", ""}}).may(store::perm::admin, read_all));
  CHECK(Client(testing::Identities{{"super", "cn=root"}}).may(store::perm::admin, {{0, "world", "anyone"}}));
}

TEST_CASE("ip matches an address or a CIDR block") {
  CHECK(acl::ip_matches("10.1.2.3", "10.1.2.3"));
  CHECK_FALSE(acl::ip_matches("10.1.2.4", "10.1.2.3"));
  CHECK(acl::ip_matches("10.1.2.3", "10.1.0.0/16"));
  CHECK_FALSE(acl::ip_matches("10.2.2.3", "10.1.0.0/16"));
  CHECK(acl::ip_matches("10.1.2.3", "0.0.0.0/0"));
  CHECK(acl::ip_matches("192.168.7.255", "192.168.4.1/22"));
  CHECK_FALSE(acl::ip_matches("192.168.8.0", "192.168.4.1/22"));
  CHECK(acl::ip_matches("10.1.2.3", "10.1.2.3/32"));
  CHECK(acl::ip_matches("2001:db8::1", "2001:db8::/32"));
  CHECK_FALSE(acl::ip_matches("2001:db9::1", "2001:db8::/32"));
  CHECK(acl::ip_matches("::1", "0:0:0:0:0:0:0:1"));
  CHECK(acl::ip_matches("::ffff:10.1.2.3", "10.1.0.0/16"));
  CHECK_FALSE(acl::ip_matches("::1", "0.0.0.0/0"));
  CHECK_FALSE(acl::ip_matches("nonsense", "0.0.0.0/0"));
}

TEST_CASE("An access control list must say something that its schemes know") {
  CHECK_FALSE(resolve({}));
  CHECK(valid("world", "anyone"));
  CHECK_FALSE(valid("world", "someone"));
  CHECK(valid("digest", "bob:hash"));
  CHECK(valid("digest", ":hash"));
  CHECK(valid("digest", "bob:hash:"));
  CHECK_FALSE(valid("digest", "bob"));
  CHECK_FALSE(valid("digest", "bob:"));
  CHECK_FALSE(valid("digest", "a:b:c"));
  CHECK_FALSE(valid("x509", "CN=bob"));
  CHECK_FALSE(valid("sasl", "bob"));
  CHECK_FALSE(valid("super", "bob"));
  CHECK_FALSE(valid("", "bob"));
  CHECK_FALSE(valid("kerberos", "bob"));
  CHECK(valid("ip", "10.0.0.0/8"));
  CHECK(valid("ip", "::1"));
  CHECK(valid("ip", "10.0.0.1/+8"));
  CHECK(valid("ip", "010.00.+0.1/08"));
  CHECK(acl::ip_matches("10.0.0.1", "010.00.+0.1/08"));
  for (const char* bad : {"", "10.0.0", "10.0.0.1.2", "10.0.0.256", "10.0.0.1 ", "10.0.0.1/33", "10.0.0.1/-1",
                          "10.0.0.1/", "10.0.0.1/8x", "10.0.0.1/8/9", "::1/129"}) {
    INFO(bad);
    CHECK_FALSE(valid("ip", bad));
  }
  CHECK_FALSE(resolve({{1, "world", "anyone"}, {1, "kerberos", "bob"}}));  // one bad entry spoils it
}

TEST_CASE("An x509 id is a subject's name") {
  for (const std::string id : {"", "CN=alice", "cn = alice, OU=unit;O=org", "CN=a+OU=b", "1.2.3=x", "CN=", "CN=\\,x",
                               "CN=\"a, b\"", "OID.1.2=x"}) {
    INFO(id);
    CHECK(is_distinguished_name(id));
  }
  for (const std::string id : {"alice", "=", "CN", "CN=a,", ",", "XX=y", "1.=x", "CN=\"open", "CN=\\"}) {
    INFO(id);
    CHECK_FALSE(is_distinguished_name(id));
  }
}

TEST_CASE("x509 and sasl ids are known where the ensemble can prove them") {
  const Client both(testing::Identities{}, {{1, "x509", "CN=bob"}, {1, "sasl", "bob"}});
  const auto resolved = [&](acl::Schemes schemes) {
    return acl::resolve(both.message.root().getWrite().getSetAcl().getAcl(), both.message.root().getIdentities(),
                        schemes);
  };
  CHECK(resolved({.x509 = true, .sasl = true}));
  CHECK_FALSE(resolved({.x509 = true}));
  CHECK_FALSE(resolved({.sasl = true}));
}

TEST_CASE("Permissions are taken as they are") {
  CHECK(resolve({{0, "world", "anyone"}}) == AclList{{0, "world", "anyone"}});
  CHECK(resolve({{0xffffffffu, "world", "anyone"}}) == AclList{{0xffffffffu, "world", "anyone"}});
}

TEST_CASE("auth becomes the client's proven identities") {
  const testing::Identities bob{{"ip", "10.0.0.1"}, {"digest", "bob:x"}, {"super", ""}, {"sasl", "bob"}};
  CHECK(*resolve({{3, "auth", ""}}, bob) == AclList{{3, "digest", "bob:x"}, {3, "sasl", "bob"}});
  CHECK_FALSE(resolve({{3, "auth", ""}}));  // an address proves nothing
  CHECK(*resolve({{3, "auth", "ignored"}, {1, "world", "anyone"}}, bob) ==
        AclList{{3, "digest", "bob:x"}, {3, "sasl", "bob"}, {1, "world", "anyone"}});
  CHECK(*resolve({{3, "auth", ""}, {3, "digest", "bob:x"}}, {{"digest", "bob:x"}}) ==
        AclList{{3, "digest", "bob:x"}, {3, "digest", "bob:x"}});
}

TEST_CASE("A repeated entry counts once") {
  CHECK(*resolve({{1, "world", "anyone"}, {1, "world", "anyone"}, {2, "world", "anyone"}}) ==
        AclList{{1, "world", "anyone"}, {2, "world", "anyone"}});
}
