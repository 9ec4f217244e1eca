@0xb9e0d5a27c6f4813;
# How a client talks to a node, over Cap'n Proto RPC.
#
# The bootstrap capability of a connection is a Door. A client connects through it, gets a Session,
# and submits calls. One connection carries one session at a time; a session outlives connections.
#
# Turns, not calls
#   A client gathers all that was asked of it in one turn of its event loop into one submit(), and
#   may have several submits under way. The server answers a submit when all of its calls are
#   answered. So the cost of a message is shared by all that travels in it, and nobody waits for a
#   batch to fill. But no message grows large: when the answers of a submit have come to 1 MiB, it
#   returns with those, the first of its calls, and the others follow in calls of Watcher.answers.
#
# Order
#   The calls of a session take effect in the order in which they were submitted, across submits
#   too. A read that comes after a write sees it; a write that comes after a read does not show in
#   it. Answers and events of one connection are numbered together, 1, 2, 3 … (`position`), in the
#   order in which the server produced them. Returns and calls to the Watcher are different messages,
#   and an answer may have to wait for others of its submit: a client delivers answers and
#   events in the order of their positions, whatever the order in which they come. Then an event
#   always precedes the data that it announces, and never precedes the answer of the read that set
#   its watch.
#
# Exactly once
#   Every write has a number, rising within the session. A client whose connection broke takes its
#   session up again, here or at another node, and submits its unanswered writes again, under
#   their old numbers and in their old order. A write that had taken effect gets its first answer
#   again; one that had not takes effect now. No write takes effect twice. The ensemble keeps the
#   answers until the client says that it has them (`answered`).
#
# Limits
#   A message from a client: 4 MiB. The data of a znode: 1 MiB. Calls in a submit: 16384. A node's
#   operator may lower them. A message from a node: 1 MiB and one answer more, which is small but for
#   the children of a znode with a great many (some 32 bytes for each): ask for those with a limit, or allow for
#   a long message (traversalLimitInWords).
#   A client that does not take its answers gets no more of them for now: its next reads, and the writes behind
#   them, wait until it does. It may be disconnected when the node needs the room. One that does
#   not take its events is disconnected once a few MiB wait for it. Either may take up its session again.
#   A malformed message ends the connection.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schema");
using Txn = import "txn.capnp";

interface Door {
  # What a node offers to whoever connects.

  connect @0 ConnectRequest -> Connected;
  # Opens a session, or takes one up again. Answered when the session is open at the ensemble and
  # the node has caught up with what the client has seen. A second connect on the same connection
  # ends the session's attachment to it (not the session) and starts again.

  status @1 () -> (status :Status);
  # What the node is and how it does. Needs no session.
}

struct ConnectRequest {
  session @0 :Int64;
  # 0 for a new session.
  password @1 :Data;
  # Of the session that is taken up again: 16 bytes, as Connected gave them.
  timeout @2 :UInt32;
  # Milliseconds of silence after which a new session expires. The server brings it within its
  # bounds. A session keeps the timeout that it was opened with.
  lastZxid @3 :UInt64;
  # The latest state that the client has seen, the maximum over all answers and events; 0 if none.
  # The session is served once the node has reached it, so that time never runs backwards.
  watcher @4 :Watcher;
  # Where events go, and answers that a return has no room for.
}

struct Connected {
  error @0 :Int32;
  # 0, or why there is no session: -112 expired (or the password is wrong), -4 the node does not
  # serve now (it has no leader; try another), -118 the session was taken up elsewhere meanwhile.
  session @1 :Session;
  # Calls on it fail when the attachment ends.
  id @2 :Int64;
  password @3 :Data;
  # Secret: whoever has it has the session.
  timeout @4 :UInt32;
  # Milliseconds. A client that has nothing to ask pings at a third of it.
}

interface Session {
  submit @0 (calls :List(Call), answered :UInt64) -> (answers :List(Answer));
  # Asks. The answers are in the order of the calls; if they are fewer than the calls, the others come
  # in calls of Watcher.answers. `answered`: the client has the answers of all its writes up to this
  # number; the ensemble may forget them.
  # Fails if the connection's attachment to the session has ended; what was not answered may or
  # may not have taken effect, and is to be submitted again after the session is taken up.

  ping @1 ();
  # "I am here." Any submit says so too.
}

interface Watcher {
  events @0 (events :List(Event)) -> ();
  # The server calls it with what happened, in order, in batches. A client answers at once: what is
  # unanswered counts against its bound.

  answers @1 (answers :List(Answer)) -> ();
  # The next answers of the earliest submit that has returned with fewer answers than it had calls and
  # has not got them all since. At least one. May come before that return.
}

struct Event {
  position @0 :UInt64;
  # Among the answers and events of the connection, see above.
  zxid @1 :UInt64;
  # The transaction that caused it.
  type @2 :EventType;
  path @3 :Text;
}

