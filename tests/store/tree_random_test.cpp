// The tree under thousands of random transactions, compared with a naive model after every batch.
#include <algorithm>
#include <deque>
#include <optional>
#include <random>

#include "store/tree_format.hpp"
#include "tests/catch.hpp"
#include "tests/store/machines.hpp"
#include "tests/store/model.hpp"

namespace troupe::store::testing {
namespace {

constexpr std::int64_t model_time = 1'700'000'000'000;

/// Transactions that fit the model, as a leader would decide them; the model follows.
class RandomHistory {
 public:
  explicit RandomHistory(unsigned seed) : random_(seed) {}

  Model model;

  Proposal next() {
    zxid_ = random_() % 50 == 0 ? Zxid::of(zxid_.epoch().next(), 1) : zxid_.next();
    Head head{.zxid = zxid_, .time = model_time + static_cast<std::int64_t>(random_() % 1000000)};
    switch (random_() % 20) {
      case 0: {
        head.session = {static_cast<std::int64_t>(random_()) << 24 | static_cast<std::int64_t>(++sessions_)};
        if (random_() % 2) head.session.value = -head.session.value;
        const std::uint32_t timeout = 1000 + random_() % 9000;
        model.sessions[head.session.value] = timeout;
        return open_session_txn(head, timeout);
      }
      case 1:
        if (model.sessions.size() > 3) {
          head.session = {random_session()};
          model.close_session(head);
          return close_session_txn(head);
        }
        [[fallthrough]];
      case 2:
        return refused_txn(number(head), Error::no_node);
      case 3: {
        std::vector<Change> changes;
        number(head);
        for (int i = random_() % 6; i >= 0; --i) {
          changes.push_back(random_change());
          model.apply(head, changes.back());
        }
        return multi_txn(head, changes);
      }
      default: {
        number(head);
        const Change change = random_change();
        model.apply(head, change);
        return change_txn(head, change);
      }
    }
  }

 private:
  std::string random_name() {
    static const std::size_t sizes[] = {1, 1, 2, 3, 10, 100, 222, 223, 255, 256, 400};
    std::string name(sizes[random_() % std::size(sizes)], 'n');
    name.back() = static_cast<char>('a' + random_() % 5);
    if (name.size() > 222 && random_() % 2) name[222] = static_cast<char>('a' + random_() % 5);
    return name;
  }
  std::string random_path() {
    auto at = model.nodes.begin();
    std::advance(at, random_() % model.nodes.size());
    return at->first;
  }
  std::int64_t random_session() {
    auto at = model.sessions.begin();
    std::advance(at, random_() % model.sessions.size());
    return at->first;
  }
  Head& number(Head& head) {
    if (model.sessions.empty() || random_() % 2) return head;
    head.session = {random_session()};
    auto& last = numbers_[head.session.value];
    // One in eight has a number of before, which no leader would give it.
    head.number = last > 0 && random_() % 8 == 0 ? 1 + random_() % last : ++last;
    head.numbered = random_() % 3 != 0;
    head.answered = random_() % 2 == 0 ? last - std::min<std::uint64_t>(last, random_() % 4) : random_() % (last + 1);
    return head;
  }
  AclList random_acl() {
    switch (random_() % 4) {
      case 0:
        return {{perm::read | perm::write, "digest", "joe:" + std::to_string(random_() % 100)}};
      case 1:
        return {{perm::read, "world", "anyone"}, {perm::all, "auth", ""}};
      default:
        return {{perm::all, "world", "anyone"}};
    }
  }
  Data random_data() {
    if (random_() % 10 == 0) return std::nullopt;
    return std::string(random_() % 20 == 0 ? random_() % 20000 : random_() % 50,
                       static_cast<char>('a' + random_() % 26));
  }

  /// The next znode that is missing for a quota of `path`.
  std::optional<Create> next_for_quota(const std::string& path) {
    if (path.size() > 300 || path == "/" || path.starts_with("/zookeeper")) return std::nullopt;
    const std::string home = "/zookeeper/quota" + path;
    std::string wanted = home + (random_() % 2 == 0 ? "/zookeeper_limits" : "/zookeeper_stats");
    if (model.nodes.count(wanted)) return std::nullopt;
    while (!model.nodes.count(Model::parent(wanted))) wanted = Model::parent(wanted);
    if (model.nodes.at(Model::parent(wanted)).kind == NodeKind::ephemeral) return std::nullopt;
    return Create{.path = wanted, .data = random_data()};
  }

  Change random_change() {
    for (;;) {
      const std::string path = random_path();
      const ModelNode& node = model.nodes.at(path);
      switch (random_() % 11) {
        case 10: {
          auto create = next_for_quota(path);
          if (!create) continue;
          return *create;
        }
        case 0:
          return Check{path};
        case 1:
          return SetAcl{path, random_acl(), node.stat.aversion + 1};
        case 2:
        case 3:
          return SetData{path, random_data(), node.stat.version + 1};
        case 4:
        case 5:
        case 6:
          if (std::count(path.begin(), path.end(), '/') < 3 && path.starts_with("/zookeeper")) continue;
          if (path == "/" || !model.children(path).empty()) continue;
          return Delete{path};
        default: {
          if (node.kind == NodeKind::ephemeral || model.nodes.size() > 150) continue;
          Create create{
              .path = (path == "/" ? "" : path) + "/" + random_name(), .data = random_data(), .acl = random_acl()};
          if (model.nodes.count(create.path)) continue;
          const auto kind = random_() % 8;
          if (kind < 3 && !model.sessions.empty()) {
            create.kind = NodeKind::ephemeral;
            create.owner = {random_session()};
          } else if (kind == 3) {
            create.kind = NodeKind::container;
          } else if (kind == 4) {
            create.kind = NodeKind::ttl;
            create.ttl = 1 + random_() % 100000;
          }
          return create;
        }
      }
    }
  }

