"""Says whether two servers' values mean the same: zxids, times, session ids and passwords differ by nature.

One Mapping serves one sequence. It learns pairs as they come and refuses those that contradict earlier ones.
"""

import bisect
import time

import digest_md5

# How far a server's clock may be off, in milliseconds, and how long a sequence may have gone on before.
CLOCK_SLACK_MS = 3_600_000


class Bijection:
    """Pairs values one to one; zero and everything negative stands for itself."""

    def __init__(self):
        self._there = {}
        self._back = {}

    def agrees(self, reference, target):
        """Whether the pair fits those before; a pair that fits is learnt."""
        if reference <= 0 or target <= 0:
            return reference == target
        if reference in self._there or target in self._back:
            return self._there.get(reference) == target
        if not self._fits(reference, target):
            return False
        self._there[reference] = target
        self._back[target] = reference
        return True

    def _fits(self, reference, target):
        return True


class MonotoneBijection(Bijection):
    """Pairs that also keep their order: what is later on one side is later on the other."""

    def __init__(self):
        super().__init__()
        self._reference_order = []
        self._target_order = []

    def _fits(self, reference, target):
        at = bisect.bisect(self._reference_order, reference)
        if at != bisect.bisect(self._target_order, target):
            return False
        self._reference_order.insert(at, reference)
        self._target_order.insert(at, target)
        return True

    def stands_still(self, reference, target):
        """Takes the reference's newest value for one that the target did not make: it stayed at its newest."""
        if not self._target_order or target != self._target_order[-1] or reference <= self._reference_order[-1]:
            return False
        self._there[reference] = target
        return True


class Clock:
    """The times of one server: one per transaction, later transactions not earlier, all near the present."""

    def __init__(self):
        self._times = {}
        self._zxids = []

    def plausible(self, value, zxid):
        if zxid == 0 or value == 0:
            return value == 0 and zxid == 0
        if abs(value - time.time() * 1000) > CLOCK_SLACK_MS:
            return False
        if zxid & 0xffff_ffff == 0:
            # No transaction but the start of an epoch, when each member sets /zookeeper/config by its own clock.
            return True
        if zxid in self._times:
            return self._times[zxid] == value
        at = bisect.bisect(self._zxids, zxid)
        if at > 0 and self._times[self._zxids[at - 1]] > value:
            return False
        if at < len(self._zxids) and self._times[self._zxids[at]] < value:
            return False
        self._zxids.insert(at, zxid)
        self._times[zxid] = value
        return True


class Mapping:
    """Compares two fields of the same name and kind. zxids_of_replies: whether those in the replies' headers, too."""

    def __init__(self, zxids_of_replies=True):
        self._zxids_of_replies = zxids_of_replies
        self._zxids = MonotoneBijection()
        self._sessions = Bijection()
        self._clocks = (Clock(), Clock())
        self._compare = {
            "plain": lambda a, b: a.value == b.value,
            "names": lambda a, b: a.value == b.value,
            "zxid": self._same_zxid,
            "session": lambda a, b: self._sessions.agrees(a.value, b.value),
            "password": _passwords,
            "time": self._times,
            "token": lambda a, b: digest_md5.parts(a.value) == digest_md5.parts(b.value),
        }

    def same(self, reference, target):
        """Whether the two values mean the same."""
        return self._compare[reference.kind](reference, target)

    def _same_zxid(self, reference, target):
        if reference.name == "zxid" and not self._zxids_of_replies:
            return (reference.value > 0) == (target.value > 0) or reference.value == target.value
        return self._zxids.agrees(reference.value, target.value)

    def no_zxid_taken(self, reference, target):
        """Whether the target's zxid stayed what it was while the reference's moved; later comparisons know of it."""
        return self._zxids.stands_still(reference.value, target.value)

    def _times(self, reference, target):
        return self._clocks[0].plausible(reference.value, reference.zxid) and \
            self._clocks[1].plausible(target.value, target.zxid)


def _passwords(reference, target):
    """Secrets differ; their length, and whether they are all zero, does not."""
    a, b = reference.value, target.value
    if a is None or b is None:
        return a == b
    return len(a) == len(b) and any(a) == any(b)
