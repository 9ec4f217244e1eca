// Clients that do random things on two gateways, with random delays between gateway, leader and
// applier, with connections that break at any time and clients that do not always take their answers,
// against what each client may believe:
//   its own znode, which only it writes, shows every read exactly the writes before it
//   each write took effect once, and a repeated one got its first answer
//   replies come in the order of the calls
//   neither its own writes nor anybody's run backwards in time, on whatever gateway
//   what it watches is announced before it is seen
#include <map>
#include <memory>

#include "tests/catch.hpp"
#include "tests/gateway/test_client.hpp"
#include "tests/gateway/test_node.hpp"

using namespace troupe;
using namespace troupe::testing;

namespace {

constexpr const char* shared = "/shared";

class RandomClient {
 public:
  RandomClient(TestNode& node, std::mt19937_64& random, std::size_t index)
      : node_(node), random_(random), own_("/own-" + std::to_string(index)), client_(node.gateway(0)) {
    client_.connect();
    node_.run();
    REQUIRE(client_.connected());
    client_.create(own_, "0");
    node_.run();
    take();
  }

  void act() {
    take();
    if (!client_.connected()) {
      if (!connecting_ || client_.closed) reconnect();
      return;
    }
    if (connecting_) {
      connecting_ = false;
      repeat();
    }
    switch (random_() % 13) {
      case 0:
      case 1:
      case 2:
        write({.kind = Sent::set, .value = std::to_string(++last_value_)});
        break;
      case 3:
        write({.kind = Sent::append});
        break;
      case 4:
        write({.kind = Sent::touch});
        break;
      case 5:
      case 6:
      case 7:
        read({.kind = Sent::get_own, .value = std::to_string(last_value_)}, own_, false);
        break;
      case 8:
      case 9:
        read({.kind = Sent::get_shared}, shared, random_() % 2 == 0);
        break;
      case 10:
        sent_.push_back({.kind = Sent::sync, .tag = client_.read(OpCode::sync)});
        break;
      case 11:
        if (client_.answers_untaken) {
          client_.take_answers();
        } else {
          client_.answers_untaken = true;
        }
        break;
      default:
        if (random_() % 8 != 0) break;
        client_.drop();
        lose();
    }
    take();
  }

  /// Until everything is answered.
  void finish() {
    while (!client_.connected() || !sent_.empty()) {
      client_.take_answers();
      if (!client_.connected() || connecting_) act();
      node_.run();
      take();
    }
  }

  const std::string& own() const { return own_; }
  std::uint64_t last_value() const { return last_value_; }
  std::size_t appended() const { return appended_.size(); }
  const std::vector<std::string>& names() const { return names_; }

 private:
  struct Sent {
    enum Kind { set, append, touch, get_own, get_shared, sync } kind;
    std::string value = {};  // written, or what a read of the own znode must show
    std::uint64_t tag = 0;
    bool watch = false;
  };

  void issue(const Sent& sent) {
    if (sent.kind == Sent::set) client_.write({.code = OpCode::set_data, .path = own_, .data = sent.value}, sent.tag);
    if (sent.kind == Sent::touch) client_.write({.code = OpCode::set_data, .path = shared, .data = own_}, sent.tag);
    if (sent.kind == Sent::append) {
      client_.write({.code = OpCode::create,
                     .path = "/list/n-",
                     .data = own_,
                     .acl = TestClient::open_acl(),
                     .kind = schema::NodeKind::PERSISTENT_SEQUENTIAL},
                    sent.tag);
    }
  }
  void write(Sent sent) {
    sent.tag = client_.next_number++;
    sent_.push_back(sent);
    if (sent.kind == Sent::append) appended_.push_back(sent.tag);
    issue(sent_.back());
  }
  void read(Sent sent, const std::string& path, bool watch) {
    sent.tag = client_.next_tag + 1;
    sent.watch = watch;
    sent_.push_back(sent);
    client_.get(path, watch);
  }

  /// Reads that were unanswered are forgotten, writes are repeated.
  void lose() {
    std::erase_if(sent_, [](const Sent& sent) { return sent.kind >= Sent::get_own; });
    watched_ = false;
  }
  void reconnect() {
    lose();
    connecting_ = true;
    client_.resume(node_.gateway(random_() % node_.gateways()));
  }
  void repeat() {
    for (const auto& sent : sent_) issue(sent);
  }

  /// Looks at what was heard since.
  void take() {
    for (const auto& said : client_.said) {
      if (said.event) {
        CHECK(watched_);
        watched_ = false;
        continue;
      }
      check(said);
    }
    client_.said.clear();
  }
  void check(const Said& said) {
    if (sent_.empty()) return;  // the preparation
    const Sent sent = sent_.front();
    sent_.pop_front();
    REQUIRE(said.tag == sent.tag);
    REQUIRE(said.error == Error::ok);
    switch (sent.kind) {
      case Sent::get_own:
        REQUIRE(said.data == sent.value);
        break;
      case Sent::get_shared:
        REQUIRE(said.stat->version >= seen_version_);                   // time does not run backwards
        if (watched_) REQUIRE(said.stat->version == watched_version_);  // or its event would have come first
        seen_version_ = said.stat->version;
        if (sent.watch) {
          watched_ = true;
          watched_version_ = said.stat->version;
        }
        break;
      case Sent::append:
        names_.push_back(said.path);
        break;
      default:
        break;
    }
    if (sent.kind >= Sent::get_own) {
      REQUIRE(said.zxid >= last_zxid_);
      last_zxid_ = said.zxid;
    }
  }

  TestNode& node_;
  std::mt19937_64& random_;
  const std::string own_;
  TestClient client_;
  bool connecting_ = false;
  std::deque<Sent> sent_;
  std::uint64_t last_value_ = 0;
  std::vector<std::uint64_t> appended_;
  std::vector<std::string> names_;
  Zxid last_zxid_;
  bool watched_ = false;
  std::int32_t watched_version_ = 0, seen_version_ = 0;
};

void play(std::uint64_t seed) {
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  TestNode node;
  node.add_gateway({.seed = seed});
  node.add_gateway({.seed = seed + 1});
  TestClient first(node.gateway(0));
  first.connect();
  node.run();
  first.create(shared);
  first.create("/list");
  node.run();

  std::vector<std::unique_ptr<RandomClient>> clients;
  for (std::size_t i = 0; i < 4; ++i) clients.push_back(std::make_unique<RandomClient>(node, random, i));
  for (int i = 0; i < 2'000; ++i) {
    if (random() % 3 == 0) {
      clients[random() % clients.size()]->act();
    } else {
      node.step(random);
    }
  }
  for (auto& client : clients) client->finish();

  const auto view = node.tree().view();
  std::map<std::string, std::size_t> appended;  // by owner
  view->children("/list", {}, [&](std::string_view name) {
    ++appended[std::string(view->get("/list/" + std::string(name))->data)];
    return true;
  });
  for (auto& client : clients) {
    CHECK(view->get(client->own())->data == std::to_string(client->last_value()));
    CHECK(view->get(client->own())->stat.version == static_cast<std::int32_t>(client->last_value()));
    CHECK(appended[client->own()] == client->appended());
    CHECK(client->names().size() == client->appended());
    for (const auto& name : client->names()) CHECK(view->get(name)->data == client->own());
  }
}

}  // namespace

TEST_CASE("Clients on moving connections keep their order, see their writes, and write once") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) play(seed);
}
