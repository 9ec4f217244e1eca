// Proposer and tree, with any lag between them, against a model that executes at once.
#include <deque>
#include <random>

#include "tests/catch.hpp"
#include "tests/logic/model.hpp"
#include "tests/logic/single_node.hpp"

using namespace troupe;
using namespace troupe::testing;

namespace {

const std::string names[] = {"a", "b", "c-", "x.y"};
const std::string odd_paths[] = {"/",     "a",          "",   "/a/",         "//",  "/a//b",
                                 "/a/..", "/zookeeper", "/.", "/zookeeper/", "a/b", "/nobody/knows/../it"};

class RandomRequests {
 public:
  RandomRequests(std::mt19937_64& random, const Model& model) : random_(random), model_(model) {}

  Ask next() {
    Ask ask{SessionId{1 + pick(5)}, ++count_, OpenSession{}};
    if (one_in(30)) ask.session = SessionId{0};
    if (one_in(3)) {
      // Repeats of earlier requests among them.
      const auto session = model_.sessions.find(ask.session.value);
      ask.numbered = true;
      ask.number = 1 + static_cast<std::uint64_t>(pick(3));
      if (session != model_.sessions.end())
        ask.number = session->second.last_number + static_cast<std::uint64_t>(pick(3));
      ask.answered = ask.number / 2;
    }
    if (one_in(2)) ask.identities.emplace_back("digest", "u:" + std::to_string(pick(2)));
    if (one_in(20)) ask.identities.emplace_back("super", "");
    if (one_in(10)) {
      ask.what = OpenSession{static_cast<std::uint32_t>(1'000 + pick(9'000))};
    } else if (one_in(25)) {
      ask.what = CloseSession{};
    } else if (one_in(5)) {
      Multi multi;
      for (auto left = pick(6); left > 0; --left) multi.ops.push_back(op());
      ask.what = std::move(multi);
    } else {
      ask.what = op();
    }
    return ask;
  }

 private:
  std::int64_t pick(std::size_t n) { return static_cast<std::int64_t>(random_() % n); }
  bool one_in(std::size_t n) { return pick(n) == 0; }

  std::string some_path() {
    if (one_in(25)) return odd_paths[pick(std::size(odd_paths))];
    std::string path;
    for (auto depth = 1 + pick(3); depth > 0; --depth) path += "/" + names[pick(std::size(names))];
    return path;
  }

  std::string known_path() {
    if (one_in(4)) return some_path();
    return std::next(model_.nodes.begin(), pick(model_.nodes.size()))->first;
  }

  std::int32_t version_of(const std::string& path, bool acl) {
    const auto node = model_.nodes.find(path);
    if (one_in(2)) return -1;
    if (one_in(4) || node == model_.nodes.end()) return static_cast<std::int32_t>(pick(4));
    return acl ? node->second.stat.aversion : node->second.stat.version;
  }

