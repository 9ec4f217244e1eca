"""Runs sequences at both servers and, where they differ, finds the shortest sequence that still does."""

import dataclasses
import itertools
import time
from collections import Counter
from dataclasses import dataclass

import accepted
import operations as ops
import steps
import wire
from compare import Comparison, describe, name_of
from replies import decode
from world import World, error_of
from zkserver import SUPER_PASSWORD, ServerFailed

CONTEXT_STEPS = 20
SHRINK_SECONDS = 90.0
# A few requests rightly get no answer; a server that does not answer more often has failed.
MOST_SILENCES = 5
# The number of the session that looks at all that is left and removes it; far from those of the sequences.
AUDITOR = 1000


@dataclass
class Failure:
    """A sequence at whose step number `at` the servers differ."""
    name: str
    sequence: list
    at: int
    difference: object
    seen: list  # per performed step: (observations of the reference, of the target)

    def summary(self):
        """In a line: where, at which step, what."""
        first = self.difference.text.partition("\n")[0]
        return f"{self.name} | {str(self.sequence[self.at])[:160]} | {first[:300]}"

    def report(self):
        lines = [f"DIFFERENCE in {self.name}", ""]
        first = max(0, self.at - CONTEXT_STEPS + 1)
        lines.append(f"the last {self.at - first + 1} of {self.at + 1} steps:")
        lines += [f"  {number + 1:4} {step}" for number, step in enumerate(self.sequence[first:self.at + 1], first)]
        lines += ["", self.difference.text, "", "all that the last step brought:"]
        for label, observations in zip(("reference", "target"), self.seen[-1]):
            lines += [f"  {label}:"] + [f"    {describe(one)}" for one in observations]
        return "\n".join(lines)


