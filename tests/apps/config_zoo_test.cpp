// How a ZooKeeper configuration is understood: as ZooKeeper does where Troupe has the thing, and never
// passed over in silence where it has not.
#include "apps/config.hpp"
#include "tests/catch.hpp"
#include "tests/temp_dir.hpp"

using namespace troupe;

namespace {

const std::string three_servers = "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888:observer\n";

/// A zoo.cfg whose dataDir exists and holds the id `myid`.
struct Zoo {
  explicit Zoo(const std::string& myid = "2\n") {
    if (!myid.empty()) dir.write("myid", myid);
  }
  LoadedConfig load(const std::string& lines) const {
    return parse_zoo_cfg("dataDir=" + dir.path() + "\n" + lines, "zoo.cfg");
  }
  std::string error(const std::string& lines) const {
    try {
      load(lines);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  }
  test::TempDir dir;
};

}  // namespace

TEST_CASE("what ZooKeeper reads as a system property may stand in zoo.cfg") {
  Zoo zoo;
  const NodeConfig node =
      zoo.load(
             "clientPort=2181\nznode.container.checkIntervalMs=5000\nznode.container.maxPerMinute=7\n"
             "znode.container.maxNeverUsedIntervalMs=9000\nenforceQuota=true\n"
             "localSessionsEnabled=true\nlocalSessionsUpgradingEnabled=true\n"
             "DigestAuthenticationProvider.superDigest=super:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=\n"
             "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n" +
             three_servers)
          .node;
  CHECK(node.container_check_ms == 5000);
  CHECK(node.container_max_per_minute == 7);
  CHECK(node.container_never_used_ms == 9000);
  CHECK(node.enforce_quota);
  CHECK(node.local_sessions);
  CHECK(node.local_sessions_upgrading);
  CHECK(node.super_digest == "super:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=");
  CHECK(node.acl_sasl);
  CHECK_FALSE(node.acl_x509);
  CHECK(zoo.error("clientPort=2181\nDigestAuthenticationProvider.superDigest=secret\n").find("base64") !=
        std::string::npos);
}

TEST_CASE("a zoo.cfg of an ensemble gives members, times and ports, the id stands in myid") {
  Zoo zoo;
  LoadedConfig loaded = zoo.load(
      "# comment\n! another\n\ntickTime = 2000\ninitLimit=7\nsyncLimit=3\nsnapCount=500\n"
      "clientPort=2181\nclientPortAddress=10.0.0.1\nminSessionTimeout=4000\n"
      "maxSessionTimeout=-1\n" +
      three_servers);
  const NodeConfig& node = loaded.node;
  CHECK(node.id == PeerId{2});
  CHECK(node.data_dir == zoo.dir.path());
  CHECK(node.tick_ms == 2000);
  CHECK(node.init_limit == 7);
  CHECK(node.sync_limit == 3);
  CHECK(node.checkpoint_txns == 500);
  CHECK(node.zk_port == 2181);
  CHECK(node.rpc_port == 12181);
  CHECK(node.client_address == "10.0.0.1");
  CHECK(node.min_session_timeout_ms == 4000);
  CHECK(node.max_session_timeout_ms == 0);
  CHECK(node.peer_address == "b");  // ZooKeeper's rule: the name that the others use
  REQUIRE(node.members.size() == 3);
  CHECK(node.members.at({1}).host == "a");
  CHECK(node.members.at({1}).peer_port == 2888);
  CHECK(node.members.at({1}).rpc_port == 0);
  CHECK(node.members.at({2}).rpc_port == 12181);
  CHECK(node.members.at({3}).observer);
  CHECK(loaded.warnings.empty());
}

TEST_CASE("a zoo.cfg sets the limits of ZooKeeper's port, and may move the other one") {
  const NodeConfig by_default = Zoo("").load("clientPort=2181\n").node;
  CHECK(by_default.max_client_cnxns == 60);
  CHECK(by_default.max_cnxns == 0);
  CHECK(by_default.jute_maxbuffer == 0xfffff);
  CHECK(by_default.four_letter_words == std::vector<std::string>{"srvr"});
  const NodeConfig node = Zoo("")
                              .load(
                                  "clientPort=2181\nmaxClientCnxns=0\nmaxCnxns=1000\njute.maxbuffer=4194304\n"
                                  "4lw.commands.whitelist=stat, ruok,mntr\nrpcPort=2182\ngateways=2\n"
                                  "batchScheduling=true\nidlePollMicros=20\n")
                              .node;
  CHECK(node.max_client_cnxns == 0);
  CHECK(node.max_cnxns == 1000);
  CHECK(node.jute_maxbuffer == 4194304);
  CHECK(node.four_letter_words == std::vector<std::string>{"stat", "ruok", "mntr"});
  CHECK(node.rpc_port == 2182);
  CHECK(node.gateways == 2);
  CHECK_FALSE(by_default.batch_scheduling);
  CHECK(node.batch_scheduling);
  CHECK(by_default.idle_poll_us == 100);
  CHECK(node.idle_poll_us == 20);
  CHECK(Zoo("").load("clientPort=60000\n").node.rpc_port == 50000);
  CHECK(Zoo("").error("clientPort=2181\nrpcPort=2181\n") ==
        "zoo.cfg:2: port 2181 is given for ZooKeeper's clients and for others too; choose another");
}

TEST_CASE("a zoo.cfg without servers is a standalone node, which needs no myid") {
  NodeConfig node = Zoo("").load("clientPort=2181\n").node;
  CHECK(node.id == PeerId{1});
  CHECK(node.tick_ms == 3000);
  REQUIRE(node.members.size() == 1);
  CHECK(node.members.at({1}).host == "127.0.0.1");
  CHECK(node.peer_address == "127.0.0.1");
  CHECK(Zoo("").load("clientPort=2181\nserver.5=h:1:2\n").node.id == PeerId{5});
}

TEST_CASE("a server line may carry a role, a client port with an address, brackets, more addresses") {
  LoadedConfig loaded = Zoo().load(
      "server.1=[::1]:2888:3888:participant;[::]:2181\nserver.2=h:1:2:OBSERVER;127.0.0.1:2182\n"
      "server.3=x:5:6|y:7:8;2183\n");
  const auto& members = loaded.node.members;
  CHECK(members.at({1}).host == "::1");
  CHECK(members.at({1}).peer_port == 2888);
  CHECK(members.at({1}).rpc_port == 12181);
  CHECK(members.at({2}).observer);
  CHECK(members.at({3}).host == "x");
  CHECK(members.at({3}).rpc_port == 12183);
  CHECK(loaded.node.zk_port == 2182);
  CHECK(loaded.node.rpc_port == 12182);
  CHECK(loaded.node.client_address == "127.0.0.1");
  REQUIRE(loaded.warnings.size() == 1);
  CHECK(loaded.warnings[0] ==
        "zoo.cfg:4: server.3 has several addresses; the first is used, the others have no effect");
}

TEST_CASE("groups and weights reach the members") {
  NodeConfig node = Zoo("1").load("clientPort=1\n" + three_servers + "group.1=1\ngroup.2=2:3\nweight.2=4\n").node;
  CHECK(node.members.at({1}).group == 1);
  CHECK(node.members.at({2}).group == 2);
  CHECK(node.members.at({2}).weight == 4);
  CHECK(node.members.at({3}).group == 2);
}

TEST_CASE("the servers may stand in a dynamic configuration file") {
  Zoo zoo;
  zoo.dir.write("zoo.cfg.dynamic", three_servers + "version=100000000\n");
  NodeConfig node = zoo.load("clientPort=2181\ndynamicConfigFile=" + zoo.dir / "zoo.cfg.dynamic" + "\n").node;
  CHECK(node.members.size() == 3);
  zoo.dir.write("bad.dynamic", "tickTime=5\n");
  CHECK(zoo.error("dynamicConfigFile=" + zoo.dir / "bad.dynamic" + "\n") ==
        zoo.dir / "bad.dynamic" + ":1: tickTime does not belong into a dynamic configuration; move it to zoo.cfg");
}

TEST_CASE("a zoo.cfg key without effect is named in a warning") {
  LoadedConfig loaded = Zoo().load(
      "clientPort=2181\ndataLogDir=/log\nautopurge.purgeInterval=1\nglobalOutstandingLimit=60\n"
      "tickTimes=5\npeerType=observer\n" +
      three_servers);
  CHECK(loaded.warnings ==
        std::vector<std::string>{
            "zoo.cfg:3: dataLogDir has no effect: the log is kept in dataDir",
            "zoo.cfg:4: autopurge.purgeInterval has no effect: what is no longer needed is removed unasked",
            "zoo.cfg:5: globalOutstandingLimit is not supported and has no effect",
            "zoo.cfg:6: tickTimes is not supported and has no effect; did you mean tickTime?",
            "zoo.cfg:7: peerType is observer but the server line of this node says otherwise; the server line counts"});
}

TEST_CASE("a zoo.cfg that asks for protection is not run without it") {
  const std::string refusal =
      " asks for protection that this version does not give; remove the line to run without it, "
      "in a network where that is safe";
  for (const std::string key : {"sslQuorum", "quorum.auth.enableSasl", "enforce.auth.enabled"}) {
    CHECK(Zoo().error("clientPort=1\n" + key + "=true\n") == "zoo.cfg:3: " + key + refusal);
    CHECK(Zoo().load("clientPort=1\n" + key + "=false\n" + three_servers).warnings.size() == 1);
  }
}

TEST_CASE("a zoo.cfg's port for TLS, its stores of keys and whom they let in are taken over") {
  Zoo zoo;
  const std::string secure =
      "secureClientPort=2281\nsecureClientPortAddress=10.0.0.1\nssl.keyStore.location=/keys.p12\n"
      "ssl.keyStore.password=secret\nssl.keyStore.type=PKCS12\nssl.trustStore.location=/trusted.pem\n"
      "ssl.clientAuth=WANT\nX509AuthenticationProvider.superUser=CN=root\n";
  const auto both = zoo.load("clientPort=2181\n" + secure);
  CHECK(both.warnings.empty());
  CHECK(both.node.zk_port == 2181);
  CHECK(both.node.zk_secure_port == 2281);
  CHECK(both.node.secure_address == "10.0.0.1");
  CHECK(both.node.tls == zk::TlsConfig{.key_store = "/keys.p12",
                                       .key_store_password = "secret",
                                       .trust_store = "/trusted.pem",
                                       .client_auth = zk::TlsConfig::ClientAuth::want});
  CHECK(both.node.super_subject == "CN=root");
  CHECK(both.node.acl_x509);
  CHECK(both.node.rpc_address.empty());

  // Who lets clients in over TLS alone has nothing open to others.
  const auto alone = zoo.load(secure).node;
  CHECK(alone.zk_port == 0);
  CHECK(alone.rpc_address == "127.0.0.1");
  CHECK(alone.rpc_port == 12281);
  CHECK(zoo.load(secure + "rpcPort=3000\n").node.rpc_address.empty());
  CHECK(zoo.error(secure + "clientPort=2281\n") ==
        "zoo.cfg:2: port 2281 is given for clients over TLS and for others too; choose another");
  CHECK(zoo.error("secureClientPort=1\nssl.clientAuth=maybe\n") ==
        "zoo.cfg:3: ssl.clientAuth is \"maybe\"; write need, want or none");
}

TEST_CASE("a zoo.cfg line that cannot be meant is refused with its number") {
  Zoo zoo;
  const std::string form = "write host:peer-port:election-port, then optionally :observer and ;client-port";
  CHECK(zoo.error("nonsense\n") == "zoo.cfg:2: \"nonsense\" is not a setting; write key=value, or # before a comment");
  CHECK(zoo.error("tickTime=1\ntickTime=2\n") ==
        "zoo.cfg:3: tickTime was given before, in line 2; remove one of the two");
  CHECK(zoo.error("server.1=a:1:2\nserver.1=b:1:2\n") ==
        "zoo.cfg:3: server.1 was given before, in line 2; remove one of the two");
  CHECK(zoo.error("tickTime=2s\n") == "zoo.cfg:2: tickTime has \"2s\" where a whole number belongs; correct it");
  CHECK(zoo.error("tickTime=0\n") == "zoo.cfg:2: tickTime is 0; choose a number from 1 to 3600000");
  CHECK(zoo.error("server.1=a\n") == "zoo.cfg:2: server.1 is \"a\"; " + form);
  CHECK(zoo.error("server.1=a:1\n") == "zoo.cfg:2: server.1 is \"a:1\"; " + form);
  CHECK(zoo.error("server.1=a:1:2;3;4\n") == "zoo.cfg:2: server.1 has more than one \";\"; " + form);
  CHECK(zoo.error("server.1=[::1:1:2\n") == "zoo.cfg:2: server.1 has an address without its \"]\"; add it");
  CHECK(zoo.error("server.1=a:1:2:leader\n") ==
        "zoo.cfg:2: server.1 has the role \"leader\"; write participant or observer");
  CHECK(zoo.error("server.x=a:1:2\n") == "zoo.cfg:2: server.x has \"x\" where a whole number belongs; correct it");
  CHECK(zoo.error("server.300=a:1:2\n") == "zoo.cfg:2: server.300 is 300; choose a number from 1 to 255");
  CHECK(zoo.error("clientPort=1\nquorumListenOnAllIPs=yes\n") ==
        "zoo.cfg:3: quorumListenOnAllIPs is \"yes\"; write true or false");
}

TEST_CASE("a zoo.cfg whose parts contradict one another is refused") {
  Zoo zoo;
  CHECK(parse_zoo_cfg("dataDir=" + zoo.dir.path() + "\nclientPort=1\nquorumListenOnAllIPs=true\n" + three_servers, "z")
            .node.peer_address == "0.0.0.0");
  CHECK(zoo.error(three_servers) == "zoo.cfg: clientPort is missing; add the port where clients connect");
  CHECK(zoo.error("clientPort=1\nserver.1=a:1:2\nserver.2=b:1:2;5\n") ==
        "zoo.cfg:2: clientPort is 1 but server.2 says 5; remove one of the two");
  CHECK(zoo.error("group.1=1:2\ngroup.2=2\n" + three_servers) ==
        "zoo.cfg:3: server 2 is in two groups; leave it in one");
  CHECK(zoo.error("clientPort=1\nweight.9=1\n" + three_servers) ==
        "zoo.cfg:3: there is no server.9; add it, or take 9 out here");
  CHECK(zoo.error("clientPort=1\ngroup.1=1\n" + three_servers) ==
        "zoo.cfg:5: member 2 is in no group but others are; put every participant into a group");
  CHECK(Zoo("7").error("clientPort=1\n" + three_servers) ==
        "zoo.cfg: this node is 7, which is not among the members; list it, or correct the id");
  CHECK(zoo.error("clientPort=1\nserver.2=a:5:6:observer\nserver.3=b:5:6:observer\n") ==
        "zoo.cfg: every member is an observer; make at least one a participant, or nobody can lead");
  CHECK_THROWS_WITH(parse_zoo_cfg("clientPort=1\n", "z"),
                    "z: dataDir is missing; add dataDir=... with the directory for the node's data");
}

TEST_CASE("myid must hold the node's id") {
  Zoo none(""), word("first\n"), big("300\n");
  CHECK(none.error("clientPort=1\n" + three_servers) ==
        none.dir / "myid" + ": cannot be read: No such file or directory; check the path and its permissions");
  CHECK(word.error("clientPort=1\n" + three_servers) ==
        word.dir / "myid" + ":1: the node's id has \"first\" where a whole number belongs; correct it");
  CHECK(big.error("clientPort=1\n" + three_servers) ==
        big.dir / "myid" + ":1: the node's id is 300; choose a number from 1 to 255");
}
