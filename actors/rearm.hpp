// A client that reconnects sets its watches again. What happened to a path since the last
// transaction that the client saw is told from the znode as it is now; what can be told fires at once.
//
// What is known, from the znode's zxids compared with the relative zxid:
//   it is there, czxid later       created (it may have been deleted before; that is not told)
//   it is there, mzxid later       its data changed
//   it is there, pzxid later       a child was created or deleted
//   it is not there                if an ancestor's pzxid is later it may have been deleted, or have
//                                  been created and deleted; if not, nothing happened
// What no znode tells: how often something happened; which znodes below a recursive watch were
// deleted; what a znode that was deleted and created again was before.
//
// Owner: the gateway's thread.
#pragma once

#include <span>
#include <string_view>

#include "actors/watches.hpp"
#include "store/tree.hpp"

namespace troupe {

/// The watches that a client sets again, and the last zxid that it has seen. The views must outlive
/// the call. All paths must be valid, but for those of one-shot watches with `by_state`: nothing is where
/// nothing can be.
struct Rearm {
  Zxid relative;
  std::span<const std::string_view> data, exist, child, persistent, recursive;
  /// What happened to one-shot watches is told from the znode as it is now, even if it is known better.
  bool by_state = false;
};

/// Fires what happened meanwhile and adds the other watches, at `view`, which must be where the
/// table's events have got to. One-shot watches that fire are not added:
///   data    deleted if the znode is gone, data_changed if its data is later
///   exist   created if the znode is there
///   child   deleted if the znode is gone, children_changed if its children are later
/// Persistent and recursive watches are always added, and catch up: created or else data_changed, and
/// children_changed for a persistent one, deleted where the znode may have gone. A recursive watch
/// visits the znodes below it for that; after `visits` of them, over all paths, the rest goes without.
/// Each watch fires by itself, as ZooKeeper's do. Returns false if the visits did not suffice.
bool rearm(Watches& watches, WatcherId watcher, const store::View& view, const Rearm& rearm,
           const Watches::Receiver& receiver, std::size_t visits = 10'000);

}  // namespace troupe
