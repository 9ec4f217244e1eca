"""The differences from ZooKeeper 3.8.0 that are accepted, as data: each with its reason. All others fail.

A rule says where it applies (an operation or kind of observation, and a pattern of field names), and which pair
of values it accepts there. README.md holds this list; `run.py --list-accepted` prints it.
"""

import re
import textwrap
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Callable

import digest_md5
import wire
import words


@dataclass(frozen=True)
class Accepted:
    name: str
    where: str  # operation names, kinds of observation, word:NAME for a four-letter word; separated by spaces
    field: str  # patterns of field names, separated by spaces
    accepts: Callable  # (value of the reference, value of the target) -> bool
    reason: str


@dataclass(frozen=True)
class Kept:
    """A difference after which the two sides are in different states: the sequences that show it end with it."""
    name: str
    sequences: tuple  # their names
    signature: tuple  # of the Difference
    reason: str


def same_names(reference, target):
    """Equal but for the order."""
    return reference is not None and target is not None and sorted(reference) == sorted(target)


def same_text(reference, target):
    """Equal but for what is no UTF-8, and for characters that Java has as two."""
    def form(data):
        return re.sub("[\ufffd\U00010000-\U0010ffff]+", "\ufffd", (data or b"").decode(errors="replace"))
    return form(reference) == form(target)


def same_members(reference, target):
    """Two configurations of an ensemble that are equal but for the ports, the zxid that is their version, the order
    of the lines, and the target's own lines."""
    def form(data):
        data = re.sub(rb"rpc\.[0-9]+=[0-9]+\n", b"", data or b"")
        return sorted(re.sub(rb"(:|version=)[0-9a-f]+", rb"\1#", data).split(b"\n"))
    return (reference or b"").startswith(b"server.") and form(reference) == form(target)


def same_challenge(reference, target):
    """Two challenges of DIGEST-MD5 of which the target's says in full what goes without saying."""
    return reference and target and \
        digest_md5.parts(target) == sorted(digest_md5.parts(reference) + [b'qop="auth"'])


OWN_LINES = len("rpc.1=12345\n" * 3)  # what same_members leaves out

ACCEPTED = (
    Accepted("ports of the members", "getData multiRead reconfig", "*data", same_members,
             "Both ensembles run on this machine and cannot have the same ports. ZooKeeper lists the servers in the"
             " order of a Java hash table. A target may have lines of its own, rpc.N=port, which ZooKeeper's clients"
             " pass over."),
    Accepted("length of the members", "getData getACL getChildren2 exists multiRead reconfig", "*dataLength",
             lambda reference, target: target - reference == OWN_LINES, "It counts these lines."),
    Accepted("a reconfig to nobody", "reconfig", "err", lambda reference, target: (reference, target) == (-5, -8),
             "Where standalone mode is off, ZooKeeper stumbles over an ensemble without participants and says that the"
             " request cannot be read. Here it is a bad argument, as it is there where standalone mode is on."),
    Accepted("an ephemeral of a local session in a multi", "multi", "*.err *.error",
             lambda reference, target: (reference, target) == (-112, -120),
             "Where local sessions stay what they are, ZooKeeper's followers say of an ephemeral in a multi that the"
             " session has expired (-112), which it has not. Here it is what they say outside a multi, and its leader"
             " everywhere: local sessions own no ephemerals (-120)."),
    Accepted("paths that no znode can have", "sync event", "path", same_text,
             "ZooKeeper answers a sync, and tells a watch that is set again that its znode is gone, with the path as"
             " Java reads and writes it, with marks for what is no UTF-8 and two halves for a character of four bytes;"
             " here it is the path that was sent."),
    Accepted("order of names", "getChildren getChildren2 multiRead getEphemerals", "*children ephemerals", same_names,
             "ZooKeeper lists children and ephemerals in the order of a Java hash table, which depends on the table's"
             " history and changes at a restart. No client can rely on it."),
    Accepted("metrics of the Java server", "word:mntr", "text", words.monitors_the_same,
             "Most of the keys count what happens in ZooKeeper's own queues. Those that people watch are all there."),
    Accepted("watches on children in lists", "word:wchc word:wchp", "text", words.shows_all_watches,
             "ZooKeeper lists its table of data watches alone; here those on children are listed, too."),
    Accepted("watches on children in counts", "word:wchs", "text", words.summary_of_the_same_form,
             "ZooKeeper counts its table of data watches alone; here those on children count, too."),
    Accepted("history of digests", "word:hash", "text", lambda reference, target: target == b"",
             "ZooKeeper's digests are of its own tables; here the word is answered as by a server without history."),
    Accepted("environment of the Java server", "word:envi", "text", words.lists_properties,
             "The properties are those of a Java machine."),
    Accepted("what goes without saying in a challenge", "sasl", "token", same_challenge,
             "Where a server offers authentication alone (qop) ZooKeeper leaves that out, and here it is said."),
    Accepted("when sessions and connections expire", "word:dump", "text", words.dumps_the_same,
             "Sessions and connections are listed without ZooKeeper's buckets of time, the sessions as its followers"
             " list them: who expires when is known at the leader alone."),
)

