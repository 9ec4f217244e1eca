#include "actors/read_calls.hpp"

#include "actors/acl.hpp"
#include "actors/path.hpp"

namespace troupe {
namespace {

bool permitted(const Attachment& attachment, const store::Node& node, std::uint32_t perms) {
  return node.open_to_all() || acl::permits(node.acl(), perms, attachment.identity.list());
}

/// Znodes below `path`, which is not the root.
std::uint64_t count_below(const store::View& view, std::string_view path) {
  std::uint64_t count = 0;
  std::vector<std::string> left{std::string(path)};
  while (!left.empty()) {
    const std::string next = std::move(left.back());
    left.pop_back();
    view.children(next, {}, [&](std::string_view name) {
      ++count;
      std::string child = (next + "/").append(name);
      if (const auto node = view.get(child); node && node->stat.num_children != 0) left.push_back(std::move(child));
      return true;
    });
  }
  return count;
}

/// As ZooKeeper counts: under its empty name the root counts itself.
std::uint64_t count_all(const store::View& view, const Call& call) {
  if (call.path.empty()) return view.node_count();
  return call.path == "/" ? view.node_count() - 1 : count_below(view, call.path);
}

/// The empty path is another name of the root.
std::string_view znode_of(const Call& call) { return call.path.empty() ? "/" : call.path; }

/// What Java's String.trim() leaves.
std::string_view trim(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

bool ReadCalls::may_hear(const Attachment& attachment, std::string_view acl_bytes) {
  store::Node node;
  node.acl_bytes = acl_bytes;
  return permitted(attachment, node, store::perm::read);
}

void ReadCalls::answer(Attachment& attachment, const Call& call, const store::View& view) {
  Reply reply{.tag = call.tag, .code = call.code, .zxid = view.zxid()};
  switch (call.code) {
    case OpCode::exists:
      exists(attachment, call, view, reply);
      break;
    case OpCode::get_data:
      get_data(attachment, call, view, reply);
      break;
    case OpCode::get_children:
      get_children(attachment, call, view, reply);
      break;
    case OpCode::get_acl:
      get_acl(attachment, call, view, reply);
      break;
    case OpCode::get_ephemerals:
      get_ephemerals(attachment, call, view, reply);
      break;
    case OpCode::all_children_number:
      if (find(attachment, call, view, reply, store::perm::read)) reply.count = count_all(view, call);
      break;
    case OpCode::who_am_i:
      reply.identities = show_users(attachment);
      break;
    case OpCode::ping:
      break;
    case OpCode::multi_read:
      multi_read(attachment, call, view, reply);
      break;
    case OpCode::add_watch:
      add_watch(attachment, call, reply);
      break;
    case OpCode::check_watches:
    case OpCode::remove_watches:
      find_watch(attachment, call, reply);
      break;
    case OpCode::set_watches:
      set_watches(attachment, call, view, reply);
      break;
    default:
      reply.error = Error::unimplemented;
  }
  attachment.sink->on_reply(reply);
}

std::optional<store::Node> ReadCalls::find(Attachment& attachment, const Call& call, const store::View& view,
                                           Reply& reply, std::uint32_t perms) {
  // Reads do not look at a path's syntax, where it is wrong there is nothing; but exists does at this.
  if (call.code == OpCode::exists && call.path.find('\0') != call.path.npos) {
    reply.error = Error::bad_arguments;
    return std::nullopt;
  }
  const std::string_view path = znode_of(call);
  auto node = path::valid(path) ? view.get(path) : std::nullopt;
  if (!node) {
    reply.error = Error::no_node;
  } else if (perms != 0 && !permitted(attachment, *node, perms)) {
    reply.error = Error::no_auth;
    node.reset();
  }
  return node;
}

void ReadCalls::exists(Attachment& attachment, const Call& call, const store::View& view, Reply& reply) {
  if (const auto node = find(attachment, call, view, reply, 0)) {
    node_ = *node;
    reply.stat = &node_.stat;
    if (call.watch) watches_.add(watcher_of(attachment.session), call.path, WatchKind::data);
  } else if (reply.error == Error::no_node && call.watch) {
    watches_.add(watcher_of(attachment.session), call.path, WatchKind::exist);
  }
}

void ReadCalls::get_data(Attachment& attachment, const Call& call, const store::View& view, Reply& reply) {
  const auto node = find(attachment, call, view, reply, store::perm::read);
  if (!node) return;
  node_ = *node;
  reply.stat = &node_.stat;
  if (node_.has_data) reply.data = node_.data;
  if (call.watch) watches_.add(watcher_of(attachment.session), call.path, WatchKind::data);
}

void ReadCalls::get_children(Attachment& attachment, const Call& call, const store::View& view, Reply& reply) {
  const auto node = find(attachment, call, view, reply, store::perm::read);
  if (!node) return;
  node_ = *node;
  reply.stat = &node_.stat;
  if (call.limit == 0 && call.after.empty()) {
    reply.names = children_.names(view, znode_of(call), node_.stat);
  } else {
    names_.clear();
    view.children(znode_of(call), call.after, [&](std::string_view name) {
      reply.more = call.limit != 0 && names_.size() == call.limit;
      if (!reply.more) names_.push_back(name);
      return !reply.more;
    });
    reply.names = names_;
  }
  if (call.watch) watches_.add(watcher_of(attachment.session), call.path, WatchKind::child);
}

void ReadCalls::get_acl(Attachment& attachment, const Call& call, const store::View& view, Reply& reply) {
  const auto node = find(attachment, call, view, reply, store::perm::read | store::perm::admin);
  if (!node) return;
  node_ = *node;
  reply.stat = &node_.stat;
  if (node_.open_to_all()) {
    acl_.assign(1, {store::perm::all, "world", "anyone"});
  } else {
    acl_ = node_.acl();
    if (!acl::permits(acl_, store::perm::admin, attachment.identity.list())) {
      for (auto& entry : acl_) {
        if (entry.scheme == "digest") entry.id = entry.id.substr(0, entry.id.find(':')) + ":x";
      }
    }
  }
  reply.acl = acl_;
}

void ReadCalls::get_ephemerals(Attachment& attachment, const Call& call, const store::View& view, Reply& reply) {
  names_.clear();
  const std::string_view trimmed = trim(call.path);
  const std::string_view prefix = trimmed.empty() || trimmed == "/" ? "" : call.path;
  view.ephemerals(attachment.session, [&](std::string_view path) {
    if (path.starts_with(prefix)) names_.push_back(path);
    return true;
  });
  reply.names = names_;
}

/// Of a digest the name alone is shown.
capnp::List<schema::Identity>::Reader ReadCalls::show_users(const Attachment& attachment) {
  const auto identities = attachment.identity.list();
  users_ = std::make_unique<capnp::MallocMessageBuilder>();
  auto users = users_->initRoot<capnp::AnyPointer>().initAs<capnp::List<schema::Identity>>(identities.size());
  for (unsigned i = 0; i < users.size(); ++i) {
    const auto identity = identities[i];
    users.setWithCaveats(i, identity);
    if (identity.getScheme() != "digest") continue;
    const std::string id = identity.getId();
    users[i].setId(id.substr(0, id.find(':')));
  }
  return users.asReader();
}

void ReadCalls::multi_read(Attachment& attachment, const Call& call, const store::View& view, Reply& reply) {
  results_.clear();
  names_.clear();
  std::vector<std::size_t> first_names;
  for (const auto& read : call.reads) {
    ReadResult& result = results_.emplace_back();
    result.code = read.code;
    first_names.push_back(names_.size());
    Reply one;
    const Call call_of_one{.code = read.code, .path = read.path};
    const auto node = find(attachment, call_of_one, view, one, store::perm::read);
    result.error = one.error;
    if (!node) continue;
    result.stat = node->stat;
    if (read.code == OpCode::get_data) {
      if (node->has_data) result.data = node->data;
    } else if (node->stat.num_children != 0) {
      view.children(znode_of(call_of_one), {}, [&](std::string_view name) {
        names_.push_back(name);
        return true;
      });
    }
  }
  first_names.push_back(names_.size());
  for (std::size_t i = 0; i < results_.size(); ++i) {
    results_[i].names = std::span(names_).subspan(first_names[i], first_names[i + 1] - first_names[i]);
  }
  reply.reads = results_;
}

Error ReadCalls::add_auth(Attachment& attachment, const Call& call) {
  if (call.scheme == "digest") {
    attachment.identity.add_digest(call.credentials, super_digest_);
    return Error::ok;
  }
  if (call.proven) {
    attachment.identity.add(std::string(call.scheme), std::string(call.credentials));
    return Error::ok;
  }
  // The address is known already: to ask for it is right and changes nothing.
  return call.scheme == "ip" ? Error::ok : Error::auth_failed;
}

void ReadCalls::add_watch(Attachment& attachment, const Call& call, Reply& reply) {
  const bool stays = call.kind == WatchKind::persistent || call.kind == WatchKind::recursive;
  if (!stays) {
    reply.error = Error::bad_arguments;
    return;
  }
  watches_.add(watcher_of(attachment.session), call.path, *call.kind);
}

void ReadCalls::find_watch(Attachment& attachment, const Call& call, Reply& reply) {
  const auto watcher = watcher_of(attachment.session);
  const bool remove = call.code == OpCode::remove_watches;
  bool found = false;
  const auto look = [&](WatchKind kind) {
    found |= remove ? watches_.remove(watcher, call.path, kind) : watches_.contains(watcher, call.path, kind);
  };
  if (call.kind) {
    look(*call.kind);
    // To a client a watch set by exists is a data watch, there or not.
    if (*call.kind == WatchKind::data) look(WatchKind::exist);
    // One that stays hears what both of the one-shot kinds would.
    if (!remove && (*call.kind == WatchKind::data || *call.kind == WatchKind::child)) {
      look(WatchKind::persistent);
      look(WatchKind::recursive);
    }
  } else {
    for (std::size_t kind = 0; kind < watch_kinds; ++kind) look(static_cast<WatchKind>(kind));
  }
  if (!found) reply.error = Error::no_watcher;
}

/// Sets the watches in a table of their own and lets the recent changes run through it: what fires is
/// exactly what the client has missed, and what is left is what still stands.
bool ReadCalls::replay(Attachment& attachment, const Rearm& rearm, std::vector<Event>& events) {
  if (!history_.covers(rearm.relative)) return false;
  Watches table;
  const auto watcher = watcher_of(attachment.session);
  const auto add = [&](std::span<const std::string_view> paths, WatchKind kind) {
    for (const auto path : paths) table.add(watcher, path, kind);
  };
  add(rearm.data, WatchKind::data);
  add(rearm.exist, WatchKind::exist);
  add(rearm.child, WatchKind::child);
  add(rearm.persistent, WatchKind::persistent);
  add(rearm.recursive, WatchKind::recursive);
  history_.each_after(rearm.relative, [&](const store::NodeEvent& change) {
    table.fire(change, [&](WatcherId, EventType type, std::string_view) {
      const bool of_parent = type == EventType::children_changed;
      if (!may_hear(attachment, of_parent ? change.parent_acl_bytes : change.acl_bytes)) return;
      events.push_back({type, change.zxid, of_parent ? path::parent(change.path) : std::string_view(change.path)});
    });
  });
  table.each([&](WatcherId, std::string_view path, WatchKind kind) { watches_.add(watcher, path, kind); });
  return true;
}

void ReadCalls::arm_by_state(Attachment& attachment, const store::View& view, const Rearm& rearm,
                             std::vector<Event>& events) {
  troupe::rearm(watches_, watcher_of(attachment.session), view, rearm,
                [&](WatcherId, EventType type, std::string_view path) {
                  // By state no more is told than exists tells anybody.
                  const auto node = rearm.by_state ? std::nullopt : view.get(path);
                  if (node && !permitted(attachment, *node, store::perm::read)) return;
                  events.push_back({type, view.zxid(), event_paths_.emplace_back(path)});
                });
}

void ReadCalls::set_watches(Attachment& attachment, const Call& call, const store::View& view, Reply& reply) {
  Rearm rearm = *call.rearm;
  for (auto list : {rearm.data, rearm.exist, rearm.child, rearm.persistent, rearm.recursive}) {
    for (const auto path : list) {
      if (!rearm.by_state && !path::valid(path)) {
        reply.error = Error::bad_arguments;
        return;
      }
    }
  }
  std::vector<Event> events;
  event_paths_.clear();
  if (rearm.by_state) {
    Rearm once = rearm;
    once.persistent = once.recursive = {};
    arm_by_state(attachment, view, once, events);
    rearm.data = rearm.exist = rearm.child = {};
  }
  const bool told = replay(attachment, rearm, events);
  if (!told) arm_by_state(attachment, view, rearm, events);
  if (!events.empty()) attachment.sink->on_events(events);
  if (told) return;
  // What was deleted below a recursive watch is told by nothing.
  for (const auto path : rearm.recursive) attachment.sink->on_events_lost(path, view.zxid());
}

}  // namespace troupe
