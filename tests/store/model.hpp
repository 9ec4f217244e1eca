// The tree as a dumb map of structs: what the real one is compared with.
#pragma once

#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/tree.hpp"
#include "tests/store/txns.hpp"

namespace troupe::store::testing {

struct ModelNode {
  Stat stat;  // cversion and numChildren are counted where they are asked for
  std::int32_t created_children = 0, deleted_children = 0, uncounted_children = 0;
  NodeKind kind = NodeKind::persistent;
  std::int64_t ttl = 0;
  Data data = "";
  AclList acl = {{perm::all, "world", "anyone"}};
};

struct ModelEvent {
  NodeEvent::Type type;
  std::string path;
  AclList acl, parent_acl;  // the parent's where a child came or went
  bool operator==(const ModelEvent&) const = default;
};

class Model {
 public:
  std::map<std::string, ModelNode> nodes;
  std::map<std::int64_t, std::uint32_t> sessions;
  std::vector<ModelEvent> events;

  Model() {
    for (const char* path : {"/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"}) nodes[path];
    // ZooKeeper does not count the znodes that are always there as created, but does count them as children.
    nodes["/"].uncounted_children = 1;
    nodes["/zookeeper"].uncounted_children = 2;
    nodes["/zookeeper/config"].stat.aversion = -1;
    nodes["/zookeeper/config"].acl = {{perm::read, "world", "anyone"}};
  }

  static std::string parent(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
  }

  std::vector<std::string> children(const std::string& path) const {
    const std::string prefix = path == "/" ? path : path + "/";
    std::set<std::string> names;
    for (auto& [other, node] : nodes) {
      if (other != "/" && parent(other) == path) names.insert(other.substr(prefix.size()));
    }
    return {names.begin(), names.end()};
  }

  std::set<std::string> ephemerals(std::int64_t session) const {
    std::set<std::string> paths;
    for (auto& [path, node] : nodes) {
      if (node.stat.ephemeral_owner.value == session && session != 0) paths.insert(path);
    }
    return paths;
  }

  Stat stat(const std::string& path) const {
    const ModelNode& node = nodes.at(path);
    Stat stat = node.stat;
    stat.num_children = static_cast<std::int32_t>(children(path).size());
    stat.cversion = node.created_children + node.deleted_children - node.uncounted_children;
    stat.data_length = node.data ? static_cast<std::int32_t>(node.data->size()) : 0;
    return stat;
  }

  /// What the ensemble may clean up: the childless of which something is over.
  std::set<std::string> due(std::int64_t now, std::int64_t never_used) const {
    std::set<std::string> paths;
    for (auto& [path, node] : nodes) {
      if (!children(path).empty()) continue;
      const bool over = node.kind == NodeKind::ttl && node.stat.mtime + node.ttl < now;
      const bool emptied = node.kind == NodeKind::container && node.created_children != 0;
      const bool unused = node.kind == NodeKind::container && node.created_children == 0 && never_used != 0 &&
                          node.stat.mtime + never_used < now;
      if (over || emptied || unused) paths.insert(path);
    }
    return paths;
  }

  /// The innermost quota counts, if it has statistics.
  void count(const std::string& path, long znodes, long bytes) {
    for (std::string at = path; at != "/"; at = parent(at)) {
      if (!nodes.count("/zookeeper/quota" + at + "/zookeeper_limits")) continue;
      const auto stats = nodes.find("/zookeeper/quota" + at + "/zookeeper_stats");
      if (stats == nodes.end()) return;
      long had = -1, had_bytes = -1;
      if (std::sscanf(stats->second.data.value_or("").c_str(), "count=%ld,bytes=%ld", &had, &had_bytes) != 2)
        had = had_bytes = -1;
      stats->second.data = "count=" + std::to_string(had + znodes) + ",bytes=" + std::to_string(had_bytes + bytes);
      return;
    }
  }

  /// New statistics show what there is.
  void start_statistics(const std::string& path) {
    const std::string root = "/zookeeper/quota", name = "/zookeeper_stats";
    if (!path.starts_with(root) || !path.ends_with(name)) return;
    const std::string subject = path.substr(root.size(), path.size() - root.size() - name.size());
    long znodes = 0, bytes = 0;
    for (auto& [other, node] : nodes) {
      if (other != subject && !(other + "/").starts_with(subject + "/")) continue;
      ++znodes;
      bytes += static_cast<long>(node.data.value_or("").size());
    }
    nodes[path].data = "count=" + std::to_string(znodes) + ",bytes=" + std::to_string(bytes);
  }

  void apply(const Head& head, const Change& change) {
    if (auto* create = std::get_if<Create>(&change)) {
      ModelNode& node = nodes[create->path];
      node = {};
      node.stat.czxid = node.stat.mzxid = node.stat.pzxid = head.zxid;
      node.stat.ctime = node.stat.mtime = head.time;
      node.stat.ephemeral_owner = create->owner;
      node.kind = create->kind;
      node.ttl = create->ttl;
      node.data = create->data;
      node.acl = create->acl;
      ModelNode& above = nodes[parent(create->path)];
      ++above.created_children;
      above.stat.pzxid = head.zxid;
      events.push_back({NodeEvent::Type::created, create->path, create->acl, above.acl});
      const auto size = static_cast<long>(create->data.value_or("").size());
      start_statistics(create->path);
      count(create->path, 1, size);
    } else if (auto* remove = std::get_if<Delete>(&change)) {
      const ModelNode gone = nodes[remove->path];
      nodes.erase(remove->path);
      ModelNode& above = nodes[parent(remove->path)];
      ++above.deleted_children;
      above.stat.pzxid = head.zxid;
      events.push_back({NodeEvent::Type::deleted, remove->path, gone.acl, above.acl});
      count(remove->path, -1, -static_cast<long>(gone.data.value_or("").size()));
    } else if (auto* set = std::get_if<SetData>(&change)) {
      ModelNode& node = nodes[set->path];
      const auto before = static_cast<long>(node.data.value_or("").size());
      node.data = set->data;
      node.stat.version = set->version;
      node.stat.mzxid = head.zxid;
      node.stat.mtime = head.time;
      events.push_back({NodeEvent::Type::data_changed, set->path, node.acl, {{perm::all, "world", "anyone"}}});
      count(set->path, 0, static_cast<long>(set->data.value_or("").size()) - before);
    } else if (auto* set_acl = std::get_if<SetAcl>(&change)) {
      nodes[set_acl->path].acl = set_acl->acl;
      nodes[set_acl->path].stat.aversion = set_acl->version;
    }
  }

  void close_session(const Head& head) {
    for (const std::string& path : ephemerals(head.session.value)) apply(head, Delete{path});
    sessions.erase(head.session.value);
  }
};

}  // namespace troupe::store::testing