KEPT = (
    Kept("IPv6 addresses in ACLs", ("acls: addresses_of_version_6",), ("create", "reply", "reply", "err"),
         "ZooKeeper refuses an IPv6 address as the id of an ip ACL; it is as good as one of version 4."),
    Kept("a wrong password does not hurt", ("connections: wrong_password_beside_a_good_connection",),
         ("closed", "closed", "silent", "kind"),
         "ZooKeeper closes the connection of a session for which anybody sends a wrong password: whoever guesses ids"
         " could keep all clients disconnected. Here only the one with the wrong password is turned away."),
    Kept("kinds of watches beside each other",
         ("watches: kinds_on_top_of_each_other", "multis: events_for_two_kinds_of_watch"),
         None,
         "In ZooKeeper 3.8 a session has one kind of watch for each path: reading with a watch turns a persistent one"
         " into one that fires once, and a client loses events without a word. Here, as in ZooKeeper 3.9, each kind"
         " stands for itself."),
    Kept("persistent watches in one piece", ("watches: removing_half_of_a_persistent_watch",),
         ("removeWatches", "reply", "reply", "err"),
         "Asked to remove a watch on data or on children, ZooKeeper 3.8 takes that half of a persistent watch away."
         " Here a persistent watch is removed by type 3 (any), as a whole."),
    Kept("watches of one's own", ("watches: checking_for_watches_of_others",),
         ("checkWatches", "reply", "reply", "err"),
         "ZooKeeper answers checkWatches with yes if any session watches the path. Here a session hears of its own."),
    Kept("quotas count at once",
         ("enforced_quotas: many_in_one_multi", "enforced_quotas: room_made_in_the_same_multi",
          "enforced_quotas: lifted_in_the_same_multi"),
         ("multi", "reply", "reply", "[0].type"),
         "ZooKeeper measures a write that a hard quota concerns by what is applied, so that a multi, or writes that are"
         " sent without waiting, get past the quota. Here what is proposed and the parts before it in a multi count."),
    Kept("a part that cannot be carried out and is not reached", ("multis: a_time_to_live_that_is_never_reached",),
         ("multi", "reply", "reply", "zxid"),
         "A create with the flags of a time to live and none makes ZooKeeper refuse its multi (-5) only where no earlier"
         " part is refused. Here it is refused unread."),
    Kept("users that nobody knows", ("sasl: an_unknown_user_with_the_password_of_another",),
         ("sasl", "reply", "reply", "err"),
         "Whoever shows ZooKeeper the password of the user that logged in last is let in under any name that is not"
         " configured. Here such a login fails."),
    Kept("logins without a realm, or for another host",
         ("sasl: an_answer_without_a_realm", "sasl: an_answer_for_another_host"), ("sasl", "reply", "reply", "err"),
         "ZooKeeper refuses a login that does not repeat the challenge's realm, and one for zookeeper/ANYTHING instead of"
         " zookeeper/zk-sasl-md5; no client does that. Here the proof of the password counts."),
    Kept("createSession as a request", ("connections: create_session_as_a_request",),
         ("connect", "connect", "connect", "protocolVersion"),
         "Operation -10 is what ZooKeeper's servers write when a session starts. Sent by a client, which none does, it"
         " is unknown here."),
)

