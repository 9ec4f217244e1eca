// The text of the ensemble's configuration, as ZooKeeper writes and reads it, and what requests make of it.
#include "actors/ensemble_config.hpp"

#include <capnp/message.h>

#include "actors/reconfig.hpp"
#include "tests/catch.hpp"

namespace troupe {
namespace {

constexpr const char* three =
    "server.1=a:2888:3888:participant;0.0.0.0:2181\n"
    "server.2=b:2888:3888:participant;0.0.0.0:2181\n"
    "server.3=c:2888:3888:observer;0.0.0.0:2181\n"
    "server.4=[::1]:2888:3888:participant;[::2]:2181\n"
    "version=100000007";

TEST_CASE("a configuration reads as it was written") {
  const auto config = parse_configuration(three);
  CHECK(to_text(config) == three);
  CHECK(config.version == Zxid{0x100000007});
  REQUIRE(config.members.size() == 4);
  CHECK(config.members.at({1}).peer_port == 2888);
  CHECK(config.members.at({1}).election_port == 3888);
  CHECK(config.members.at({1}).client_port == 2181);
  CHECK(config.members.at({3}).observer);
  CHECK(config.members.at({4}).host == "::1");
  CHECK(config.members.at({4}).client_host == "::2");
  CHECK(config.quorum()->is_voter({1}));
  CHECK_FALSE(config.quorum()->is_voter({3}));
}

TEST_CASE("weights, groups and the RPC's ports have lines of their own") {
  const std::string text =
      "server.1=a:1:2:participant;0.0.0.0:3\nserver.2=b:1:2:participant;0.0.0.0:3\n"
      "group.1=1\ngroup.2=2\nweight.1=3\nweight.2=1\nrpc.2=2182\nversion=0";
  const auto config = parse_configuration(text);
  CHECK(to_text(config) == text);
  CHECK(config.weighted());
  CHECK(config.members.at({1}).weight == 3);
  CHECK(config.members.at({2}).group == 2);
  CHECK(config.members.at({1}).rpc_port == 0);
  CHECK(config.members.at({2}).rpc_port == 2182);
}

TEST_CASE("what may be left out has ZooKeeper's defaults") {
  CHECK(to_text(parse_member("h:1:2")) == "h:1:2:participant");
  CHECK(to_text(parse_member("h:1:2;3")) == "h:1:2:participant;0.0.0.0:3");
  CHECK(to_text(parse_member("h:1:2:OBSERVER;i:3")) == "h:1:2:observer;i:3");
  CHECK(to_text(parse_configuration("server.1 = h:1:2;3 , server.2 = i:1:2")) ==
        "server.1=h:1:2:participant;0.0.0.0:3\nserver.2=i:1:2:participant\nversion=0");
}

TEST_CASE("a text that ZooKeeper would not take is refused") {
  for (const char* text : {"", "server.1=h:1:2:observer", "server.1=h:1", "server.1=h:1:2:3:4", "server.1=h:1:2:leader",
                           "server.0=h:1:2", "server.256=h:1:2", "server.1=h:70000:2", "server.x=h:1:2",
                           "server.1=:1:2", "server.1=h:1:2\nserver.1=i:1:2", "server.1=h:1:2\nserver.2=h:1:3",
                           "clientPort=2181", "server.1=h:1:2\nweight.2=1", "server.1=h:1:2\nserver.2=i:1:2\ngroup.1=1",
                           "server.1=[h:1:2", "server.1=h:1:2;x", "server.1", "server.1=h:1:2|i:1:2"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_configuration(text), BadConfiguration);
  }
}

struct Asked {
  const char* joining = nullptr;
  const char* leaving = nullptr;
  const char* members = nullptr;
  std::int64_t version = -1;
};

ReconfigPlan plan(const Configuration& now, const Asked& asked, bool standalone_enabled = true) {
  capnp::MallocMessageBuilder message;
  auto reconfig = message.initRoot<schema::Request>().initReconfig();
  if (asked.joining != nullptr) reconfig.setJoining(asked.joining);
  if (asked.leaving != nullptr) reconfig.setLeaving(asked.leaving);
  if (asked.members != nullptr) reconfig.setNewMembers(asked.members);
  reconfig.setVersion(asked.version);
  return plan_reconfig(now, reconfig.asReader(), standalone_enabled);
}

EnsembleConfig members_of(std::initializer_list<Member> members) {
  EnsembleConfig config;
  std::uint32_t id = 0;
  for (const auto& member : members) config.members[{++id}] = member;
  return config;
}

TEST_CASE("what cannot be written down so that it reads the same is refused") {
  const Member a{.host = "a", .client_port = 2181}, b{.host = "b", .client_port = 2181};
  const auto changed = [](Member member, const auto& change) {
    change(member);
    return member;
  };
  CHECK_NOTHROW(check_text(members_of({a, b})));
  CHECK_NOTHROW(check_text(members_of({a, changed(b, [](auto& m) { m.weight = 3; })})));
  CHECK_NOTHROW(check_text(members_of({a, changed(b, [](auto& m) { m.observer = true, m.weight = 3, m.group = 2; })})));
  // A client's address that two have, unless it is one that each machine has.
  for (const char* everywhere : {"127.0.0.1", "localhost", "::1", "0.0.0.0", "::", ""}) {
    const auto here = [&](auto& m) { m.client_host = everywhere; };
    CHECK_NOTHROW(check_text(members_of({changed(a, here), changed(b, here)})));
  }
  const auto same = [](auto& m) { m.client_host = "c"; };
  CHECK_THROWS_AS(check_text(members_of({changed(a, same), changed(b, same)})), BadConfiguration);
  CHECK_THROWS_AS(check_text(members_of({a, changed(b, [](auto& m) { m.group = 1; })})), BadConfiguration);
  for (const char* host : {"b,c", "b|c", "b\nc", " b", ""}) {
    CHECK_THROWS_AS(check_text(members_of({a, changed(b, [&](auto& m) { m.host = host; })})), BadConfiguration);
  }
  CHECK_THROWS_AS(check_text(members_of({changed(a, [](auto& m) { m.weight = 0; })})), BadConfiguration);
}

TEST_CASE("a member that listens everywhere is nowhere to be reached") {
  CHECK_NOTHROW(check_reachable(members_of({{.host = "a"}, {.host = "127.0.0.1"}})));
  for (const char* host : {"0.0.0.0", "::"})
    CHECK_THROWS_AS(check_reachable(members_of({{.host = host}})), BadConfiguration);
}

TEST_CASE("two configurations decide alike where the same nodes belong to them and votes weigh the same") {
  const Member a{.host = "a"}, b{.host = "b"}, observer{.host = "b", .observer = true};
  const auto two = members_of({a, b});
  CHECK(two.decides_as(members_of({{.host = "c", .peer_port = 7}, b})));
  CHECK_FALSE(two.decides_as(members_of({a})));
  CHECK_FALSE(two.decides_as(members_of({a, b, {.host = "c"}})));
  CHECK_FALSE(two.decides_as(members_of({a, observer})));
  CHECK_FALSE(two.decides_as(members_of({a, {.host = "b", .weight = 2}})));
}

TEST_CASE("members join, leave, move and change their role") {
  const auto now = Configuration::of_file(parse_configuration(three));
  const auto after = [&](const Asked& asked) {
    const auto planned = plan(*now, asked);
    INFO(planned.reason);
    CHECK(planned.error == Error::ok);
    return to_text(planned.next);
  };
  CHECK(after({.joining = "server.5=e:2888:3888;2181,rpc.5=2182", .leaving = "4, 1"}) ==
        "server.2=b:2888:3888:participant;0.0.0.0:2181\nserver.3=c:2888:3888:observer;0.0.0.0:2181\n"
        "server.5=e:2888:3888:participant;0.0.0.0:2181\nrpc.5=2182\nversion=0");
  CHECK(after({.joining = "server.1=a:2888:3888:observer;2181,server.3=c:9:10:participant;2181", .leaving = "4,77"}) ==
        "server.1=a:2888:3888:observer;0.0.0.0:2181\nserver.2=b:2888:3888:participant;0.0.0.0:2181\n"
        "server.3=c:9:10:participant;0.0.0.0:2181\nversion=0");
  CHECK(after({.members = "server.1=a:1:2;3,server.9=i:1:2;3", .version = 0x100000007}) ==
        "server.1=a:1:2:participant;0.0.0.0:3\nserver.9=i:1:2:participant;0.0.0.0:3\nversion=0");
}

TEST_CASE("what cannot be granted is refused as ZooKeeper refuses it") {
  const auto now = Configuration::of_file(parse_configuration(three));
  CHECK(plan(*now, {.leaving = "1", .version = 7}).error == Error::bad_version);
  CHECK(plan(*now, {.leaving = "x"}).error == Error::bad_arguments);
  CHECK(plan(*now, {.leaving = "1,2"}).error == Error::bad_arguments);  // one participant is left
  CHECK(plan(*now, {.leaving = "1,2"}, false).error == Error::ok);      // which will do then
  CHECK(plan(*now, {.leaving = "1,2,4"}, false).error == Error::bad_arguments);
  CHECK(plan(*now, {.joining = "server.5=e:2888:3888"}).error == Error::bad_arguments);       // three ports
  CHECK(plan(*now, {.joining = "server.5=a:2888:3889;2181"}).error == Error::bad_arguments);  // server.1's address
  CHECK(plan(*now, {.joining = "5"}).error == Error::bad_arguments);
  CHECK(plan(*now, {.joining = "server.0=e:1:2;3"}).error == Error::bad_arguments);
  CHECK(plan(*now, {.members = "nonsense"}).error == Error::bad_arguments);

  const auto weighted =
      Configuration::of_file(parse_configuration("server.1=a:1:2;3\nserver.2=b:1:2;3\nserver.3=c:1:2;3\nweight.1=2"));
  CHECK(plan(*weighted, {.leaving = "3"}).error == Error::bad_arguments);
  CHECK(plan(*weighted, {.members = "server.1=a:1:2;3,server.2=b:1:2;3"}).error == Error::ok);

  auto joint = *now;
  joint.next = joint.current;
  CHECK(plan(joint, {.leaving = "1"}).error == Error::reconfig_in_progress);
}

}  // namespace
}  // namespace troupe
