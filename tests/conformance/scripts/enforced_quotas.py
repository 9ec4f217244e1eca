"""Quotas of a server that refuses what exceeds them (enforceQuota)."""

import operations as ops
from operations import BASE
from scripts import QUOTA, ask, at, limit, log_in, look, tree

HARD_COUNT = b"count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=%d"
HARD_BYTES = b"count=-1,bytes=-1=;byteHardLimit=%d;countHardLimit=-1"


def too_many_nodes():
    yield from tree(b"/q")
    yield from limit(b"/q", HARD_COUNT % 3)
    for i in range(4):
        yield from ask(ops.create(at(b"/q/%d" % i), b"abc"), ops.exists(at(b"/q")))
        yield from look(b"/q")
    yield from ask(ops.set_data(at(b"/q/0"), b"x" * 500), ops.delete(at(b"/q/0")), ops.create(at(b"/q/again")),
                   ops.create(at(b"/q/once/more")), ops.create(at(b"/q/more")), ops.create(at(b"/beside")))
    yield from look(b"/q")


def too_many_bytes():
    yield from tree(b"/q")
    yield from limit(b"/q", HARD_BYTES % 10)
    yield from ask(ops.create(at(b"/q/a"), b"x" * 10), ops.create(at(b"/q/b"), b"x" * 3), ops.create(at(b"/q/c"), b"xx"),
                   ops.set_data(at(b"/q/a"), b"x" * 11), ops.set_data(at(b"/q/b"), b"x" * 4),
                   ops.set_data(at(b"/q/b"), b"x" * 2), ops.set_data(at(b"/q"), b""), ops.create(at(b"/q/d"), b"x" * 3),
                   ops.create(at(b"/q/e"), None), ops.set_data(at(b"/q/b"), None), ops.delete(at(b"/q/a")))
    yield from look(b"/q")


def exactly_at_the_limit_and_beyond():
    """A subtree that holds too much already: what makes it smaller is let through, or not."""
    yield from tree(b"/q", b"/q/a", b"/q/b", b"/q/c")
    for limits in (HARD_COUNT % 4, HARD_COUNT % 2, HARD_COUNT % 0, HARD_BYTES % 27, HARD_BYTES % 5, HARD_BYTES % 0):
        yield from limit(b"/q", limits)
        yield from ask(ops.create(at(b"/q/x"), b"1"), ops.set_data(at(b"/q/a"), b"x" * 6), ops.set_data(at(b"/q/a"), b"x"),
                       ops.set_data(at(b"/q/a"), b"y"), ops.set_data(at(b"/q/a"), b"data/q"), ops.delete(at(b"/q/x")))
        yield from look(b"/q")
        yield from ask(ops.delete(QUOTA + b"/q/zookeeper_limits"), ops.delete(QUOTA + b"/q/zookeeper_stats"))


def soft_beside_hard():
    yield from tree(b"/q")
    for limits in (b"count=2,bytes=4", b"count=2,bytes=4=;byteHardLimit=8;countHardLimit=4",
                   b"count=4,bytes=8=;byteHardLimit=4;countHardLimit=2", b"count=2,bytes=4=;byteHardLimit=8",
                   b"count=2,bytes=4=;countHardLimit=4", b"countHardLimit=2", b"byteHardLimit=3", b"bytes=3,count=2",
                   b"count=-1,bytes=-1", b"count=0,bytes=0", b"count=-2,bytes=-5=;byteHardLimit=-3;countHardLimit=-9"):
        yield from limit(b"/q", limits)
        yield from ask(*(ops.create(at(b"/q/%d" % i), b"ab") for i in range(5)), ops.set_data(at(b"/q"), b"x" * 9))
        yield from look(b"/q")
        yield from ask(*(ops.delete(at(b"/q/%d" % i)) for i in range(5)), ops.set_data(at(b"/q"), b""),
                       ops.delete(QUOTA + b"/q/zookeeper_limits"), ops.delete(QUOTA + b"/q/zookeeper_stats"))


def in_multis():
    yield from tree(b"/q", b"/q/old", b"/beside")
    yield from limit(b"/q", b"count=-1,bytes=-1=;byteHardLimit=20;countHardLimit=4")
    for parts in ((ops.create(at(b"/q/1"), b"x"), ops.set_data(at(b"/beside"), b"n")),
                  (ops.check(at(b"/q")), ops.create(at(b"/q/2"), b"x")),
                  (ops.set_data(at(b"/beside"), b"m"), ops.create(at(b"/q/3"), b"x"), ops.check(at(b"/q"))),
                  (ops.set_data(at(b"/q/1"), b"x" * 50),), (ops.set_data(at(b"/q/1"), b""), ops.check(BASE)),
                  (ops.create(at(b"/q/3"), b"x" * 50), ops.delete(at(b"/none"))),
                  (ops.check(at(b"/q"), 9), ops.create(at(b"/q/3"))),
                  (ops.delete(at(b"/q/1")), ops.delete(at(b"/q/2")), ops.delete(at(b"/q/old")))):
        yield from ask(ops.multi(*parts))
        yield from look(b"/q")
    yield from ask(ops.get_children2(at(b"/q")), ops.exists(BASE))


