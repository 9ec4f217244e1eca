@0xd2a8c1b7f4e39a61;
# Requests and transactions: what a client asks for, and what the ensemble agrees on.
#
# A Request is what somebody wants. The leader turns it, looking at the tree and at the changes
# that are proposed but not yet applied, into a Txn: what happens, with nothing left to decide.
# The Txn's bytes are built once. They are the proposal on the wire, the record in every log, and
# the input of every node's tree; applying the same transactions in the same order to the same
# tree gives the same tree on every node.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schema");

struct Acl {
  # One entry of an access control list.
  perms @0 :UInt32;   # READ 1, WRITE 2, CREATE 4, DELETE 8, ADMIN 16
  scheme @1 :Text;    # "world", "auth", "digest", "ip", "x509", "sasl"
  id @2 :Text;
}

struct Identity {
  # Who a client has proved to be; checked against access control lists.
  scheme @0 :Text;
  id @1 :Text;
}

struct Stat {
  # What is known of a znode beside its data. Times are milliseconds since 1970, by the leader's
  # clock when it proposed.
  czxid @0 :UInt64;         # transaction that created the znode
  mzxid @1 :UInt64;         # transaction that last set its data
  pzxid @2 :UInt64;         # transaction that last created or deleted a child
  ctime @3 :Int64;
  mtime @4 :Int64;
  version @5 :Int32;        # changes of the data
  cversion @6 :Int32;       # changes of the children: creations and deletions
  aversion @7 :Int32;       # changes of the access control list
  ephemeralOwner @8 :Int64; # session that owns it, 0 if it is not ephemeral
  dataLength @9 :Int32;
  numChildren @10 :Int32;
}

enum NodeKind {
  # The ordinals are ZooKeeper's create flags, but for the last.
  persistent @0;
  ephemeral @1;
  persistentSequential @2;
  ephemeralSequential @3;
  container @4;
  ttl @5;
  ttlSequential @6;
  containerSequential @7;
}

struct Operation {
  # One write as asked for. A version of -1 means "any version".
  union {
    create :group {
      path @0 :Text;        # for a sequential kind, the prefix that the number is appended to
      data @1 :Data;        # a null pointer is "no data", which is not the same as empty data
      acl @2 :List(Acl);
      kind @3 :NodeKind;
      ttl @4 :Int64;        # milliseconds, for the ttl kinds alone
    }
    delete :group {
      path @5 :Text;
      version @6 :Int32;
    }
    setData :group {
      path @7 :Text;
      data @8 :Data;
      version @9 :Int32;
    }
    setAcl :group {
      path @10 :Text;
      acl @11 :List(Acl);
      version @12 :Int32;   # of the access control list (aversion)
    }
    check :group {          # inside a multi alone
      path @13 :Text;
      version @14 :Int32;
    }
  }
}

struct Request {
  # A write on its way from a gateway to the leader.
  session @0 :Int64;
  # 0 is the ensemble itself: it needs no permission, so no gateway lets a client speak as it.
  number @1 :UInt64;
  # The session's number of this request, rising in the order in which the client issued them.
  # The outcome of the transaction is found by (session, number).
  numbered @2 :Bool;
  # The client counts its requests itself and may repeat one after a lost connection: every node
  # keeps the outcome until the client says that it has it. False for clients of ZooKeeper's wire
  # protocol, which cannot repeat; their gateway counts, where no other does.
  answered @3 :UInt64;
  # With `numbered`: the client has the answers of all requests up to this one.
  gateway @4 :UInt32;
  # Which of its node's gateways the session is attached to. With the node it names the session's
  # owner: the leader refuses a request that comes by any other way ("session moved").
  identities @5 :List(Identity);
  union {
    write @6 :Operation;
    multi @7 :List(Operation);   # all or none, under one zxid
    openSession @8 :UInt32;      # a new session with this timeout, milliseconds
    closeSession @9 :Void;
    reconfig :group {            # changes the ensemble; the texts are ZooKeeper's, see actors/ensemble_config.hpp
      joining @10 :Text;         # "server.4=host:2888:3888;2181", separated by commas; null: nobody
      leaving @11 :Text;         # "1,2"; null: nobody
      newMembers @12 :Text;      # all members anew; null: what joins and leaves counts
      version @13 :Int64;        # of the configuration that it is meant for; -1: any
    }
  }
  local @14 :Bool;
  # The session is one that only the node knows to which its client is connected (actors/node_sessions.hpp). The
  # leader asks neither whether it exists nor who owns it, and refuses it ephemerals. Nothing is kept of its requests.
}