  std::mt19937 random_;
  Zxid zxid_ = Zxid::of({1}, 0);
  std::uint32_t sessions_ = 0;
  std::map<std::int64_t, std::uint64_t> numbers_;
};

std::uint64_t digest_from_scratch(const KvReader& reader) {
  std::uint64_t digest = 0;
  for (Table table = 0; table < Tree::tables().size(); ++table) {
    auto cursor = reader.cursor(table);
    for (auto entry = cursor->seek(""); entry; entry = cursor->next()) {
      if (is_digested(table, entry->key)) digest += entry_hash(table, entry->key, entry->value);
    }
  }
  return digest;
}

void require_equal(const View& view, const Model& model) {
  REQUIRE(view.node_count() == model.nodes.size());
  std::size_t ephemerals = 0;
  for (const auto& [path, expected] : model.nodes) {
    const auto node = view.get(path);
    REQUIRE(node);
    REQUIRE(node->stat == model.stat(path));
    REQUIRE(node->stored_cversion == expected.created_children);
    REQUIRE(node->kind == expected.kind);
    REQUIRE(node->ttl == expected.ttl);
    REQUIRE(node->has_data == expected.data.has_value());
    REQUIRE(node->data == expected.data.value_or(""));
    REQUIRE(node->acl() == expected.acl);
    std::vector<std::string> names;
    view.children(path, "", [&](std::string_view name) {
      names.emplace_back(name);
      return true;
    });
    REQUIRE(names == model.children(path));
    ephemerals += expected.kind == NodeKind::ephemeral;
  }
  REQUIRE(view.ephemeral_count() == ephemerals);
  std::map<std::int64_t, std::uint32_t> sessions;
  view.sessions([&](const Session& session) { sessions[session.id.value] = session.timeout_ms; });
  REQUIRE(sessions == model.sessions);
  for (const auto& [session, timeout] : sessions) {
    std::set<std::string> paths;
    view.ephemerals({session}, [&](std::string_view path) { return paths.emplace(path).second; });
    REQUIRE(paths == model.ephemerals(session));
  }
  for (const std::int64_t now : {model_time, model_time + 500'000, model_time + 2'000'000}) {
    for (const std::int64_t never_used : {0, 300'000}) {
      std::set<std::string> paths;
      std::string after;
      const auto take = [&](std::string_view entry, std::string_view path) {
        after = entry;
        REQUIRE(paths.emplace(path).second);
        return paths.size() % 3 != 0;
      };
      for (std::size_t size = ~std::size_t{0}; size != paths.size();) {
        size = paths.size();
        view.due(now, never_used, std::string(after), take);
      }
      REQUIRE(paths == model.due(now, never_used));
    }
  }
  REQUIRE(view.digest() == digest_from_scratch(view.raw()));
}

}  // namespace

TEMPLATE_TEST_CASE("the tree agrees with the model under random transactions", "", RealMachine, MemoryMachine) {
  const unsigned seed = GENERATE(1u, 2u, 3u);
  INFO("seed " << seed);
  TestType machine;
  auto disk = machine.disk();
  const KvOptions options{.tables = Tree::tables(), .durable = false, .map_size = test_map_size};
  Tree batched(disk->open("batched", options));
  // The same history, one transaction at a time, by a node that is started again and again.
  std::optional<Tree> single(std::in_place, disk->open("single", options));
  RandomHistory history(seed);
  std::mt19937 random(seed + 100);
  struct Past {
    std::shared_ptr<View> view;
    Model model;
  };
  std::deque<Past> past;

  for (int round = 0; round < 80; ++round) {
    std::vector<Proposal> batch;
    history.model.events.clear();
    for (int i = 1 + random() % 40; i > 0; --i) batch.push_back(history.next());
    const AppliedBatch done = batched.apply(batch);
    std::vector<ModelEvent> events;
    for (const NodeEvent& event : done.events) {
      events.push_back(
          {event.type, std::string(event.path), decode_acl(event.acl_bytes), decode_acl(event.parent_acl_bytes)});
    }
    REQUIRE(events == history.model.events);
    REQUIRE(done.outcomes.size() == batch.size());
    REQUIRE(done.last == batch.back().zxid);

    for (const Proposal& proposal : batch) {
      single->apply({proposal});
      if (random() % 20 != 0) continue;
      single->kv().sync();
      single.reset();
      single.emplace(disk->open("single", options));
    }
    REQUIRE(single->view()->digest() == batched.view()->digest());
    require_equal(*batched.view(), history.model);

    past.push_back({batched.view(), history.model});
    if (past.size() > 10) {
      const std::size_t victim = random() % past.size();
      require_equal(*past[victim].view, past[victim].model);
      past.erase(past.begin() + victim);
    }
  }
  for (auto& [view, model] : past) require_equal(*view, model);
}

}  // namespace troupe::store::testing
