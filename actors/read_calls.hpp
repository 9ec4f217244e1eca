// Answers the calls that are no writes from the gateway's view: reads, watches, identities. A plain
// read allocates nothing.
//
// Owner: the gateway, whose thread is the only one here.
#pragma once

#include <capnp/message.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/attachment.hpp"
#include "actors/calls.hpp"
#include "actors/children_cache.hpp"
#include "actors/event_history.hpp"
#include "actors/watches.hpp"

namespace troupe {

class ReadCalls {
 public:
  /// `super_digest`: whose digest credentials make a super user; may be empty.
  ReadCalls(Watches& watches, const EventHistory& history, std::string super_digest)
      : watches_(watches), history_(history), super_digest_(std::move(super_digest)) {}

  /// Answers `call` to the attachment's sink, now.
  void answer(Attachment& attachment, const Call& call, const store::View& view);

  /// Takes up what the client proves, if it does.
  Error add_auth(Attachment& attachment, const Call& call);

  /// Whether an event about a znode with this list may be told to the client.
  static bool may_hear(const Attachment& attachment, std::string_view acl_bytes);

 private:
  void exists(Attachment& attachment, const Call& call, const store::View& view, Reply& reply);
  void get_data(Attachment& attachment, const Call& call, const store::View& view, Reply& reply);
  void get_children(Attachment& attachment, const Call& call, const store::View& view, Reply& reply);
  void get_acl(Attachment& attachment, const Call& call, const store::View& view, Reply& reply);
  void multi_read(Attachment& attachment, const Call& call, const store::View& view, Reply& reply);
  void get_ephemerals(Attachment& attachment, const Call& call, const store::View& view, Reply& reply);
  void add_watch(Attachment& attachment, const Call& call, Reply& reply);
  void find_watch(Attachment& attachment, const Call& call, Reply& reply);
  void set_watches(Attachment& attachment, const Call& call, const store::View& view, Reply& reply);
  void arm_by_state(Attachment& attachment, const store::View& view, const Rearm& rearm, std::vector<Event>& events);
  bool replay(Attachment& attachment, const Rearm& rearm, std::vector<Event>& events);

  std::optional<store::Node> find(Attachment& attachment, const Call& call, const store::View& view, Reply& reply,
                                  std::uint32_t perms);
  capnp::List<schema::Identity>::Reader show_users(const Attachment& attachment);

  Watches& watches_;
  const EventHistory& history_;
  const std::string super_digest_;

  ChildrenCache children_;

  // Of the call that is being answered; kept for their capacity.
  store::Node node_;
  std::vector<std::string_view> names_;
  store::AclList acl_;
  std::unique_ptr<capnp::MallocMessageBuilder> users_;
  std::vector<ReadResult> results_;
  std::deque<std::string> event_paths_;
};

/// The watcher of a session, in the watch table.
inline WatcherId watcher_of(SessionId session) { return static_cast<WatcherId>(session.value); }

}  // namespace troupe
