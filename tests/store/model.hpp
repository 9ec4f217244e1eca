// The tree as a dumb map of structs: what the real one is compared with.
#pragma once

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
  bool operator==(const ModelEvent&) const = default;
};

class Model {
 public:
  std::map<std::string, ModelNode> nodes;
  std::map<std::int64_t, std::uint32_t> sessions;
  std::vector<ModelEvent> events;

  Model() {
    for (const char* path : {"/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"}) nodes[path];
    nodes["/zookeeper/config"].acl = {{perm::read, "world", "anyone"}};
    nodes["/zookeeper/config"].stat.aversion = -1;
    // ZooKeeper does not count the znodes that are always there as created, but does count them as children.
    nodes["/"].uncounted_children = 1;
    nodes["/zookeeper"].uncounted_children = 2;
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
      events.push_back({NodeEvent::Type::created, create->path});
    } else if (auto* remove = std::get_if<Delete>(&change)) {
      nodes.erase(remove->path);
      ModelNode& above = nodes[parent(remove->path)];
      ++above.deleted_children;
      above.stat.pzxid = head.zxid;
      events.push_back({NodeEvent::Type::deleted, remove->path});
    } else if (auto* set = std::get_if<SetData>(&change)) {
      ModelNode& node = nodes[set->path];
      node.data = set->data;
      node.stat.version = set->version;
      node.stat.mzxid = head.zxid;
      node.stat.mtime = head.time;
      events.push_back({NodeEvent::Type::data_changed, set->path});
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
