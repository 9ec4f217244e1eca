// What a node's TOML file may say, and what it is told when it says something else.
#include "apps/config.hpp"
#include "tests/catch.hpp"
#include "tests/temp_dir.hpp"

using namespace troupe;

namespace {

const std::string three_members = R"(
[[member]]
id = 1
host = "a"
[[member]]
id = 2
host = "b"
peer_port = 2889
rpc_port = 2183
weight = 3
[[member]]
id = 3
host = "c"
role = "observer"
)";

std::string error_of(const std::string& text) {
  try {
    parse_toml(text, "node.toml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a TOML file names the node, its directory and the members, the rest has defaults") {
  NodeConfig node = parse_toml("id = 2\ndata_dir = 'd'\n" + three_members, "etc/node.toml").node;
  CHECK(node.id == PeerId{2});
  CHECK(node.data_dir == "etc/d");
  CHECK(node.tick_ms == NodeConfig{}.tick_ms);
  REQUIRE(node.members.size() == 3);
  CHECK(node.members[PeerId{1}].host == "a");
  CHECK(node.members[PeerId{1}].peer_port == 2888);
  CHECK(node.members[PeerId{2}].weight == 3);
  CHECK_FALSE(node.members[PeerId{2}].observer);
  CHECK(node.members[PeerId{3}].observer);
  CHECK(node.rpc_port == 2183);  // its own member's, where the node says nothing else
  CHECK(node.zk_port == 2182);   // beside it
}

TEST_CASE("every setting of a TOML file is read back from what to_toml wrote") {
  NodeConfig node;
  node.id = {7};
  node.data_dir = "/var/lib/troupe \"quoted\" back\\slash \n\x7f \xc3\xa9";
  node.peer_address = "127.0.0.1";
  node.client_address = "::1";
  node.rpc_port = 3000;
  node.zk_port = 3001;
  node.max_client_cnxns = 5;
  node.max_cnxns = 6;
  node.jute_maxbuffer = 4 << 20;
  node.four_letter_words = {"ruok", "mntr"};
  node.tick_ms = 123;
  node.init_limit = 11;
  node.sync_limit = 12;
  node.min_session_timeout_ms = 1000;
  node.max_session_timeout_ms = 2000;
  node.checkpoint_txns = 77;
  node.log_map_size = 1 << 30;
  node.state_map_size = 1 << 29;
  node.gateways = 3;
  node.batch_scheduling = true;
  node.idle_poll_us = 20;
  node.container_check_ms = 5'000;
  node.container_max_per_minute = 7;
  node.container_never_used_ms = 9'000;
  node.enforce_quota = node.read_only_mode = node.acl_x509 = node.acl_sasl = true;
  node.local_sessions = node.local_sessions_upgrading = true;
  node.super_digest = "super:hash";
  node.rpc_address = "127.0.0.2";
  node.zk_secure_port = 3002;
  node.secure_address = "127.0.0.3";
  node.tls = {.key_store = "k",
              .key_store_password = "kp",
              .trust_store = "t",
              .trust_store_password = "tp",
              .client_auth = zk::TlsConfig::ClientAuth::want,
              .ciphers = "c"};
  node.super_subject = "CN=root";
  node.log_level = "debug";
  node.members[{7}] = {.host = "h", .peer_port = 1, .rpc_port = 2, .observer = false, .weight = 5, .group = 1};
  node.members[{8}] = {.host = "i", .peer_port = 3, .rpc_port = 0, .observer = true, .weight = 0, .group = 0};

  NodeConfig again = parse_toml(to_toml(node), "n.toml").node;
  CHECK(to_toml(again) == to_toml(node));
  CHECK(again.data_dir == node.data_dir);
  CHECK(again.max_session_timeout_ms == 2000);
  CHECK(again.members.at({8}).observer);
  CHECK(again.zk_port == 3001);
  CHECK(again.zk_secure_port == 3002);
  CHECK(again.tls == node.tls);
  CHECK(again.jute_maxbuffer == 4 << 20);
  CHECK(again.four_letter_words == node.four_letter_words);
  CHECK(again.members.at({7}).group == 1);
}

TEST_CASE("an unknown TOML key is refused with its line and the nearest key that exists") {
  CHECK(error_of("id = 1\ndata_dir = 'd'\ntick_sm = 100\n" + three_members) ==
        "node.toml:3: unknown key tick_sm; did you mean tick_ms?");
  CHECK(error_of("id = 1\ndata_dir = 'd'\nzzz = 1\n" + three_members) == "node.toml:3: unknown key zzz");
  CHECK(error_of("id = 1\ndata_dir = 'd'\n[[members]]\nid = 1\nhost = 'a'\n") ==
        "node.toml:3: unknown key members; did you mean member?");
  CHECK(error_of("id = 1\ndata_dir = 'd'\n[[member]]\nid = 1\nhots = 'a'\n") ==
        "node.toml:5: unknown key hots in [[member]]; did you mean host?");
}

TEST_CASE("a TOML value of the wrong kind or out of range is refused with what would be right") {
  auto with = [](const std::string& line) {
    return error_of("id = 1\ndata_dir = 'd'\n" + line + "\n" + three_members);
  };
  CHECK(with("tick_ms = 'fast'") == "node.toml:3: tick_ms must be a whole number, not a string");
  CHECK(with("tick_ms = 0") == "node.toml:3: tick_ms is 0; choose a number from 1 to 3600000");
  CHECK(with("tick_ms = -5") == "node.toml:3: tick_ms is -5; choose a number from 1 to 3600000");
  CHECK(with("rpc_port = 70000") == "node.toml:3: rpc_port is 70000; choose a number from 0 to 65535");
  CHECK(with("gateways = 65") == "node.toml:3: gateways is 65; choose a number from 0 to 64");
  CHECK(with("peer_address = 5") == "node.toml:3: peer_address must be a text in quotes, not an integer");
  CHECK(with("peer_address = ''") == "node.toml:3: peer_address is empty; give it a value, or leave the line out");
  CHECK(with("log_level = 'loud'") ==
        "node.toml:3: log_level is \"loud\"; write trace, debug, info, warn, error, critical or off");
  CHECK(with("min_session_timeout_ms = 9000\nmax_session_timeout_ms = 8000") ==
        "node.toml:4: the shortest session timeout, 9000 ms, is above the longest, 8000 ms (by default 2 and 20 "
        "ticks); lower the one or raise the other");
  CHECK(with("rpc_port = 2888") ==
        "node.toml:3: port 2888 is given for clients and for peers; choose two different ports");
  CHECK(with("zk_port = 2888") ==
        "node.toml:3: port 2888 is given for ZooKeeper's clients and for others too; choose another");
  CHECK(with("four_letter_words = 'ruok'") == "node.toml:3: four_letter_words must be a list of texts, not a string");
}

TEST_CASE("a TOML file without what a node needs is refused") {
  CHECK(error_of("data_dir = 'd'\n" + three_members) == "node.toml: id is missing; add the line id = ...");
  CHECK(error_of("id = 1\n" + three_members) == "node.toml: data_dir is missing; add the line data_dir = ...");
  CHECK(error_of("id = 1\ndata_dir = 'd'\n") ==
        "node.toml: the ensemble has no members; add a [[member]] table with id and host for each node, this one "
        "included");
  CHECK(error_of("id = 1\ndata_dir = 'd'\n[[member]]\nid = 1\n") ==
        "node.toml:3: a [[member]] has no host; add the line");
  CHECK(error_of("id = 1\ndata_dir = 'd'\nmember = 3\n") ==
        "node.toml:3: member must be [[member]] tables, one for each node, not an integer");
  CHECK(error_of("id = \n").starts_with("node.toml:1: "));
  CHECK(error_of("id = 1\nid = 2\n").starts_with("node.toml:2: "));
}

TEST_CASE("members that contradict one another are refused") {
  auto ensemble = [](const std::string& members) { return error_of("id = 1\ndata_dir = 'd'\n" + members); };
  CHECK(error_of("id = 9\ndata_dir = 'd'\n" + three_members) ==
        "node.toml:1: this node is 9, which is not among the members; list it, or correct the id");
  CHECK(ensemble("[[member]]\nid = 1\nhost = 'a'\n[[member]]\nid = 1\nhost = 'b'\n") ==
        "node.toml:6: member 1 is listed twice; give each node an id of its own");
  CHECK(ensemble("[[member]]\nid = 1\nhost = 'a'\n[[member]]\nid = 2\nhost = 'a'\nrpc_port = 2183\n") ==
        "node.toml:6: member 2 uses a port 2888, as member 1 does; give each port of a host once");
  CHECK(ensemble("[[member]]\nid = 1\nhost = 'a'\npeer_port = 5\nrpc_port = 5\n") ==
        "node.toml:3: member 1 uses a port 5, as member 1 does; give each port of a host once");
  CHECK(ensemble("[[member]]\nid = 1\nhost = 'a b'\n") ==
        "node.toml:3: member 1 has no usable host; give the name or address where the others reach it");
  CHECK(ensemble("[[member]]\nid = 256\nhost = 'a'\n") == "node.toml:4: id is 256; choose a number from 1 to 255");
  CHECK(ensemble("[[member]]\nid = 1\nhost = 'a'\nrole = 'leader'\n") ==
        "node.toml:6: role is \"leader\"; write \"participant\" or \"observer\"");
  CHECK(ensemble("[[member]]\nid = 1\nhost = 'a'\nrole = 'observer'\n") ==
        "node.toml: every member is an observer; make at least one a participant, or nobody can lead");
  CHECK(ensemble("[[member]]\nid = 1\nhost = 'a'\nweight = 0\n") ==
        "node.toml: every participant has weight 0; give at least one a weight, or nobody can lead");
  CHECK(ensemble("[[member]]\nid = 1\nhost = 'a'\ngroup = 1\n[[member]]\nid = 2\nhost = 'b'\n") ==
        "node.toml:7: member 2 is in no group but others are; put every participant into a group");
}

TEST_CASE("the format of a configuration is told by its name") {
  test::TempDir dir;
  dir.write("node.toml", "id = 1\ndata_dir = 'd'\n" + three_members);
  CHECK(load_config(dir / "node.toml").node.data_dir == dir / "d");
  dir.write("node.txt", "");
  CHECK_THROWS_WITH(
      load_config(dir / "node.txt"),
      dir / "node.txt" + ": the format is told by the name; call a TOML file *.toml and a ZooKeeper file *.cfg");
  CHECK_THROWS_WITH(load_config(dir / "none.toml"), dir / "none.toml" +
                                                        ": cannot be read: No such file or directory; "
                                                        "check the path and its permissions");
  CHECK_THROWS_WITH(load_config(dir.path()), Catch::Matchers::Contains("cannot be read: Is a directory"));
}
