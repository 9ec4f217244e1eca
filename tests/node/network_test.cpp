// The network over real sockets on the loopback.
#include <arpa/inet.h>

#include <algorithm>
#include <map>
#include <memory>

#include "schema/peer.capnp.h"
#include "tests/catch.hpp"
#include "tests/node/messages.hpp"
#include "tests/node/places.hpp"
#include "tests/node/probes.hpp"

using namespace troupe;
using troupe::testing::free_ports;
using troupe::testing::NetworkNode;

namespace {

constexpr PeerId one{1}, two{2};

/// Configurations of an ensemble of networks.
std::map<PeerId, NodeConfig> make_configs(std::uint32_t count) {
  const auto ports = free_ports(count);
  std::map<PeerId, Member> members;
  for (std::uint32_t i = 0; i < count; ++i) {
    members[PeerId{i + 1}] = Member{.host = "127.0.0.1", .peer_port = ports[i]};
  }
  std::map<PeerId, NodeConfig> configs;
  for (const auto& [id, member] : members) {
    configs[id] = NodeConfig{.id = id, .members = members, .peer_address = "127.0.0.1"};
  }
  return configs;
}

zab::Notification vote(PeerId sender, std::uint64_t round) {
  return {sender, zab::PeerState::looking, round, {Epoch{1}, Zxid{2}, sender}};
}

bool hears_vote(NetworkNode& node, const zab::Notification& wanted) {
  return node.heard.notifications.wait_for_item([&](const auto& heard) { return heard == wanted; });
}
bool hears_reachable(NetworkNode& node, PeerId peer, bool reachable) {
  return node.heard.reachable.wait([&](const auto& items) {
    for (auto last = items.rbegin(); last != items.rend(); ++last) {
      if (last->peer == peer) return last->reachable == reachable;
    }
    return false;
  });
}

/// A port on which nothing is answered, as if its machine were gone: its queue of connections is full.
class SilentListener {
 public:
  SilentListener() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    sockets_.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    REQUIRE(::bind(sockets_[0], reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(sockets_[0], 0) == 0);
    REQUIRE(::getsockname(sockets_[0], reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    for (int i = 0; i < 4; ++i) {
      sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      ::connect(sockets_.back(), reinterpret_cast<sockaddr*>(&address), size);
    }
  }
  ~SilentListener() {
    for (const int fd : sockets_) ::close(fd);
  }
  std::uint16_t port() const { return port_; }

 private:
  std::vector<int> sockets_;
  std::uint16_t port_ = 0;
};

/// A connection whose bytes the test chooses.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~RawConnection() { ::close(fd_); }
  void send(const Bytes& bytes) { REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0); }
  void send(std::string_view text) { send(Bytes::copy(text)); }
  /// Waits for the other side to close.
  bool is_closed() {
    char byte;
    return ::recv(fd_, &byte, 1, 0) <= 0;
  }

 private:
  int fd_;
};

/// Node 1 and the learner's connection of node 2 to it, taken by both.
struct Linked {
  explicit Linked(bool deliver = true) {
    learner.connect(one);
    REQUIRE(leader.take_learner());
    REQUIRE(learner.heard.up.wait_for_count(1));
    if (deliver) leader.deliver();
  }
  std::map<PeerId, NodeConfig> configs = make_configs(2);
  NetworkNode leader{configs[one]}, learner{configs[two]};
};

bool same(const std::vector<zab::Message>& a, const std::vector<zab::Message>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return testing::equal(x, y); });
}

}  // namespace

TEST_CASE("votes arrive once both nodes are there, and again after one was away") {
  auto configs = make_configs(2);
  NetworkNode first(configs[one]);
  CHECK(hears_reachable(first, two, false));
  {
    NetworkNode second(configs[two]);
    CHECK(hears_reachable(first, two, true));
    CHECK(hears_reachable(second, one, true));
    first.notify(two, vote(one, 1));
    CHECK(hears_vote(second, vote(one, 1)));
    second.notify(one, vote(two, 2));
    CHECK(hears_vote(first, vote(two, 2)));
  }
  CHECK(hears_reachable(first, two, false));
  NetworkNode second(configs[two]);
  CHECK(hears_reachable(first, two, true));
  first.notify(two, vote(one, 3));
  CHECK(hears_vote(second, vote(one, 3)));
}

TEST_CASE("a member that cannot be reached holds nobody up") {
  auto configs = make_configs(2);
  const SilentListener silent;
  for (auto& [id, config] : configs) {
    config.members[PeerId{3}] = Member{.host = "127.0.0.1", .peer_port = silent.port()};
  }
  NetworkNode first(configs[one]), second(configs[two]);
  CHECK(hears_reachable(first, two, true));
  first.connect(PeerId{3});
  first.notify(PeerId{3}, vote(one, 1));
  first.notify(two, vote(one, 1));
  CHECK(hears_vote(second, vote(one, 1)));
  CHECK(first.heard.down.wait_for_count(1));
  CHECK(hears_reachable(first, PeerId{3}, false));
}