class Runner:
    """Holds the addresses of both sides; every sequence gets a part of the tree of its own."""

    def __init__(self, reference, target, first_base=1, transcript=None):
        self._addresses = (reference, target)
        self._bases = itertools.count(first_base)
        self._transcript = transcript
        self.requests = 0
        self.accepted = Counter()
        self.answers = Counter()  # of the reference: (operation, error)

    def run(self, name, sequence):
        """Runs the sequence, then looks at and removes what is left of it; a Failure or None."""
        sequence = list(sequence)
        base = b"/t%06d" % next(self._bases)
        worlds = [World(addresses, base) for addresses in self._addresses]
        comparison = Comparison()
        seen = []
        if self._transcript:
            self._transcript.write(f"\n=== {name}\n")
        try:
            failure = self._perform(name, sequence, 0, worlds, comparison, seen)
            if failure is None:
                failure = self._audit(name, sequence, worlds, comparison, seen)
            else:
                _remove_all(worlds, base)
                kept = accepted.kept(name.removeprefix("scripted: "), failure.difference)
                if kept:
                    self.accepted[kept.name] += 1
                    return None
            return failure
        finally:
            self.accepted += comparison.accepted
            for world in worlds:
                world.close()

    def _perform(self, name, sequence, start, worlds, comparison, seen):
        silences = 0
        for at in range(start, len(sequence)):
            step = sequence[at]
            observations = tuple(world.perform(step) for world in worlds)
            seen.append(observations)
            silences += any(one.kind == "silent" for one in observations[0])
            if silences > MOST_SILENCES:
                raise ServerFailed(f"the reference has fallen silent in {name} at {step}")
            self.requests += len(step.requests) if isinstance(step, steps.Burst) else 1
            self.answers.update((name_of(one), error_of(one.payload)) for one in observations[0] if one.kind == "reply")
            difference = comparison.step(*observations)
            if self._transcript:
                self._transcript.write(f"{step}\n" + "".join(f"        {describe(one)}\n" for one in observations[0]))
            if difference:
                return Failure(name, sequence, at, difference, seen)
        return None

    def _audit(self, name, sequence, worlds, comparison, seen):
        """Closes the sessions, then reads the whole tree of the sequence and deletes it, comparing all of it."""
        played = len(sequence)
        transcript, self._transcript = self._transcript, None
        requests = self.requests

        def more(*further):
            sequence.extend(further)
            return self._perform(name, sequence, len(sequence) - len(further), worlds, comparison, seen)

        try:
            numbers = [number for number in worlds[0].numbers() if worlds[0].alive(number)]
            failure = more(*(steps.Ask(number, ops.close_session()) for number in numbers),
                           steps.Ask(AUDITOR, ops.auth(b"digest", SUPER_PASSWORD)))
            for root in (ops.BASE, b"/zookeeper/quota" + ops.BASE):
                failure = failure or self._audit_tree(root, more, seen)
            failure = failure or more(steps.Ask(AUDITOR, ops.exists(b"/")), steps.Ask(AUDITOR, ops.close_session()))
        finally:
            self._transcript, self.requests = transcript, requests
        if failure:
            failure.name += f" (in the audit after its {played} steps)"
        return failure

    def _audit_tree(self, path, more, seen):
        failure = more(steps.Ask(AUDITOR, ops.get_data(path)), steps.Ask(AUDITOR, ops.get_acl(path)),
                       steps.Ask(AUDITOR, ops.get_children2(path)))
        for child in _children(seen[-1][0]):
            failure = failure or self._audit_tree(path + b"/" + child, more, seen)
        return failure or more(steps.Ask(AUDITOR, ops.delete(path)))

    # --- shrinking

    def shrink(self, failure):
        """The shortest sequence found that makes the same difference, or None if it does not come again."""
        deadline = time.monotonic() + SHRINK_SECONDS

        def fails(candidate):
            again = self.run(failure.name, candidate)
            return again if again and again.difference.signature == failure.difference.signature else None

        best = fails(failure.sequence[:failure.at + 1])
        if best is None:
            return None
        size = max(1, len(best.sequence) // 2)
        while time.monotonic() < deadline:
            smaller = self._without_some(best, size, fails, deadline)
            if smaller:
                best = smaller
                size = min(size, max(1, len(best.sequence) // 2))
            elif size == 1:
                break
            else:
                size //= 2
        return self._with_shorter_bursts(best, fails, deadline)

    @staticmethod
    def _with_shorter_bursts(best, fails, deadline):
        """Leaves single requests out of the bursts that remain."""
        place, number = 0, 0
        while place < len(best.sequence) and time.monotonic() < deadline:
            step = best.sequence[place]
            if not isinstance(step, steps.Burst) or number >= len(step.requests):
                place, number = place + 1, 0
                continue
            shorter = dataclasses.replace(step, requests=step.requests[:number] + step.requests[number + 1:])
            again = fails(best.sequence[:place] + [shorter] + best.sequence[place + 1:best.at + 1])
            if again:
                best = again
            else:
                number += 1
        return best

    @staticmethod
    def _without_some(failure, size, fails, deadline):
        kept = failure.sequence[:failure.at + 1]
        best = None
        at = 0
        while at < len(kept) and time.monotonic() < deadline:
            candidate = kept[:at] + kept[at + size:]
            again = fails(candidate) if candidate else None
            if again:
                best = again
                kept = again.sequence[:again.at + 1]
            else:
                at += size
        return best


def _children(observations):
    """The names in a getChildren2 reply, sorted."""
    for observation in observations:
        if observation.kind == "reply" and observation.request and observation.request.op == wire.GET_CHILDREN2:
            for field in decode(observation):
                if field.kind == "names":
                    return sorted(field.value or ())
    return []


def _remove_all(worlds, base):
    """After a difference: ends the sessions and removes the nodes at each side for itself."""
    for world in worlds:
        for number in world.numbers():
            if world.alive(number):
                world.perform(steps.Ask(number, ops.close_session()))
        world.perform(steps.Ask(AUDITOR, ops.auth(b"digest", SUPER_PASSWORD)))
        for root in (ops.BASE, b"/zookeeper/quota" + ops.BASE):
            _remove_tree(world, root)
        world.perform(steps.Ask(AUDITOR, ops.close_session()))


def _remove_tree(world, path):
    for child in _children(world.perform(steps.Ask(AUDITOR, ops.get_children2(path)))):
        _remove_tree(world, path + b"/" + child)
    world.perform(steps.Ask(AUDITOR, ops.delete(path)))