  std::optional<std::string> some_data() {
    if (one_in(5)) return std::nullopt;
    return std::string(static_cast<std::size_t>(pick(one_in(50) ? 3'000 : 12)), 'd');
  }

  store::AclList some_acl() {
    if (!one_in(6)) return open_acl;
    store::AclList acl;
    for (auto left = pick(4); left > 0; --left) {
      switch (pick(6)) {
        case 0:
          acl.push_back({static_cast<std::uint32_t>(pick(32)), "auth", ""});
          break;
        case 1:
          acl.push_back({store::perm::read, "world", "anyone"});
          break;
        case 2:
          acl.push_back({31, "nonsense", "x"});
          break;
        case 3:
          acl.push_back(open_acl[0]);
          break;
        default:
          acl.push_back({static_cast<std::uint32_t>(pick(32)), "digest", "u:" + std::to_string(pick(2))});
      }
    }
    return acl;
  }

  /// What a quota's znode may say: limits, no limits, or nothing that can be read.
  std::string some_record(bool limits) {
    if (one_in(12)) return one_in(2) ? "gibberish" : "";
    std::string text = "count=" + std::to_string(pick(20) - 1) + ",bytes=" + std::to_string(pick(100) - 1);
    if (!limits) return text;
    if (!one_in(4)) text += "=;byteHardLimit=" + std::to_string(pick(20));
    if (!one_in(4))
      text += std::string(text.find("=;") == text.npos ? "=" : "") + ";countHardLimit=" + std::to_string(pick(4));
    return text;
  }

  /// The next znode that is missing for a quota of a znode, or new limits for it.
  Op quota_op() {
    const auto subject = one_in(3) ? known_path() : "/a";
    if (subject == "/" || subject.starts_with("/zookeeper")) return Check{subject, -1};
    const auto home = "/zookeeper/quota" + subject;
    const bool limits = !one_in(3);
    std::string wanted = home + (limits ? "/zookeeper_limits" : "/zookeeper_stats");
    if (model_.nodes.contains(wanted) && (limits || one_in(5))) return SetData{wanted, some_record(limits)};
    if (model_.nodes.contains(wanted)) return SetData{subject, some_data()};
    for (auto above = wanted.substr(0, wanted.rfind('/')); !model_.nodes.contains(above);) {
      wanted = above;
      above = wanted.substr(0, wanted.rfind('/'));
    }
    return Create{wanted, some_record(limits)};
  }

  Op op() {
    if (one_in(6)) return quota_op();
    switch (pick(12)) {
      case 0:
      case 1:
      case 2:
        if (auto path = known_path(); !path.starts_with("/zookeeper/quota") || one_in(4)) {
          return Delete{path, one_in(2) ? -1 : version_of(known_path(), false)};
        }
        [[fallthrough]];
      case 3:
      case 4: {
        const auto path = known_path();
        return SetData{path, some_data(), version_of(path, false)};
      }
      case 5: {
        const auto path = known_path();
        return SetAcl{path, some_acl(), version_of(path, true)};
      }
      case 6: {
        const auto path = known_path();
        return Check{path, version_of(path, false)};
      }
      default: {
        const auto kind = static_cast<schema::NodeKind>(pick(8));
        const bool ttl = kind == schema::NodeKind::TTL || kind == schema::NodeKind::TTL_SEQUENTIAL;
        const std::int64_t time = ttl != one_in(30) ? 1 + pick(50) : 0;
        std::string path = one_in(2) ? some_path() : known_path() + "/" + names[pick(std::size(names))];
        return Create{one_in(20) ? path + "/" : path, some_data(), kind, some_acl(), time};
      }
    }
  }

  std::mt19937_64& random_;
  const Model& model_;
  std::uint64_t count_ = 0;
};

/// A new tree's znodes, whatever they are.
void adopt(Model& model, const store::View& view, const std::string& path) {
  const auto node = view.get(path);
  Model::Node copy;
  copy.stat = node->stat;
  copy.creations = node->stored_cversion;
  if (node->has_data) copy.data = std::string(node->data);
  if (!node->open_to_all()) copy.acl = node->acl();
  model.nodes[path] = copy;
  view.children(path, {}, [&](std::string_view name) {
    adopt(model, view, (path == "/" ? path : path + "/") + std::string(name));
    return true;
  });
}

void require_equal(const store::Outcome& got, const store::Outcome& expected) {
  INFO("zxid " << to_string(expected.zxid));
  REQUIRE(got.zxid == expected.zxid);
  REQUIRE(got.session == expected.session);
  REQUIRE(got.number == expected.number);
  REQUIRE(got.error == expected.error);
  REQUIRE(got.multi == expected.multi);
  REQUIRE(got.opened == expected.opened);
  REQUIRE(got.closed == expected.closed);
  REQUIRE(got.results.size() == expected.results.size());
  for (std::size_t i = 0; i < got.results.size(); ++i) {
    REQUIRE(got.results[i].error == expected.results[i].error);
    REQUIRE(got.results[i].path == expected.results[i].path);
    REQUIRE(got.results[i].stat == expected.results[i].stat);
  }
}

void require_equal(const store::View& view, const Model& model) {
  REQUIRE(view.node_count() == model.nodes.size());
  for (const auto& [path, expected] : model.nodes) {
    INFO(path);
    const auto node = view.get(path);
    REQUIRE(node);
    REQUIRE(node->stat == model.stat(path));
    REQUIRE(node->stored_cversion == expected.creations);
    REQUIRE(node->kind == expected.kind);
    REQUIRE(node->ttl == expected.ttl);
    REQUIRE(node->has_data == expected.data.has_value());
    REQUIRE(node->data == expected.data.value_or(""));
    REQUIRE((node->open_to_all() ? open_acl : node->acl()) == expected.acl);
  }
  REQUIRE(view.session_count() == model.sessions.size());
  for (const auto& [id, session] : model.sessions) {
    REQUIRE(view.session(SessionId{id})->timeout_ms == session.timeout_ms);
    REQUIRE(view.last_number(SessionId{id}) == session.last_number);
  }
}

struct Tally {
  std::size_t accepted = 0, refused = 0, dropped = 0, multis_failed_late = 0, over_quota = 0;
};

void play(std::uint64_t seed, Tally& tally) {
  std::mt19937_64 random(seed);
  const auto one_in = [&](std::size_t n) { return random() % n == 0; };
  Rules rules;
  rules.enforce_quota = !one_in(3);
  rules.never_used_ms = one_in(2) ? 0 : 30;
  SingleNode node(rules);
  Model model;
  model.enforce_quota = rules.enforce_quota;
  model.never_used_ms = rules.never_used_ms;
  adopt(model, *node.tree().view(), "/");
  RandomRequests requests(random, model);
  std::deque<store::Outcome> expected;
  std::int64_t time = 1'000;
  const std::size_t lag = 1 + random() % 60;  // on average; what is applied is any part of what waits

  const auto apply = [&](std::size_t count) {
    for (const auto& outcome : node.apply(count).outcomes) {
      require_equal(outcome, expected.front());
      expected.pop_front();
    }
  };
  for (int step = 0; step < 600; ++step) {
    time += static_cast<std::int64_t>(random() % 20) - 5;  // clocks do go back
    if (one_in(100)) node.skip_to(Zxid::of(node.zxid().epoch().next(), 0));
    const Ask ask = requests.next();
    const Zxid zxid = node.zxid().next();
    auto outcome = model.execute(zxid, time, ask);
    const auto proposal = node.prepare(ask, time);
    REQUIRE(proposal.has_value() == outcome.has_value());
    if (outcome) {
      REQUIRE(proposal->zxid == zxid);
      const bool ok = outcome->error == Error::ok;
      tally.over_quota += outcome->error == Error::quota_exceeded;
      for (const auto& result : outcome->results) tally.over_quota += result.error == Error::quota_exceeded;
      ++(ok ? tally.accepted : tally.refused);
      if (outcome->results.size() > 2 && outcome->results[0].error == Error::ok &&
          outcome->results[2].error != Error::ok) {
        ++tally.multis_failed_late;
      }
      expected.push_back(std::move(*outcome));
    } else {
      ++tally.dropped;
    }
    if (one_in(lag) && node.queued() != 0) apply(1 + random() % node.queued());
    if (one_in(lag)) {
      node.advance();
      model.known = node.tree().applied();
    }
    if (one_in(150)) {
      apply(node.queued());
      node.restart_proposer();
      model.known = node.tree().applied();
    }
  }
  apply(node.queued());
  require_equal(*node.tree().view(), model);
  node.advance();
  REQUIRE(node.proposer().pending() == 0);
}

}  // namespace

TEST_CASE("Requests decided ahead of the tree do what they would do one after the other") {
  Tally tally;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    INFO("seed " << seed);
    play(seed, tally);
  }
  // The streams reach what they are made to reach.
  CHECK(tally.accepted > 10'000);
  CHECK(tally.refused > 10'000);
  CHECK(tally.dropped > 1'000);
  CHECK(tally.multis_failed_late > 500);
  CHECK(tally.over_quota > 100);
}
