#include "tests/logic/model.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace troupe::testing {
namespace {

using store::OpResult;

OpResult failed(Error error) { return {.error = error}; }

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// The tests use letters, digits, dots and dashes only.
bool well_formed(const std::string& path) {
  if (path == "/") return true;
  if (path.empty() || path[0] != '/') return false;
  std::string name;
  for (const char c : path.substr(1) + "/") {
    if (c != '/') {
      name += c;
    } else if (name.empty() || name == "." || name == "..") {
      return false;
    } else {
      name.clear();
    }
  }
  return true;
}

bool sequential(schema::NodeKind kind) {
  return kind == schema::NodeKind::CONTAINER_SEQUENTIAL || kind == schema::NodeKind::PERSISTENT_SEQUENTIAL ||
         kind == schema::NodeKind::EPHEMERAL_SEQUENTIAL || kind == schema::NodeKind::TTL_SEQUENTIAL;
}

store::NodeKind base(schema::NodeKind kind) {
  switch (kind) {
    case schema::NodeKind::EPHEMERAL:
    case schema::NodeKind::EPHEMERAL_SEQUENTIAL:
      return store::NodeKind::ephemeral;
    case schema::NodeKind::CONTAINER:
    case schema::NodeKind::CONTAINER_SEQUENTIAL:
      return store::NodeKind::container;
    case schema::NodeKind::TTL:
    case schema::NodeKind::TTL_SEQUENTIAL:
      return store::NodeKind::ttl;
    default:
      return store::NodeKind::persistent;
  }
}

long size(const std::optional<std::string>& data) { return static_cast<long>(data.value_or("").size()); }

/// The number behind `name` in a quota's text, -1 if it is not there.
long entry(const std::string& text, const std::string& name) {
  const auto at = text.find(name + "=");
  return at == std::string::npos ? -1 : std::atol(text.c_str() + at + name.size() + 1);
}

/// Whether a quota's text is one as these tests write it, rather than any data.
bool readable(const std::string& text) { return text.empty() || text.starts_with("count="); }

}  // namespace

std::optional<std::string> Model::quota_of(const std::string& path) const {
  for (std::string at = path; at != "/"; at = parent_of(at)) {
    if (nodes.contains("/zookeeper/quota" + at + "/zookeeper_limits")) return "/zookeeper/quota" + at;
  }
  return std::nullopt;
}

Error Model::check_quota(const std::string& path, long znodes, long bytes) const {
  const auto quota = quota_of(path);
  if (!enforce_quota || !quota) return Error::ok;
  const auto& text = nodes.at(*quota + "/zookeeper_limits").data;
  if (!text || !readable(*text)) return Error::marshalling_error;
  const std::string& limits = *text;
  const auto statistics = nodes.find(*quota + "/zookeeper_stats");
  if (statistics == nodes.end() || statistics->second.stat.mzxid > known) return Error::ok;
  const std::string used = statistics->second.data.value_or("");
  const bool readable_use = readable(used);
  const long hard_count = entry(limits, "countHardLimit"), hard_bytes = entry(limits, "byteHardLimit");
  const long count_after = (readable_use ? entry(used, "count") : -1) + znodes;
  const long bytes_after = (readable_use ? entry(used, "bytes") : -1) + bytes;
  if (znodes != 0 && hard_count > -1 && count_after > hard_count) return Error::quota_exceeded;
  if (bytes != 0 && hard_bytes > -1 && bytes_after > hard_bytes) return Error::quota_exceeded;
  return Error::ok;
}

void Model::count(const std::string& path, long znodes, long bytes) {
  const auto quota = quota_of(path);
  if (!quota) return;
  const auto statistics = nodes.find(*quota + "/zookeeper_stats");
  if (statistics == nodes.end()) return;
  const std::string used = statistics->second.data.value_or("");
  const long had = readable(used) ? entry(used, "count") : -1, had_bytes = readable(used) ? entry(used, "bytes") : -1;
  statistics->second.data = "count=" + std::to_string(had + znodes) + ",bytes=" + std::to_string(had_bytes + bytes);
}

void Model::start_statistics(const std::string& path) {
  const std::string root = "/zookeeper/quota", name = "/zookeeper_stats";
  if (!path.starts_with(root) || !path.ends_with(name)) return;
  const std::string subject = path.substr(root.size(), path.size() - root.size() - name.size());
  long znodes = 0, bytes = 0;
  for (const auto& [other, node] : nodes) {
    if (other != subject && !(other + "/").starts_with(subject + "/")) continue;
    ++znodes;
    bytes += size(node.data);
  }
  nodes[path].data = "count=" + std::to_string(znodes) + ",bytes=" + std::to_string(bytes);
}

int Model::children(const std::string& path) const {
  return static_cast<int>(std::count_if(nodes.begin(), nodes.end(), [&](const auto& node) {
    return node.first != "/" && parent_of(node.first) == path;
  }));
}

