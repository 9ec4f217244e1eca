"""Compares what two servers did at one step, field by field, and says what differs."""

import itertools
from collections import Counter
from dataclasses import dataclass

import replies
import wire
import words
import accepted
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
        target = self._without_what_it_caught_up(reference, target)
        target = self._with_events_in_place(reference, target)
        target = self._with_ephemerals_in_order(reference, target)
        for one, other in zip(reference, target):
            difference = self._pair(one, other)
            if difference:
                return difference
        if len(reference) != len(target):
            return _unequal_lists(reference, target)
        return None

    def _without_what_it_caught_up(self, reference, target):
        """The target's observations without the events that stand for what persistent watches missed."""
        def is_answer(one):
            return one.kind == "reply" and name_of(one) == accepted.CAUGHT_UP_AT

        def events_at_the_end(observations):
            return len(list(itertools.takewhile(lambda one: one.kind == "event", reversed(observations))))
        expected = [events_at_the_end(reference[:at]) for at, one in enumerate(reference) if is_answer(one)]
        left = []
        for one in target:
            if is_answer(one) and expected:
                surplus = events_at_the_end(left) - expected.pop(0)
                if surplus > 0:
                    del left[-surplus:]
                    self.accepted[accepted.CAUGHT_UP] += 1
            left.append(one)
        return left

    def _with_ephemerals_in_order(self, reference, target):
        """The target's observations with the events of a session's end in the reference's order."""
        if not any(one.kind == "reply" and name_of(one) == accepted.ANY_ORDER_AT for one in reference):
            return target

        def events(observations):
            return sorted((one.session, one.payload) for one in observations if one.kind == "event")
        if [(one.kind, one.session) for one in reference] != [(one.kind, one.session) for one in target] \
                or events(reference) != events(target):
            return target
        ordered = [one if one.kind == "event" else other for one, other in zip(reference, target)]
        if ordered != target:
            self.accepted[accepted.ANY_ORDER] += 1
        return ordered

    def _with_events_in_place(self, reference, target):
        """The target's observations with events that came earlier than the reference's moved behind the answers
        that they may overtake."""
        if [one.kind for one in reference] == [one.kind for one in target]:
            return target
        placed, early, left = [], [], list(target)
        for expected in reference:
            while left and left[0].kind == "event" and expected.kind != "event":
                early.append(left.pop(0))
            if expected.kind == "event" and early:
                placed.append(early.pop(0))
            elif left and (not early or _may_be_overtaken(left[0])):
                placed.append(left.pop(0))
            else:
                return target
        if early or left:
            return target
        self.accepted[accepted.EARLIER] += 1
        return placed

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
            rule = accepted.rule_for(where, one, other)
            if rule is None:
                return _unequal(reference, target, one.name, _explain(one, other))
            self.accepted[rule.name] += 1
            if one.name == "err":
                return None  # the bodies go with the code
        if len(ours) != len(theirs):
            if where == accepted.REMAINS_AT and _error_of(ours) != 0:
                self.accepted[accepted.REMAINS] += 1
                return None
            longer = ours if len(ours) > len(theirs) else theirs
            return _unequal(reference, target, longer[min(len(ours), len(theirs))].name, "one reply is longer")
        return None

    def _unnumbered(self, where, fields, reference, target):
        if not accepted.may_take_no_zxid(where, _error_of(fields)) or not self._mapping.no_zxid_taken(reference, target):
            return False
        self.accepted[accepted.UNNUMBERED] += 1
        return True

    def _texts(self, reference, target):
        word = reference.word
        if words.form(word, reference.payload) == words.form(word, target.payload):
            return None
        rule = accepted.rule_for(name_of(reference), *(replies.decode(one)[0] for one in (reference, target)))
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


def _error_of(fields):
    """The error code among the fields of a reply; 0 if there is none."""
    return next((field.value for field in fields if field.name == "err"), 0)


def _may_be_overtaken(observation):
    if observation.kind != "reply" or observation.request is None:
        return False
    return accepted.may_be_overtaken(observation.request.op, _error_of(replies.decode(observation)))


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
