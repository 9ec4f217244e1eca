"""Compares what two servers did at one step, field by field, and says what differs."""

from collections import Counter
from dataclasses import dataclass

import replies
import wire
import words
from accepted import UNNUMBERED, may_take_no_zxid, rule_for
from mapping import Mapping

DECODED = frozenset({"connect", "event", "reply", "text"})


@dataclass(frozen=True)
class Difference:
    """Where two servers differ: a signature to recognise it by, and a text that tells."""
    signature: tuple
    text: str


class Comparison:
    """Compares the observations of one sequence; counts the accepted differences that it met."""

    def __init__(self):
        self._mapping = Mapping()
        self.accepted = Counter()

    def step(self, reference, target):
        """The first difference between two lists of observations, or None."""
        for one, other in zip(reference, target):
            difference = self._pair(one, other)
            if difference:
                return difference
        if len(reference) != len(target):
            return _unequal_lists(reference, target)
        return None

    def _pair(self, reference, target):
        if (reference.kind, reference.session) != (target.kind, target.session):
            return _unequal(reference, target, "kind", "one is another kind of message than the other")
        if reference.kind not in DECODED:
            return None
        if reference.kind == "text":
            return self._texts(reference, target)
        where = name_of(reference)
        ours, theirs = replies.decode(reference), replies.decode(target)
        for one, other in zip(ours, theirs):
            if (one.name, one.kind) != (other.name, other.kind):
                return _unequal(reference, target, one.name, f"{one} against {other}")
            if self._mapping.same(one, other):
                continue
            if one.name == "zxid" and self._unnumbered(where, ours, one, other):
                continue
            rule = rule_for(where, one, other)
            if rule is None:
                return _unequal(reference, target, one.name, _explain(one, other))
            self.accepted[rule.name] += 1
            if one.name == "err":
                return None  # the bodies go with the code
        if len(ours) != len(theirs):
            longer = ours if len(ours) > len(theirs) else theirs
            return _unequal(reference, target, longer[min(len(ours), len(theirs))].name, "one reply is longer")
        return None

    def _unnumbered(self, where, fields, reference, target):
        err = next((field.value for field in fields if field.name == "err"), 0)
        if not may_take_no_zxid(where, err) or not self._mapping.no_zxid_taken(reference, target):
            return False
        self.accepted[UNNUMBERED] += 1
        return True

    def _texts(self, reference, target):
        word = reference.word
        if words.form(word, reference.payload) == words.form(word, target.payload):
            return None
        rule = rule_for(name_of(reference), *(replies.decode(one)[0] for one in (reference, target)))
        if rule:
            self.accepted[rule.name] += 1
            return None
        return _unequal(reference, target, "text", words.difference(word, reference.payload, target.payload))


def name_of(observation):
    """The operation that an observation belongs to, else its kind."""
    if observation.kind == "reply" and observation.request is not None:
        return wire.op_name(observation.request.op)
    if observation.kind == "text":
        return "word:" + observation.word.decode("latin-1")
    return observation.kind


def describe(observation):
    """An observation, taken apart, in a line."""
    who = f"[{observation.session}] {observation.kind}"
    if observation.kind == "reply" and observation.request is not None:
        who += f" to {wire.op_name(observation.request.op)}"
    if observation.kind not in DECODED:
        return who
    return who + ": " + " ".join(map(str, replies.decode(observation)))


def _explain(one, other):
    hint = {
        "zxid": "; zxids must pair one to one and in order", "session": "; session ids must pair one to one",
        "time": "; a time must be near the present, equal within a transaction, and not before an earlier one's",
    }
    return f"{one.name}: {one.value!r} against {other.value!r}" + hint.get(one.kind, "")


def _unequal(reference, target, field, why):
    text = f"{why}\n  reference: {describe(reference)}\n  target:    {describe(target)}"
    return Difference((name_of(reference), reference.kind, target.kind, field), text)


def _unequal_lists(reference, target):
    shared = min(len(reference), len(target))
    longer, side = (reference, "reference") if len(reference) > shared else (target, "target")
    text = f"only the {side} sent more:\n" + "\n".join("  " + describe(one) for one in longer[shared:])
    return Difference((name_of(longer[shared]), longer[shared].kind, side, "extra"), text)
