@0xb71f5d20c6a8e493;
# What the nodes of an ensemble say to each other.
#
# Each node listens on one port. Who connects there sends a Hello first and then, each as one Cap'n
# Proto message in the standard stream framing:
#   election   Notifications, in this direction only. Each node keeps such a connection to every
#              member, so a pair of nodes has two of them, and the loss of one is seen by its sender.
#              To a node that is no member, so that there is none to it, answers go back on its own.
#   learner    the connection of a follower or observer to its leader, in both directions: Messages.
#
# A learner's connection, L for the learner and P for the prospective leader:
#
#   L followerInfo    who I am and what I have promised at most
#   P leaderInfo      the new epoch, later than all that a quorum had promised, and promised by P
#   L ackEpoch        promised, on disk; and the end of my history
#   P diff | trunc | snapBegin, snapChunk …, snapEnd
#   P proposals …     the rest of P's history
#   P newLeader       that was all of it
#   L ackNewLeader    all of it and the epoch are on disk
#   P upToDate        a quorum has said so, and P serves: so may L, and pass on what its clients ask
#
# From newLeader on proposals follow as they are made, acknowledged and committed cumulatively: an
# ack and a commit stand for all before them. Requests of L's clients, its sessions' signs of life and
# its questions travel on the same connection.
#
# Limits
#   A message: 64 MiB; a Hello: 1 KiB, within 2 s of connecting. A sender keeps its messages far below: proposals and
#   chunks of 256 KiB, forwarded requests of 1 MiB, and beyond that one record or one request of any size. At most
#   100,000 questions (revalidate, sync) of a learner may be unanswered.
#   Both sides of a learner's connection say ping and pong every 100 ms; a second of silence ends it, but while a
#   learner is installing a snapshot. The times are settings, the same on all nodes.
#
# What ends a connection
#   A message that is malformed, too large, or out of turn; a proposal that does not follow the one before; another
#   protocol version; a node that is none of the ensemble's. Whoever ends a connection says nothing on it. A learner
#   then looks for a leader; what its clients had asked is unanswered, and they ask again.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schema");

const protocolVersion :UInt32 = 1;

struct Hello {
  version @0 :UInt32;
  from @1 :UInt32;        # the sender's id
  kind @2 :Kind;
  enum Kind {
    election @0;
    learner @1;
  }
}

struct Vote {
  # A preference for a leader by its history: the later epoch, then the later zxid, then the larger id.
  epoch @0 :UInt32;
  zxid @1 :UInt64;
  leader @2 :UInt32;
}

enum PeerState {
  looking @0;
  following @1;
  leading @2;
  observing @3;
}

struct Notification {
  # A vote in a round of the election; or, from a node that is not looking, whom it follows.
  sender @0 :UInt32;
  state @1 :PeerState;
  round @2 :UInt64;
  vote @3 :Vote;
  configured @4 :UInt64;    # the sender's configuration: the zxid of the transaction that set it, 0 for its
  configuration @5 :Data;   # file's, and the Txn itself, committed or not
  ensemble @6 :Data;        # the id of the sender's ensemble, where it knows it: others' votes are not heard
}

struct ProposalRecord {
  zxid @0 :UInt64;
  txn @1 :Data;           # a Txn, txn.capnp, in its own framing: the bytes that every log keeps
}

struct Message {
  union {
    # --- learner to leader ---
    followerInfo :group {
      peer @0 :UInt32;
      observer @1 :Bool;
      acceptedEpoch @2 :UInt32;   # the highest epoch that it has promised
      ensemble @3 :Data;          # the id of the ensemble it belongs to; empty before its first transaction
    }
    ackEpoch :group {
      promised @4 :Bool;
      # False: this epoch had been promised before, perhaps to another leader; do not count me.
      currentEpoch @5 :UInt32;    # the epoch of the leader whose history I have
      last @6 :UInt64;            # the end of it
    }
    ackNewLeader @7 :UInt32;      # the epoch
    ack @8 :UInt64;               # all up to this zxid is on disk
    requests @9 :List(Data);      # Requests, txn.capnp, in the order of each session
    revalidate :group {
      # A client has come with this session. Is it alive? It is attached here from now on.
      gateway @10 :UInt32;
      ticket @11 :UInt64;
      session @12 :Int64;
      timeout @42 :UInt32;        # milliseconds, of the session from now on; 0 leaves it as it is
    }
    sync :group {
      # What is the last transaction that was acknowledged by now? The leader answers once a quorum
      # has confirmed that it leads: one that was deposed unawares cannot answer.
      gateway @13 :UInt32;
      ticket @14 :UInt64;
    }
    pong :group {
      # I live; and so do the clients of these sessions.
      heard @15 :List(Int64);
      ordinal @40 :UInt64;        # of the last ping that asked for an answer: I still follow you
      installing @43 :Bool;       # I am taking a snapshot: wait for my disk
    }

    # --- leader to learner ---
    leaderInfo @16 :UInt32;       # the new epoch
    diff @17 :Void;               # your history is the beginning of mine
    trunc @18 :UInt64;            # drop what you have after this zxid: it was never committed
    snapBegin @19 :UInt64;        # the tree at this zxid follows
    snapChunk @20 :Data;          # entries: table (1 byte), key length (2), value length (4), key, value;
                                  # numbers are little-endian
    snapEnd @21 :Void;
    newLeader @22 :UInt32;        # the epoch
    upToDate @23 :Void;
    proposals @24 :List(ProposalRecord);
    commit @25 :UInt64;           # all up to this zxid is committed, or is once L has it on disk
    inform @26 :List(ProposalRecord);  # for observers: committed already
    ping :group {
      # I live. My tree had this digest at this transaction; a tree that differs must not serve.
      zxid @27 :UInt64;
      digest @28 :UInt64;
      ordinal @41 :UInt64;        # not 0: answer at once, so that I know that I still lead
    }
    revalidated :group {
      gateway @29 :UInt32;
      ticket @30 :UInt64;
      error @31 :Int32;
      barrier @32 :UInt64;        # all that the session asked for before is applied at this zxid
    }
    synced :group {
      gateway @33 :UInt32;
      ticket @34 :UInt64;
      barrier @35 :UInt64;
    }
    refused :group {
      # A request that became no transaction: its session is attached elsewhere.
      gateway @36 :UInt32;
      session @37 :Int64;
      number @38 :UInt64;
      error @39 :Int32;
    }
  }
}
