// The users that a Java machine's login configuration names.
#include "apps/jaas.hpp"

#include "tests/catch.hpp"

using troupe::config::parse_jaas_users;
using Users = std::map<std::string, std::string>;

TEST_CASE("The users of the section Server are read, whatever else the file holds") {
  const auto users = parse_jaas_users(R"(
    /* a client's */ Client { some.Module required username="bob" password="no"; user_x="no"; };
    Server {
      org.apache.zookeeper.server.auth.DigestLoginModule required // the users
      user_super="a \"b\"; }"
      user_bob = "pw";
    };
  )");
  CHECK(users == Users{{"super", "a \"b\"; }"}, {"bob", "pw"}});
}

TEST_CASE("A file without the section, or with one that does not end, is refused") {
  CHECK(!parse_jaas_users(""));
  CHECK(!parse_jaas_users("Client { user_bob=\"pw\"; };"));
  CHECK(!parse_jaas_users("Server { user_bob=\"pw\";"));
  CHECK(!parse_jaas_users("Server { user_bob=\"pw; };"));
  CHECK(!parse_jaas_users("/* Server { };"));
  CHECK(parse_jaas_users("Server { };") == Users{});
}