store::Stat Model::stat(const std::string& path) const {
  const Node& node = nodes.at(path);
  store::Stat stat = node.stat;
  stat.num_children = children(path);
  stat.cversion = 2 * node.creations - stat.num_children;
  stat.data_length = static_cast<std::int32_t>(node.data ? node.data->size() : 0);
  return stat;
}

bool Model::may(const std::string& path, std::uint32_t perm) const {
  if (ask_->session == SessionId{}) return true;
  for (const auto& [scheme, id] : ask_->identities) {
    if (scheme == "super") return true;
  }
  for (const auto& entry : nodes.at(path).acl) {
    if ((entry.perms & perm) == 0) continue;
    if (entry.scheme == "world") return true;
    for (const auto& [scheme, id] : ask_->identities) {
      if (scheme == entry.scheme && id == entry.id) return true;
    }
  }
  return false;
}

std::optional<store::AclList> Model::resolve(const store::AclList& acl) const {
  store::AclList list;
  for (auto at = acl.begin(); at != acl.end(); ++at) {
    const auto& entry = *at;
    if (std::find(acl.begin(), at, entry) != at) continue;
    if (entry.scheme == "auth") {
      bool any = false;
      for (const auto& [scheme, id] : ask_->identities) {
        if (scheme != "digest") continue;
        any = true;
        list.push_back({entry.perms, scheme, id});
      }
      if (!any) return std::nullopt;
    } else if (entry.scheme == "digest" || (entry.scheme == "world" && entry.id == "anyone")) {
      list.push_back(entry);
    } else {
      return std::nullopt;
    }
  }
  if (list.empty()) return std::nullopt;
  return list;
}

OpResult Model::apply(const Create& op) {
  const auto kind = base(op.kind);
  if (kind == store::NodeKind::ttl && (op.ttl <= 0 || op.ttl >= (1ll << 40))) return failed(Error::bad_arguments);
  if (kind != store::NodeKind::ttl && op.ttl != 0) return failed(Error::bad_arguments);
  if (kind == store::NodeKind::ephemeral && ask_->session.value == 0) return failed(Error::bad_arguments);
  if (op.path.find('/') == std::string::npos) return failed(Error::bad_arguments);
  const auto acl = resolve(op.acl);
  if (!acl) return failed(Error::invalid_acl);
  const std::string parent = parent_of(op.path);
  if (!nodes.contains(parent)) return failed(Error::no_node);
  if (!may(parent, store::perm::create)) return failed(Error::no_auth);
  std::string path = op.path;
  if (sequential(op.kind)) {
    char digits[16];
    std::snprintf(digits, sizeof digits, "%010d", nodes.at(parent).creations);
    path += digits;
  }
  if (!well_formed(path)) return failed(Error::bad_arguments);
  if (nodes.contains(path)) return failed(Error::node_exists);
  if (nodes.at(parent).kind == store::NodeKind::ephemeral) return failed(Error::no_children_for_ephemerals);
  if (const Error error = check_quota(path, 1, size(op.data)); error != Error::ok) return failed(error);

  Node& node = nodes[path];
  node.data = op.data;
  node.acl = *acl;
  node.kind = kind;
  node.ttl = op.ttl;
  node.stat.czxid = node.stat.mzxid = node.stat.pzxid = zxid_;
  node.stat.ctime = node.stat.mtime = time_;
  if (kind == store::NodeKind::ephemeral) node.stat.ephemeral_owner = ask_->session;
  nodes.at(parent).stat.pzxid = zxid_;
  ++nodes.at(parent).creations;
  const store::Stat answered = stat(path);
  start_statistics(path);
  count(path, 1, size(op.data));
  return {.path = path, .stat = answered};
}

void Model::erase(const std::string& path) {
  const long bytes = size(nodes.at(path).data);
  nodes.erase(path);
  nodes.at(parent_of(path)).stat.pzxid = zxid_;
  count(path, -1, -bytes);
}

OpResult Model::apply(const Delete& op) {
  if (op.path.find('/') == std::string::npos || op.path == "/" || op.path == "/zookeeper" ||
      op.path == "/zookeeper/quota" || op.path == "/zookeeper/config") {
    return failed(Error::bad_arguments);
  }
  const std::string parent = parent_of(op.path);
  if (!nodes.contains(parent)) return failed(Error::no_node);
  if (!may(parent, store::perm::remove)) return failed(Error::no_auth);
  const auto it = nodes.find(op.path);
  if (it == nodes.end()) return failed(Error::no_node);
  const Node& node = it->second;
  if (op.version != -1 && op.version != node.stat.version) return failed(Error::bad_version);
  if (children(op.path) != 0) return failed(Error::not_empty);
  if (ask_->session.value == 0) {
    const bool unused = never_used_ms != 0 && time_ > node.stat.mtime + never_used_ms;
    const bool emptied = node.kind == store::NodeKind::container && (node.creations != 0 || unused);
    const bool over = node.kind == store::NodeKind::ttl && time_ > node.stat.mtime + node.ttl;
    if (!emptied && !over) return failed(Error::bad_version);
  }
  erase(op.path);
  return {};
}

