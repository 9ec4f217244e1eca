#include "actors/decide.hpp"

#include "actors/path.hpp"

namespace troupe {
namespace {

std::string_view view(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

capnp::Text::Reader text(std::string_view view) { return {view.data(), view.size()}; }

/// Counters are 32 bits and wrap around, as ZooKeeper's do.
std::int32_t increment(std::int32_t value) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(value) + 1); }

bool version_fits(std::int32_t current, std::int32_t expected) { return expected == -1 || expected == current; }

bool permits(const NodeState& node, std::uint32_t perms, const Asker& asker) {
  return !node.acl || asker.session == SessionId{} || acl::permits(*node.acl, perms, asker.identities);
}

/// Enough of a path to look for its parent: ZooKeeper checks the rest only after the parent.
bool has_parent(std::string_view path) {
  return path.find('/') != std::string_view::npos && path.find('\0') == std::string_view::npos;
}

/// The znode at a path whose syntax was not checked.
std::optional<NodeState> find_unchecked(const Overlay& overlay, std::string_view path) {
  if (!path::valid(path)) return std::nullopt;
  return overlay.find(path);
}

/// An access control list on its way into a transaction. One that is open to all is left out there.
struct NewAcl {
  Error error = Error::ok;
  std::shared_ptr<const store::AclList> list;  // null: open to all

  NewAcl(acl::Entries entries, const Rules& rules, const Asker& asker) {
    if (acl::open_to_all(entries)) return;
    auto resolved = acl::resolve(entries, asker.identities, rules.schemes);
    if (!resolved) {
      error = Error::invalid_acl;
    } else if (!acl::open_to_all(*resolved)) {
      list = std::make_shared<const store::AclList>(std::move(*resolved));
    }
  }