enum EventType {
  # The ordinals are ZooKeeper's, but for the last.
  none @0;
  created @1;
  deleted @2;
  dataChanged @3;
  childrenChanged @4;
  dropped @5;
  # After a session was taken up again: changes below `path` happened that the node can no longer
  # tell one by one. Read again what you follow. Only persistent watches get it.
}

struct Call {
  number @0 :UInt64;
  # Of a write (write, multi, reconfig and close): rising, from 1. Of anything else 0.

  union {
    write @1 :Txn.Operation;
    multi @2 :List(Txn.Operation);
    # All or none, under one zxid. Checks (Operation.check) are allowed here alone.
    close @3 :Void;
    # Ends the session and deletes its ephemerals. Nothing may follow it.
    sync @4 :Void;
    # Answered when the node has reached all that was acknowledged to anybody before. A read that
    # follows is as recent as the sync.

    exists @5 :Read;
    # Answers `stat`, or error -101. Its watch waits for the creation if there is no znode.
    getData @6 :Read;
    getChildren :group {
      path @7 :Text;
      watch @8 :Bool;
      after @9 :Text;
      # Begin behind this name; empty to begin at the first.
      limit @10 :UInt32;
      # At most so many names; 0 for all. With a limit, `more` tells whether there are others.
    }
    getAcl @11 :Text;
    # Without the right to ADMIN, the secrets of digests are blanked out.

    addWatch :group {
      # A watch that stays until it is removed. Neither the znode nor the right to read it is needed;
      # the right is checked at each event.
      path @12 :Text;
      recursive @13 :Bool;
      # Of the whole subtree; sends no childrenChanged, for it sends created and deleted instead.
    }
    removeWatches :group {
      path @14 :Text;
      kind @15 :WatchKind;
      # Error -121 if the session has none such there.
    }
    rearm :group {
      # After a session was taken up again: sets the watches that the client has, and sends at once
      # the events that happened since. To be submitted before any other call.
      watches @16 :List(Watch);
      lastZxid @17 :UInt64;
      # What the client has seen.
    }

    addAuth :group {
      # The client proves who it is: scheme "digest", credentials "user:password". Holds for this
      # connection; a client repeats it after taking up its session again, before rearm.
      scheme @18 :Text;
      credentials @19 :Data;
    }
    whoAmI @20 :Void;

    reconfig :group {
      # A write. Changes the ensemble, as ZooKeeper's reconfig does: incrementally, or all members anew. Takes the
      # right to WRITE /zookeeper/config. Answered when the new configuration decides alone: what was removed
      # may be switched off. The texts are described in actors/ensemble_config.hpp.
      joining @21 :Text;     # "server.4=host:2888:3888;2181", separated by commas
      leaving @22 :Text;     # "1,2"
      newMembers @23 :Text;  # instead of these two, unless null
      version @24 :Int64;    # only if the configuration is this one; -1: any
    }
  }
}

struct Read {
  path @0 :Text;
  watch @1 :Bool;
  # Send one event when what this read has seen changes.
}

struct Watch {
  path @0 :Text;
  kind @1 :WatchKind;
}

enum WatchKind {
  data @0;        # set by getData, and by exists on a znode that was there
  exists @1;      # set by exists on a missing znode
  children @2;    # set by getChildren
  persistent @3;
  recursive @4;
  any @5;         # for removeWatches alone: all of the path
}

struct Answer {
  position @0 :UInt64;
  zxid @1 :UInt64;
  # Of a write: its transaction. Otherwise the state that was read.
  error @2 :Int32;
  # 0, or ZooKeeper's number. Nothing else is set then, except the results of a multi.
  stat @3 :Txn.Stat;
  # Of a read of one znode.
  union {
    nothing @4 :Void;
    results @5 :List(Txn.Outcome.Result);
    # Of a write: one. Of a multi: one for each operation; where it was refused, 0 for those before
    # the culprit, its error, and -2 for those behind it. A reconfig's has the configuration as its path.
    data @6 :Data;
    # A null pointer for a znode without data.
    children :group {
      names @7 :List(Text);
      more @8 :Bool;
    }
    acl @9 :List(Txn.Acl);
    identities @10 :List(Txn.Identity);
  }
}

struct Status {
  # A snapshot for people and monitors.
  node @0 :UInt32;
  role @1 :Text;          # "leading", "following", "observing", "looking"
  leader @2 :UInt32;      # 0 if there is none, or the node does not serve yet
  epoch @3 :UInt32;
  lastZxid @4 :UInt64;    # what clients of this node see
  znodes @5 :UInt64;
  sessions @6 :UInt64;    # open at the ensemble
  ephemerals @7 :UInt64;
  connections @8 :UInt64; # of clients to this node
  watches @9 :UInt64;
  version @10 :Text;      # of the software
  members @11 :List(Member);  # of the ensemble, this node among them

  struct Member {
    node @0 :UInt32;
    address @1 :Text;     # "host:port" for clients; empty where this node was not told
  }
}