OpResult Model::apply(const SetData& op) {
  if (!well_formed(op.path)) return failed(Error::bad_arguments);
  const auto it = nodes.find(op.path);
  if (it == nodes.end()) return failed(Error::no_node);
  if (!may(op.path, store::perm::write)) return failed(Error::no_auth);
  Node& node = it->second;
  const long more = size(op.data) - size(node.data);
  if (const Error error = check_quota(op.path, 0, more); error != Error::ok) return failed(error);
  if (op.version != -1 && op.version != node.stat.version) return failed(Error::bad_version);
  node.data = op.data;
  ++node.stat.version;
  node.stat.mzxid = zxid_;
  node.stat.mtime = time_;
  const store::Stat answered = stat(op.path);
  count(op.path, 0, more);
  return {.stat = answered};
}

OpResult Model::apply(const SetAcl& op) {
  if (!well_formed(op.path)) return failed(Error::bad_arguments);
  const auto acl = resolve(op.acl);
  if (!acl) return failed(Error::invalid_acl);
  const auto it = nodes.find(op.path);
  if (it == nodes.end()) return failed(Error::no_node);
  if (!may(op.path, store::perm::admin)) return failed(Error::no_auth);
  if (op.version != -1 && op.version != it->second.stat.aversion) return failed(Error::bad_version);
  it->second.acl = *acl;
  ++it->second.stat.aversion;
  return {.stat = stat(op.path)};
}

OpResult Model::apply(const Check& op) {
  if (!well_formed(op.path)) return failed(Error::bad_arguments);
  const auto it = nodes.find(op.path);
  if (it == nodes.end()) return failed(Error::no_node);
  if (!may(op.path, store::perm::read)) return failed(Error::no_auth);
  if (op.version != -1 && op.version != it->second.stat.version) return failed(Error::bad_version);
  return {};
}

OpResult Model::apply(const Op& op) {
  return std::visit([this](const auto& one) { return apply(one); }, op);
}

void Model::close() {
  std::vector<std::string> gone;
  for (const auto& [path, node] : nodes) {
    if (node.stat.ephemeral_owner == ask_->session) gone.push_back(path);
  }
  for (const auto& path : gone) erase(path);
  sessions.erase(ask_->session.value);
}

std::optional<store::Outcome> Model::execute(Zxid zxid, std::int64_t time_ms, const Ask& ask) {
  const auto session = sessions.find(ask.session.value);
  const bool known = session != sessions.end();
  if (known && ask.numbered && ask.number <= session->second.last_number) return std::nullopt;
  zxid_ = zxid;
  time_ = std::max(time_, time_ms);
  ask_ = &ask;
  store::Outcome outcome;
  outcome.session = ask.session;
  outcome.number = ask.number;
  outcome.zxid = zxid;
  const bool allowed = known || ask.session.value == 0;

  if (std::holds_alternative<OpenSession>(ask.what)) {
    if (ask.session.value == 0) {
      outcome.error = Error::bad_arguments;
    } else if (known) {
      outcome.error = Error::invalid_state;
    } else {
      sessions[ask.session.value] = {std::get<OpenSession>(ask.what).timeout_ms, 0};
      outcome.opened = true;
    }
  } else if (std::holds_alternative<CloseSession>(ask.what)) {
    if (!known) {
      outcome.error = Error::session_expired;
    } else {
      close();
      outcome.closed = true;
    }
  } else if (const Op* op = std::get_if<Op>(&ask.what)) {
    const OpResult result = !allowed                             ? failed(Error::session_expired)
                            : std::holds_alternative<Check>(*op) ? failed(Error::bad_arguments)
                                                                 : apply(*op);
    outcome.error = result.error;
    if (result.error == Error::ok) outcome.results.push_back(result);
  } else {
    const auto& ops = std::get<Multi>(ask.what).ops;
    outcome.multi = true;
    const auto before = nodes;
    for (std::size_t i = 0; i < ops.size(); ++i) {
      const OpResult result = allowed ? apply(ops[i]) : failed(Error::session_expired);
      outcome.results.push_back(result);
      if (result.error == Error::ok) continue;
      nodes = before;
      if (result.error == Error::marshalling_error) {
        outcome.multi = false;
        outcome.error = result.error;
        outcome.results.clear();
        break;
      }
      for (std::size_t j = 0; j < i; ++j) outcome.results[j] = {};
      while (outcome.results.size() < ops.size()) outcome.results.push_back(failed(Error::runtime_inconsistency));
      break;
    }
    if (ops.empty() && !allowed) {
      outcome.multi = false;
      outcome.error = Error::session_expired;
    }
  }
  const auto after = sessions.find(ask.session.value);
  if (ask.numbered && after != sessions.end()) after->second.last_number = ask.number;
  return outcome;
}

}  // namespace troupe::testing