TEST_CASE("a link carries messages both ways, in order") {
  Linked linked;
  testing::RandomMessages random(1);
  std::vector<zab::Message> down, up;
  for (int i = 0; i < 2'000; ++i) {
    down.push_back(i % 500 == 0 ? zab::Message{zab::SnapChunk{Bytes::copy(std::string(700'000, 'x'))}} : random.next());
    up.push_back(random.next());
    linked.leader.send(down.back());
    linked.learner.send(up.back());
  }
  REQUIRE(linked.learner.heard.messages.wait_for_count(down.size()));
  REQUIRE(linked.leader.heard.messages.wait_for_count(up.size()));
  CHECK(same(linked.learner.heard.messages.items(), down));
  CHECK(same(linked.leader.heard.messages.items(), up));
}

TEST_CASE("what is sent in one turn comes together") {
  Linked linked;
  linked.learner.run([&] {
    for (int i = 0; i < 100; ++i) linked.learner.link->send(zab::Ack{Zxid{static_cast<std::uint64_t>(i)}});
  });
  REQUIRE(linked.leader.heard.messages.wait_for_count(100));
  CHECK(linked.leader.heard.batches.items().size() < 100);
}

TEST_CASE("what is sent before the link is up follows behind") {
  auto configs = make_configs(2);
  NetworkNode leader(configs[one]), learner(configs[two]);
  learner.run([&] {});
  learner.connect(one);
  learner.send(zab::Ack{Zxid{1}});
  learner.send(zab::Ack{Zxid{2}});
  REQUIRE(leader.take_learner());
  leader.deliver();
  REQUIRE(leader.heard.messages.wait_for_count(2));
  CHECK(same(leader.heard.messages.items(), {zab::Ack{Zxid{1}}, zab::Ack{Zxid{2}}}));
}

TEST_CASE("a reader that holds back makes the sender's queue grow, and it drains when he goes on") {
  for (const bool never_taken : {true, false}) {
    Linked linked(!never_taken);
    if (!never_taken) linked.leader.run([&] { linked.leader.link->pause(true); });
    constexpr std::size_t window = 1 << 20;
    linked.learner.report_drained(window);
    const zab::Message chunk = zab::SnapChunk{Bytes::copy(std::string(256 << 10, 'x'))};
    // More than sockets hold: in the end it stays where it is.
    std::size_t sent = 0;
    for (; sent < 400 && (sent < 100 || linked.learner.queued() < 4 * window); ++sent) linked.learner.send(chunk);
    CHECK(linked.learner.queued() >= 4 * window);
    const auto drained_before = linked.learner.heard.drained.items().size();
    if (never_taken) {
      linked.leader.deliver();
    } else {
      linked.leader.run([&] { linked.leader.link->pause(false); });
    }
    CHECK(linked.learner.heard.drained.wait_for_count(drained_before + 1));
    CHECK(linked.leader.heard.messages.wait_for_count(sent));
    CHECK(linked.learner.heard.drained.items().size() == drained_before + 1);  // once
    CHECK(linked.learner.queued() == 0);
  }
}

TEST_CASE("closing a link is told once to both") {
  Linked linked;
  linked.leader.run([&] {
    linked.leader.link->close("enough");
    linked.leader.link->close("again");
    linked.leader.link->send(zab::Ping{});  // goes nowhere
  });
  REQUIRE(linked.leader.heard.down.wait_for_count(1));
  REQUIRE(linked.learner.heard.down.wait_for_count(1));
  CHECK(linked.leader.heard.down.items() == std::vector<std::string>{"enough"});
  CHECK(linked.learner.heard.down.items() == std::vector<std::string>{"the other side closed it"});
  linked.leader.deliver();  // too late, and said so
  CHECK(linked.leader.heard.down.wait_for_count(2));
}

TEST_CASE("letting go of a link closes it without a word") {
  Linked linked;
  linked.learner.run([&] { linked.learner.link.reset(); });
  REQUIRE(linked.leader.heard.down.wait_for_count(1));
  CHECK(linked.learner.heard.down.items().empty());
}

TEST_CASE("a node that dies takes its links down") {
  auto configs = make_configs(2);
  NetworkNode leader(configs[one]);
  {
    NetworkNode learner(configs[two]);
    learner.connect(one);
    REQUIRE(leader.take_learner());
    leader.deliver();
  }
  CHECK(leader.heard.down.wait_for_count(1));
}

TEST_CASE("a learner that connects again replaces its old link") {
  Linked linked;
  std::shared_ptr<Link> old;
  linked.learner.run([&] { old = std::move(linked.learner.link); });
  linked.learner.connect(one);
  REQUIRE(linked.leader.heard.down.wait_for_count(1));
  CHECK(linked.leader.heard.down.items().front() == "the learner connected again");
  CHECK(linked.learner.heard.down.wait_for_count(1));
  linked.learner.run([&] { old.reset(); });
  REQUIRE(linked.leader.take_learner());
  linked.leader.deliver();
  linked.learner.send(zab::Ack{Zxid{1}});
  CHECK(linked.leader.heard.messages.wait_for_count(1));
}

TEST_CASE("a leader that is not there is a link that goes down") {
  auto configs = make_configs(2);
  NetworkNode learner(configs[two]);
  learner.connect(one);
  CHECK(learner.heard.down.wait_for_count(1));
  learner.connect(PeerId{9});
  REQUIRE(learner.heard.down.wait_for_count(2));
  CHECK_THAT(learner.heard.down.items().back(), Catch::Contains("not a member"));
  CHECK(learner.heard.up.items().empty());
}

TEST_CASE("members come, move to another port and go while the network runs") {
  auto configs = make_configs(3);
  const auto all = configs[one].members;
  auto pair = all;
  pair.erase(PeerId{3});
  for (const auto id : {one, two}) configs[id].members = pair;
  for (auto& [id, config] : configs) config.reconfig_enabled = true;
  NetworkNode first(configs[one]), second(configs[two]), third(configs[PeerId{3}]);
  CHECK(hears_reachable(first, two, true));
  for (auto* node : {&first, &second}) node->set_members(all);
  CHECK(hears_reachable(first, PeerId{3}, true));
  CHECK(hears_reachable(third, one, true));
  first.notify(PeerId{3}, vote(one, 1));
  CHECK(hears_vote(third, vote(one, 1)));

  auto moved = all;
  moved[two].peer_port = free_ports(1).front();
  for (auto* node : {&first, &second, &third}) node->set_members(moved);
  CHECK(
      first.heard.reachable.wait([](const auto& heard) { return heard.back().peer == two && heard.back().reachable; }));
  first.notify(two, vote(one, 2));
  CHECK(hears_vote(second, vote(one, 2)));

  first.set_members(pair);
  first.connect(PeerId{3});
  REQUIRE(first.heard.down.wait_for_count(1));
  CHECK_THAT(first.heard.down.items().back(), Catch::Contains("not a member"));
}

TEST_CASE("where the ensemble may change, a node that is no member is answered, and may come as a learner") {
  auto configs = make_configs(3);
  const PeerId three{3};
  configs[one].members.erase(three);
  configs[one].reconfig_enabled = true;
  NetworkNode member(configs[one]), stranger(configs[three]);
  CHECK(hears_reachable(stranger, one, true));
  stranger.notify(one, vote(three, 1));
  CHECK(hears_vote(member, vote(three, 1)));
  member.notify(three, vote(one, 7));
  CHECK(hears_vote(stranger, vote(one, 7)));
  stranger.connect(one);
  CHECK(member.take_learner());
}

TEST_CASE("who does not speak the protocol is disconnected, and the others go on") {
  auto configs = make_configs(2);
  NetworkNode node(configs[one]);
  const auto port = configs[one].members[one].peer_port;
  const auto hello = [](std::uint32_t version, PeerId from, bool learner) {
    return encode(Hello{version, from, learner});
  };
  const std::uint32_t version = schema::PROTOCOL_VERSION;

  SECTION("text") {
    RawConnection connection(port);
    connection.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(connection.is_closed());
  }
  SECTION("silence") {
    RawConnection connection(port);
    CHECK(connection.is_closed());
  }
  SECTION("another version") {
    RawConnection connection(port);
    connection.send(hello(version + 1, two, true));
    CHECK(connection.is_closed());
  }
  SECTION("a stranger") {
    RawConnection connection(port);
    connection.send(hello(version, PeerId{77}, true));
    CHECK(connection.is_closed());
  }
  SECTION("a frame too long for a hello") {
    RawConnection connection(port);
    connection.send(encode(zab::SnapChunk{Bytes::copy(std::string(5'000, 'x'))}));
    CHECK(connection.is_closed());
  }
  SECTION("a vote in another's name") {
    RawConnection connection(port);
    connection.send(hello(version, two, false));
    connection.send(encode(vote(one, 1)));
    CHECK(connection.is_closed());
  }
  SECTION("garbage among votes") {
    RawConnection connection(port);
    connection.send(hello(version, two, false));
    connection.send(encode(vote(two, 1)));
    CHECK(hears_vote(node, vote(two, 1)));
    connection.send(std::string(64, '\xff'));
    CHECK(connection.is_closed());
  }
  SECTION("garbage on a learner's link") {
    RawConnection connection(port);
    connection.send(hello(version, two, true));
    REQUIRE(node.take_learner());
    node.deliver();
    connection.send(encode(zab::Message{zab::Ack{Zxid{5}}}));
    CHECK(node.heard.messages.wait_for_count(1));
    connection.send(std::string(64, '\xff'));
    CHECK(connection.is_closed());
    REQUIRE(node.heard.down.wait_for_count(1));
    CHECK_THAT(node.heard.down.items().front(), Catch::Contains("it sent"));
  }

  NetworkNode other(configs[two]);
  CHECK(hears_reachable(other, one, true));
  other.notify(one, vote(two, 9));
  CHECK(hears_vote(node, vote(two, 9)));
}