struct Change {
  # One change of the tree, decided. Versions are those after the change. The parent's counters
  # (cversion, numChildren, pzxid) follow by rule: a creation and a deletion each move them. An empty
  # access control list is open to all: world:anyone with all permissions is written that way.
  union {
    create :group {
      path @0 :Text;
      data @1 :Data;
      acl @2 :List(Acl);
      owner @3 :Int64;      # the session of an ephemeral, otherwise 0
      kind @4 :NodeKind;    # persistent, ephemeral, container or ttl: the number is in the path
      ttl @5 :Int64;
    }
    delete :group {
      path @6 :Text;
    }
    setData :group {
      path @7 :Text;
      data @8 :Data;
      version @9 :Int32;
    }
    setAcl :group {
      path @10 :Text;
      acl @11 :List(Acl);
      version @12 :Int32;
    }
    check :group {
      path @13 :Text;
    }
  }
}

struct Txn {
  # A transaction: the unit of the log, of the broadcast and of the tree's history.
  zxid @0 :UInt64;
  time @1 :Int64;
  session @2 :Int64;       # who asked; 0 for the ensemble itself
  number @3 :UInt64;       # of the request, see Request
  numbered @4 :Bool;
  answered @5 :UInt64;
  union {
    change @6 :Change;
    multi @7 :List(Change);
    refused :group {
      # The request was refused; nothing changes. It is a transaction all the same, so that the
      # refusal has its place in the order and a repeated request gets the same refusal.
      error @8 :Int32;     # see store/error.hpp
      operations @9 :UInt32;  # of a refused multi: how many it had; otherwise 0
      failed @10 :UInt32;     # of a refused multi: which one was at fault, from 0
    }
    openSession :group {
      timeout @11 :UInt32;   # milliseconds
    }
    closeSession @12 :Void;  # the session goes, and every ephemeral that it owns
    found :group {
      # The first transaction of an ensemble's history.
      ensemble @13 :Data;    # 16 random bytes: the ensemble's identity, so that no node of another
                             # one joins by mistake
      sessionKey @14 :Data;  # 32 random bytes: the key of the session passwords' MAC
      configuration @15 :Text;  # who belongs to it, as its first leader was told
    }
    reconfigure :group {
      # From here on, in the log of whoever has it, whatever needs a quorum needs one of each of these two
      # configurations. Changes nothing that clients see, and answers nobody: `activate` does.
      from @16 :Text;
      to @17 :Text;            # without its version, which will be the zxid of its activation
    }
    activate :group {
      # The configuration is this one alone; /zookeeper/config shows it. Proposed when `reconfigure` is
      # committed, with the session and the number of who asked.
      configuration @18 :Text;
      before @19 :Text;        # who belonged until then: while this is not known to be committed, who was left
                               # out may still be needed, and must be reached. Null: nothing came before
    }
    refound :group {
      # The ensemble is another one from here on, by an operator's word instead of a quorum's; see
      # actors/new_ensemble.hpp. Its data, sessions and session key stay.
      ensemble @20 :Data;
      configuration @21 :Text;
    }
  }
}

struct Outcome {
  # What a transaction answered, as kept for a client that may ask again.
  zxid @0 :UInt64;
  error @1 :Int32;
  results @2 :List(Result);  # one, or one per operation of a multi

  struct Result {
    operation @0 :Int32;     # ZooKeeper's number of the operation
    error @1 :Int32;
    path @2 :Text;           # of a create; of a reconfig the configuration
    stat @3 :Stat;           # of create, setData, setAcl and reconfig
  }
}
