// ZooKeeper's clients log in by SASL, configured as for ZooKeeper.
#include <filesystem>

#include "tests/catch.hpp"
#include "tests/processes/foreign_client.hpp"
#include "tests/processes/nodes.hpp"
#include "tests/processes/program.hpp"

using namespace troupe;
using namespace troupe::test;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

const std::string login_module = "org.apache.zookeeper.server.auth.DigestLoginModule required ";

/// A node with users.
class Served {
 public:
  Served() {
    nodes_.start_all();
    nodes_.settle();
  }

  TempDir directory;
  std::string address;

 private:
  Nodes nodes_{{.voters = 1, .configure = [this](NodeConfig& config) {
                  directory.write("jaas.conf", "Server { " + login_module +
                                                   "user_bob=\"secret\" user_m\xc3\xbcller=\"gr\xc3\xbcn\"; };");
                  config.jaas_file = directory / "jaas.conf";
                  config.acl_sasl = true;
                  address = "127.0.0.1:" + std::to_string(config.zk_port);
                }}};
};

}  // namespace

TEST_CASE("zkCli logs in, also with names beyond ASCII, and with a wrong password it is nobody") {
  const std::string jar = "/usr/share/java/zookeeper.jar";
  if (!fs::exists(jar)) return skip_test("zkCli", "apt-get install zookeeper");
  const Served served;
  const auto who_am_i = [&](const std::string& name, const std::string& password) {
    served.directory.write("client.conf",
                           "Client { " + login_module + "username=\"" + name + "\" password=\"" + password + "\"; };");
    return run({"/usr/bin/env", "java", "-XX:TieredStopAtLevel=1", "-cp", jar,
                "-Djava.security.auth.login.config=" + (served.directory / "client.conf"),
                "org.apache.zookeeper.ZooKeeperMain", "-server", served.address, "whoami"},
               "", true)
        .output;
  };
  CHECK_THAT(who_am_i("bob", "secret"), Contains("state:SaslAuthenticated") && Contains("sasl: bob\n"));
  CHECK_THAT(who_am_i("m\xc3\xbcller", "gr\xc3\xbcn"), Contains("state:SaslAuthenticated") && Contains("sasl: m"));
  CHECK_THAT(who_am_i("bob", "wrong"), Contains("state:AuthFailed") && !Contains("sasl: "));
}

TEST_CASE("kazoo logs in and reads what its user alone may read, with a wrong password it is refused") {
  const std::string packages = "/usr/lib/python3/dist-packages/";
  if (!fs::exists(packages + "kazoo") || !fs::exists(packages + "puresasl"))
    return skip_test("kazoo with SASL", "apt-get install python3-kazoo python3-pure-sasl");
  const Served served;
  const auto log_in = [&](const std::string& password) {
    const std::string script = R"(
import sys
from kazoo.client import KazooClient
from kazoo.exceptions import AuthFailedError
from kazoo.security import make_acl

client = KazooClient(sys.argv[1], sasl_options={"mechanism": "DIGEST-MD5", "username": "bob", "password": sys.argv[2]})
client.start(timeout=60)
try:
    client.create("/mine", b"treasure", acl=[make_acl("sasl", "bob", all=True)])
    print(client.get("/mine")[0].decode())
except AuthFailedError:
    print("refused")
)";
    return run({"/usr/bin/python3", "-c", script, served.address, password}).output;
  };
  CHECK(log_in("wrong") == "refused\n");
  CHECK(log_in("secret") == "treasure\n");
}
