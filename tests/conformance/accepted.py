"""The differences from ZooKeeper 3.8.0 that are accepted, as data: each with its reason. All others fail.

A rule says where it applies (an operation or kind of observation, and a pattern of field names), and which pair
of values it accepts there. The documentation shows this list; `run.py --list-accepted` prints it.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Callable

import words


@dataclass(frozen=True)
class Accepted:
    name: str
    where: str  # operation names, kinds of observation, word:NAME for a four-letter word; separated by spaces
    field: str  # patterns of field names, separated by spaces
    accepts: Callable  # (value of the reference, value of the target) -> bool
    reason: str


def same_names(reference, target):
    """Equal but for the order."""
    return reference is not None and target is not None and sorted(reference) == sorted(target)


def same_members(reference, target):
    """Two configurations of an ensemble that are equal but for the ports, and the zxid that is their version."""
    def form(data):
        return re.sub(rb"(:|version=)[0-9a-f]+", rb"\1#", data or b"")
    return form(reference).startswith(b"server.") and form(reference) == form(target)


ACCEPTED = (
    Accepted("ports of the members", "getData multiRead reconfig", "*data", same_members,
             "Both ensembles run on this machine and cannot have the same ports."),
    Accepted("order of names", "getChildren getChildren2 multiRead getEphemerals", "*children ephemerals", same_names,
             "ZooKeeper lists children and ephemerals in the order of a Java hash table, which depends on the table's"
             " history and changes at a restart. No client can rely on it."),
    Accepted("metrics of the Java server", "word:mntr", "text", words.monitors_the_same,
             "Most of the keys count what happens in ZooKeeper's own queues. Those that people watch are all there."),
    Accepted("environment of the Java server", "word:envi", "text", words.lists_properties,
             "The properties are those of a Java machine."),
)

# Requests that are refused before anybody looks at the tree: these errors, and these operations whatever the error.
UNNUMBERED_ERRORS = frozenset({-5})
UNNUMBERED_OPERATIONS = frozenset({"deleteContainer", "reconfig"})
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
    ("requests behind closeSession in one burst", "whether the real server still answers them, with -112, is chance"),
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


def listing():
    """The accepted differences as text for a reader."""
    lines = ["Accepted differences:"]
    lines += [f"- {rule.name} ({rule.where}; {rule.field}): {rule.reason}" for rule in ACCEPTED]
    lines.append(f"- {UNNUMBERED}: {UNNUMBERED_REASON}")
    lines.append("Never sent:")
    lines += [f"- {what}: {why}" for what, why in NOT_SENT]
    return "\n".join(lines)