# Events that a target sends before the answer to this request, and the reference does not.
CAUGHT_UP = "persistent watches catch up"
CAUGHT_UP_AT = "setWatches2"
CAUGHT_UP_REASON = (
    "When a client comes back and sets its persistent watches again, ZooKeeper tells it nothing of what happened"
    " meanwhile. Here it hears of that, before the answer.")

# An event may overtake these answers in a burst: of writes, of syncs, and of what was refused unread.
EARLIER = "events before the answers of a batch"
EARLIER_REASON = (
    "Writes that a client sends without waiting are applied together where they come together, and the events of all"
    " of them come before the answers of the first. ZooKeeper puts each event right before the answer of its write."
    " Both tell an event before anything can be read that it announces.")


def may_be_overtaken(op, err):
    """Whether an event that comes later from the reference may come before an answer like this one."""
    return op in wire.WRITES or op == wire.SYNC or err in UNNUMBERED_ERRORS


# Events that may come in another order before the answer to this request.
ANY_ORDER = "order in which ephemerals go"
ANY_ORDER_AT = "closeSession"
ANY_ORDER_REASON = (
    "The ephemerals of a session that ends are deleted in one transaction: by ZooKeeper in the order of a Java hash"
    " table, here by path.")

# What follows an error in an answer to this request.
REMAINS = "what a refused multiRead had read"
REMAINS_AT = "multiRead"
REMAINS_REASON = "Some of ZooKeeper's refusals (-5) of a multiRead carry the results up to there; clients do not read them."

# Requests that are refused before anybody looks at the tree: these errors, and these operations whatever the error.
UNNUMBERED_ERRORS = frozenset({-5})
UNNUMBERED_OPERATIONS = frozenset({"deleteContainer"})
UNNUMBERED = "no zxid for a request that cannot be carried out"
UNNUMBERED_REASON = (
    "ZooKeeper numbers a write before it reads it, so that one that cannot be decoded, and an operation that is"
    " switched off, go through the quorum, too. A server may refuse these at once, without a zxid.")

# What the tests never send, because the real server dies of it or answers by chance.
NOT_SENT = (
    ("check (13) outside a multi", "the real server writes a transaction that it cannot read back, and ends"),
    ("setACL together with later writes in one burst",
     "the real server checks these sometimes against the old ACL, sometimes against the new one"),
    ("a null path in a multi",
     "the real server answers it, if at all, with -5 and a transaction missing; an ensemble's member falls silent"),
    ("statistics of a quota that are none, and changes below",
     "the real server cannot count on from there, and ends when it applies the change"),
    ("requests behind closeSession in one burst", "whether the real server still answers them, with -112, is chance"),
    ("bursts to a node that only reads", "what the real server refuses overtakes what it answers"),
    ("a reconfig that is cut off", "a real ensemble never answers it, nor anything behind it on the connection"),
    ("createTTL with flags other than 5 and 6 and a TTL of 0 or less, or of 2^40 or more",
     "the real server writes a transaction that it cannot read back, and ends"),
)


def rule_for(where, reference, target, rules=ACCEPTED):
    """The rule that accepts this pair of differing fields, or None."""
    for rule in rules:
        if where in rule.where.split() and any(fnmatchcase(reference.name, one) for one in rule.field.split()) \
                and rule.accepts(reference.value, target.value):
            return rule
    return None


def may_take_no_zxid(where, err):
    """Whether a reply with this error may carry the zxid of before where the reference's has a new one."""
    return err in UNNUMBERED_ERRORS or (err != 0 and where in UNNUMBERED_OPERATIONS)


def kept(name, difference):
    """What accepts that the sequence with this name ends with this difference, or None."""
    for one in KEPT:
        if name in one.sequences and one.signature in (None, difference.signature):
            return one
    return None


def listing():
    """The accepted differences as text for a reader."""
    others = [(ANY_ORDER, ANY_ORDER_REASON), (EARLIER, EARLIER_REASON), (CAUGHT_UP, CAUGHT_UP_REASON), (REMAINS, REMAINS_REASON), (UNNUMBERED, UNNUMBERED_REASON)]
    every = [(one.name, one.reason) for one in (*KEPT, *ACCEPTED)] + others

    def items(pairs):
        return [textwrap.fill(f"- {name}: {text}", 110, subsequent_indent="  ") for name, text in pairs]
    return "\n".join(["Accepted:", "", *items(every), "", "Never sent:", "", *items(NOT_SENT)])