  template <class Builder>
  void write(Builder change) const {
    if (!list) return;
    auto entries = change.initAcl(static_cast<unsigned>(list->size()));
    for (unsigned i = 0; i < entries.size(); ++i) {
      const store::AclEntry& entry = (*list)[i];
      entries[i].setPerms(entry.perms);
      entries[i].setScheme(text(entry.scheme));
      entries[i].setId(text(entry.id));
    }
  }
};

struct KindTraits {
  schema::NodeKind schema_kind;
  store::NodeKind kind;
  bool sequential;
};

std::optional<KindTraits> traits_of(schema::NodeKind kind) {
  switch (kind) {
    case schema::NodeKind::PERSISTENT:
      return KindTraits{kind, store::NodeKind::persistent, false};
    case schema::NodeKind::EPHEMERAL:
      return KindTraits{kind, store::NodeKind::ephemeral, false};
    case schema::NodeKind::PERSISTENT_SEQUENTIAL:
      return KindTraits{schema::NodeKind::PERSISTENT, store::NodeKind::persistent, true};
    case schema::NodeKind::EPHEMERAL_SEQUENTIAL:
      return KindTraits{schema::NodeKind::EPHEMERAL, store::NodeKind::ephemeral, true};
    case schema::NodeKind::CONTAINER:
      return KindTraits{kind, store::NodeKind::container, false};
    case schema::NodeKind::CONTAINER_SEQUENTIAL:
      return KindTraits{schema::NodeKind::CONTAINER, store::NodeKind::container, true};
    case schema::NodeKind::TTL:
      return KindTraits{kind, store::NodeKind::ttl, false};
    case schema::NodeKind::TTL_SEQUENTIAL:
      return KindTraits{schema::NodeKind::TTL, store::NodeKind::ttl, true};
  }
  return std::nullopt;
}

/// Whether the quota that `path` is under, if it is under one, has room for so much more.
Error check_quota(const Overlay& overlay, const Rules& rules, std::string_view path, std::int64_t znodes,
                  std::int64_t bytes) {
  if (!rules.enforce_quota) return Error::ok;
  const auto home = overlay.quota_of(path);
  if (!home) return Error::ok;
  const auto limits = overlay.limits(*home);
  if (!limits) return Error::marshalling_error;  // what stands there is no record; ZooKeeper's answer
  const auto used = overlay.usage(*home);
  if (!used) return Error::ok;
  const auto exceeds = [&](const char* what, std::int64_t difference, std::int64_t now, std::int64_t soft,
                           std::int64_t hard) {
    const bool is_hard = hard > -1;
    const std::int64_t limit = is_hard ? hard : soft;
    // Also what makes less is refused as long as it does not make enough less.
    if (difference == 0 || limit < 0 || now + difference <= limit) return false;
    if (rules.on_quota_exceeded) {
      rules.on_quota_exceeded("the quota of " + home->substr(store::quota::root.size()) +
                              " is exceeded: " + std::to_string(now + difference) + " " + what + ", the " +
                              (is_hard ? "hard" : "soft") + " limit is " + std::to_string(limit));
    }
    return is_hard;
  };
  if (exceeds("znodes", znodes, used->count(), limits->count(), limits->hard_count()) ||
      exceeds("bytes", bytes, used->bytes(), limits->bytes(), limits->hard_bytes())) {
    return Error::quota_exceeded;
  }
  return Error::ok;
}

template <class Operation>
void set_data_of(NodeState& node, Zxid zxid, std::string_view path, Operation op) {
  const capnp::Data::Reader data = op.getData();
  const std::string_view text(reinterpret_cast<const char*>(data.begin()), data.size());
  node.mzxid = zxid;
  node.data_length = static_cast<std::int32_t>(data.size());
  node.limits = limits_at(path, op.hasData() ? std::optional(text) : std::nullopt);
}

std::int64_t size_of(capnp::Data::Reader data) { return static_cast<std::int64_t>(data.size()); }

Error create(Overlay& overlay, const Rules& rules, const Asker& asker, schema::Operation::Create::Reader op,
             schema::Change::Builder change) {
  const auto kind = traits_of(op.getKind());
  if (!kind) return Error::bad_arguments;
  const bool ephemeral = kind->kind == store::NodeKind::ephemeral;
  const std::int64_t ttl = op.getTtl();
  if (kind->kind == store::NodeKind::ttl ? ttl < 1 || ttl > max_ttl_ms : ttl != 0) return Error::bad_arguments;
  if (ephemeral && asker.session == SessionId{}) return Error::bad_arguments;
  if (ephemeral && asker.local) return Error::ephemeral_on_local_session;
  std::string_view path = view(op.getPath());
  if (!has_parent(path)) return Error::bad_arguments;
  NewAcl acl(op.getAcl(), rules, asker);
  if (acl.error != Error::ok) return acl.error;

  const std::string_view parent_path = path::parent(path);
  auto parent = find_unchecked(overlay, parent_path);
  if (!parent) return Error::no_node;
  if (!permits(*parent, store::perm::create, asker)) return Error::no_auth;
  std::string numbered;
  if (kind->sequential) {
    numbered.reserve(path.size() + 11);
    numbered = path;
    path::append_sequence(numbered, parent->creations);
    path = numbered;
  }
  if (!path::valid(path)) return Error::bad_arguments;
  if (overlay.find(path)) return Error::node_exists;
  if (parent->owner != SessionId{}) return Error::no_children_for_ephemerals;
  if (const Error error = check_quota(overlay, rules, path, 1, size_of(op.getData())); error != Error::ok) return error;

  auto created = change.initCreate();
  created.setPath(text(path));
  if (op.hasData()) created.setData(op.getData());
  acl.write(created);
  created.setOwner(ephemeral ? asker.session.value : 0);
  created.setKind(kind->schema_kind);
  created.setTtl(ttl);

  NodeState node;
  node.kind = kind->kind;
  node.owner = ephemeral ? asker.session : SessionId{};
  node.mtime = asker.time_ms;
  node.ttl = ttl;
  node.acl = std::move(acl.list);
  set_data_of(node, overlay.zxid(), path, op);
  overlay.put(path, std::move(node));
  parent->creations = increment(parent->creations);
  ++parent->children;
  overlay.put(parent_path, std::move(*parent));
  if (rules.enforce_quota) overlay.count_in_quota(path, 1, size_of(op.getData()));
  return Error::ok;
}

/// Whether the ensemble may clean this childless znode up.
bool due(const NodeState& node, const Rules& rules, std::int64_t time_ms) {
  if (node.kind == store::NodeKind::container) {
    return node.creations != 0 || (rules.never_used_ms != 0 && node.mtime + rules.never_used_ms < time_ms);
  }
  return node.kind == store::NodeKind::ttl && node.mtime + node.ttl < time_ms;
}

Error remove(Overlay& overlay, const Rules& rules, const Asker& asker, schema::Operation::Delete::Reader op,
             schema::Change::Builder change) {
  const std::string_view path = view(op.getPath());
  if (!has_parent(path) || path::undeletable(path)) return Error::bad_arguments;
  const auto parent = find_unchecked(overlay, path::parent(path));
  if (!parent) return Error::no_node;
  if (!permits(*parent, store::perm::remove, asker)) return Error::no_auth;
  const auto node = find_unchecked(overlay, path);
  if (!node) return Error::no_node;
  if (!version_fits(node->version, op.getVersion())) return Error::bad_version;
  if (node->children > 0) return Error::not_empty;
  if (asker.session == SessionId{} && !due(*node, rules, asker.time_ms)) return Error::bad_version;
  change.initDelete().setPath(text(path));
  overlay.remove(path);
  if (rules.enforce_quota) overlay.count_in_quota(path, -1, -std::int64_t{node->data_length});
  return Error::ok;
}

Error set_data(Overlay& overlay, const Rules& rules, const Asker& asker, schema::Operation::SetData::Reader op,
               schema::Change::Builder change) {
  const std::string_view path = view(op.getPath());
  if (!path::valid(path)) return Error::bad_arguments;
  auto node = overlay.find(path);
  if (!node) return Error::no_node;
  if (!permits(*node, store::perm::write, asker)) return Error::no_auth;
  const std::int64_t more = size_of(op.getData()) - node->data_length;
  if (const Error error = check_quota(overlay, rules, path, 0, more); error != Error::ok) return error;
  if (!version_fits(node->version, op.getVersion())) return Error::bad_version;
  node->version = increment(node->version);
  node->mtime = asker.time_ms;
  auto set = change.initSetData();
  set.setPath(text(path));
  if (op.hasData()) set.setData(op.getData());
  set.setVersion(node->version);
  set_data_of(*node, overlay.zxid(), path, op);
  overlay.put(path, std::move(*node));
  if (rules.enforce_quota) overlay.count_in_quota(path, 0, more);
  return Error::ok;
}

Error set_acl(Overlay& overlay, const Rules& rules, const Asker& asker, schema::Operation::SetAcl::Reader op,
              schema::Change::Builder change) {
  const std::string_view path = view(op.getPath());
  if (!path::valid(path)) return Error::bad_arguments;
  NewAcl acl(op.getAcl(), rules, asker);
  if (acl.error != Error::ok) return acl.error;
  auto node = overlay.find(path);
  if (!node) return Error::no_node;
  if (!permits(*node, store::perm::admin, asker)) return Error::no_auth;
  if (!version_fits(node->aversion, op.getVersion())) return Error::bad_version;
  node->aversion = increment(node->aversion);
  auto set = change.initSetAcl();
  set.setPath(text(path));
  acl.write(set);
  set.setVersion(node->aversion);
  node->acl = std::move(acl.list);
  overlay.put(path, std::move(*node));
  return Error::ok;
}

Error check(const Overlay& overlay, const Asker& asker, schema::Operation::Check::Reader op,
            schema::Change::Builder change) {
  const std::string_view path = view(op.getPath());
  if (!path::valid(path)) return Error::bad_arguments;
  const auto node = overlay.find(path);
  if (!node) return Error::no_node;
  if (!permits(*node, store::perm::read, asker)) return Error::no_auth;
  if (!version_fits(node->version, op.getVersion())) return Error::bad_version;
  change.initCheck().setPath(text(path));
  return Error::ok;
}

}  // namespace

Error decide(Overlay& overlay, const Rules& rules, const Asker& asker, schema::Operation::Reader operation,
             schema::Change::Builder change) {
  switch (operation.which()) {
    case schema::Operation::CREATE:
      return create(overlay, rules, asker, operation.getCreate(), change);
    case schema::Operation::DELETE:
      return remove(overlay, rules, asker, operation.getDelete(), change);
    case schema::Operation::SET_DATA:
      return set_data(overlay, rules, asker, operation.getSetData(), change);
    case schema::Operation::SET_ACL:
      return set_acl(overlay, rules, asker, operation.getSetAcl(), change);
    case schema::Operation::CHECK:
      return check(overlay, asker, operation.getCheck(), change);
  }
  return Error::unimplemented;
}

}  // namespace troupe