def many_in_one_multi():
    yield from tree(b"/q")
    yield from limit(b"/q", HARD_COUNT % 2)
    yield from ask(ops.multi(*(ops.create(at(b"/q/%d" % i)) for i in range(5))))


def room_made_in_the_same_multi():
    yield from tree(b"/q", b"/q/old")
    yield from limit(b"/q", HARD_COUNT % 2)
    yield from ask(ops.multi(ops.delete(at(b"/q/old")), ops.create(at(b"/q/new"))))


def lifted_in_the_same_multi():
    yield from tree(b"/q", b"/q/old")
    yield from limit(b"/q", HARD_COUNT % 2)
    yield from ask(ops.multi(ops.delete(QUOTA + b"/q/zookeeper_limits"), ops.create(at(b"/q/new"))))


def set_in_the_same_multi():
    """New statistics count from the next transaction on."""
    yield from tree(b"/q")
    where = QUOTA + b"/q"
    limits = ops.create(where + b"/zookeeper_limits", HARD_COUNT % 2)
    stats = ops.create(where + b"/zookeeper_stats", b"count=0,bytes=0")
    yield from ask(ops.create(QUOTA), ops.create(where))
    yield from ask(ops.multi(limits, stats, ops.create(at(b"/q/1")), ops.create(at(b"/q/2")), ops.create(at(b"/q/3"))))
    yield from look(b"/q")
    yield from ask(ops.multi(limits, stats, ops.create(at(b"/q/1"))), ops.create(at(b"/q/4")))
    yield from look(b"/q")


def kinds_of_nodes():
    yield from tree(b"/q")
    yield from limit(b"/q", HARD_COUNT % 2)
    for i in range(2):
        yield from ask(ops.create(at(b"/q/e"), flags=1), ops.create(at(b"/q/s"), flags=2), ops.create(at(b"/q/t"), flags=3),
                       ops.create_container(at(b"/q/c")), ops.create_ttl(at(b"/q/l")), ops.create2(at(b"/q/2")))
        yield from look(b"/q")
        yield from ask(ops.delete(at(b"/q/e")))


def ephemerals_that_go_with_their_session():
    yield from tree(b"/q")
    yield from limit(b"/q", HARD_COUNT % 3)
    yield from ask(ops.create(at(b"/q/1"), flags=1), ops.create(at(b"/q/2"), flags=1), session=1)
    yield from ask(ops.create(at(b"/q/3")))
    yield from ask(ops.close_session(), session=1)
    yield from look(b"/q")
    yield from ask(ops.create(at(b"/q/3")), ops.create(at(b"/q/4")), ops.create(at(b"/q/5")))


def the_innermost_counts():
    yield from tree(b"/q", b"/q/in")
    yield from limit(b"", HARD_COUNT % 5)
    yield from limit(b"/q", HARD_COUNT % 4)
    yield from limit(b"/q/in", HARD_COUNT % 100)
    yield from ask(*(ops.create(at(b"/q/in/%d" % i)) for i in range(6)), ops.create(at(b"/q/x")), ops.create(at(b"/y")))
    for suffix in (b"", b"/q", b"/q/in"):
        yield from look(suffix)
    yield from ask(ops.delete(QUOTA + b"/q/in/zookeeper_limits"), ops.create(at(b"/q/in/more")),
                   ops.delete(QUOTA + b"/q/zookeeper_limits"), ops.create(at(b"/q/in/yet")),
                   ops.delete(QUOTA + b"/zookeeper_limits"), ops.create(at(b"/q/in/yet")))
    for suffix in (b"", b"/q", b"/q/in"):
        yield from look(suffix)


def limits_that_are_none():
    yield from tree(b"/q")
    yield from ask(ops.create(QUOTA), ops.create(QUOTA + b"/q"))
    for limits in (b"", b"nonsense", b"count=1", b"bytes=1", b"count=x,bytes=1", b"count=1,bytes=1,more=2", None, b"=", b",",
                   b"count=,bytes=", b"count=1=bytes", b"countHardLimit=1", b"countHardLimit=99999999999999999999",
                   b" count = 1 , bytes = 1 ", b"count=1;bytes=1", b"count=1,bytes=1=", b"COUNT=1", b"\xff\xfe"):
        yield from ask(ops.create(QUOTA + b"/q/zookeeper_limits", limits), ops.create(at(b"/q/x"), b"abc"),
                       ops.set_data(at(b"/q/x"), b"abcdef"), ops.get_data(QUOTA + b"/q/zookeeper_stats"),
                       ops.multi(ops.create(at(b"/q/m"), b"abc")), ops.delete(at(b"/q/m")),
                       ops.delete(at(b"/q/x")), ops.get_children(QUOTA + b"/q"),
                       ops.delete(QUOTA + b"/q/zookeeper_limits"))


def statistics_that_are_none():
    yield from tree(b"/q")
    yield from ask(ops.create(QUOTA), ops.create(QUOTA + b"/q"))
    yield from ask(ops.create(QUOTA + b"/q/zookeeper_limits", HARD_COUNT % 2), ops.create(at(b"/q/no"), b"abc"))
    for stats in (b"", b"nonsense", b"count=1", b"bytes=1", b"count=-5,bytes=-5", b"count=0,bytes=0", None):
        yield from ask(ops.create(QUOTA + b"/q/zookeeper_stats", stats), ops.create(at(b"/q/x"), b"abc"),
                       ops.get_data(QUOTA + b"/q/zookeeper_stats"), ops.create(at(b"/q/y"), b"abc"),
                       ops.get_data(QUOTA + b"/q/zookeeper_stats"), ops.delete(at(b"/q/x")), ops.delete(at(b"/q/y")),
                       ops.delete(QUOTA + b"/q/zookeeper_stats"))


def order_of_checks():
    """What is refused for several reasons is refused for the first that is looked at."""
    yield from tree(b"/q", b"/q/a")
    yield from limit(b"/q", b"count=-1,bytes=-1=;byteHardLimit=5;countHardLimit=2")
    yield from ask(ops.create(at(b"/q/a"), b"x" * 50), ops.set_data(at(b"/q/a"), b"x" * 50, 7),
                   ops.set_data(at(b"/q/none"), b"x" * 50), ops.create(at(b"/q/none/x"), b"x" * 50),
                   ops.create(at(b"/q/."), b"x" * 50), ops.create(at(b"/q/b"), b"x" * 50, ()),
                   ops.set_acl(at(b"/q"), ((1, b"world", b"anyone"),)), ops.create(at(b"/q/b"), b"x" * 50),
                   ops.set_acl(at(b"/q/a"), ((1, b"world", b"anyone"),)), ops.set_data(at(b"/q/a"), b"x" * 50))
    yield from log_in(b"super:secret")
    yield from ask(ops.create(at(b"/q/b"), b"x" * 50), ops.set_data(at(b"/q/a"), b"x" * 50))


def a_quota_of_what_is_not_there():
    yield from tree()
    yield from limit(b"/q", HARD_COUNT % 1)
    yield from ask(ops.create(at(b"/q"), b"abc"), ops.create(at(b"/q/a"), b"abc"), ops.create(at(b"/qq"), b"abc"))
    yield from look(b"/q")
    yield from ask(ops.delete(at(b"/q")), ops.create(at(b"/q")))
    yield from look(b"/q")


def a_quota_of_the_quotas():
    """Nobody measures /zookeeper itself."""
    yield from tree()
    yield from ask(ops.create(QUOTA))
    yield from ask(ops.create(QUOTA + b"/zookeeper_limits", HARD_COUNT % 0), ops.create(QUOTA + b"/zookeeper_stats"),
                   ops.create(at(b"/x")), ops.create(QUOTA + b"/deep"), ops.set_data(QUOTA, b"x"))


def changed_limits():
    yield from tree(b"/q")
    yield from limit(b"/q", HARD_COUNT % 2)
    yield from ask(ops.create(at(b"/q/1")), ops.create(at(b"/q/2")),
                   ops.set_data(QUOTA + b"/q/zookeeper_limits", HARD_COUNT % 3), ops.create(at(b"/q/2")),
                   ops.create(at(b"/q/3")), ops.set_data(QUOTA + b"/q/zookeeper_limits", b"count=1,bytes=1"),
                   ops.create(at(b"/q/3")), ops.set_data(QUOTA + b"/q/zookeeper_limits", b"nonsense"),
                   ops.create(at(b"/q/4")), ops.set_data(QUOTA + b"/q/zookeeper_limits", HARD_COUNT % 2),
                   ops.create(at(b"/q/4")), ops.delete(at(b"/q/3")))
    yield from look(b"/q")
