"""Limits on parts of the tree: the nodes that hold them, and what is refused."""

import operations as ops
from operations import BASE
from scripts import ask, at, tree

QUOTA = b"/zookeeper/quota" + BASE


def _limit(suffix, limits, stats=b"count=0,bytes=0"):
    yield from ask(ops.create(QUOTA), ops.create(QUOTA + suffix),
                   ops.create(QUOTA + suffix + b"/zookeeper_limits", limits),
                   ops.create(QUOTA + suffix + b"/zookeeper_stats", stats))


def _look(suffix):
    yield from ask(ops.get_data(QUOTA + suffix + b"/zookeeper_stats"),
                   ops.get_data(QUOTA + suffix + b"/zookeeper_limits"))


def statistics_follow_the_tree():
    yield from tree(b"/q")
    yield from _limit(b"/q", b"count=100,bytes=1000")
    yield from _look(b"/q")
    for change in (ops.create(at(b"/q/a"), b"12345"), ops.create(at(b"/q/a/b"), b"1"), ops.set_data(at(b"/q/a"), b"1"),
                   ops.set_data(at(b"/q"), b"abc"), ops.set_data(at(b"/q/a"), None), ops.delete(at(b"/q/a/b")),
                   ops.create(at(b"/q/e"), b"xx", flags=1), ops.create(at(b"/other"), b"xx")):
        yield from ask(change)
        yield from _look(b"/q")


def soft_limits_only_warn():
    yield from tree(b"/q")
    yield from _limit(b"/q", b"count=2,bytes=4")
    yield from ask(*(ops.create(at(b"/q/%d" % i), b"abc") for i in range(4)), ops.set_data(at(b"/q"), b"x" * 50))
    yield from _look(b"/q")


def hard_limits():
    yield from tree(b"/q")
    yield from _limit(b"/q", b"count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3")
    yield from ask(*(ops.create(at(b"/q/%d" % i), b"abc") for i in range(5)), ops.set_data(at(b"/q"), b"x" * 50))
    yield from ask(ops.multi(ops.create(at(b"/q/x"), b"x" * 50)), ops.create_container(at(b"/q/c"), b"x" * 50))
    yield from _look(b"/q")


def limits_of_many_forms():
    yield from tree(b"/q")
    yield from ask(ops.create(QUOTA), ops.create(QUOTA + b"/q"))
    for limits in (b"", b"nonsense", b"count=1", b"bytes=1", b"count=x,bytes=1", b"count=1,bytes=1,more=2",
                   b"count=5,bytes=5000", None):
        yield from ask(ops.create(QUOTA + b"/q/zookeeper_limits", limits), ops.create(at(b"/q/x"), b"abc"),
                       ops.set_data(at(b"/q/x"), b"abcdef"), ops.get_data(QUOTA + b"/q/zookeeper_stats"),
                       ops.delete(at(b"/q/x")), ops.get_children(QUOTA + b"/q"),
                       ops.delete(QUOTA + b"/q/zookeeper_limits"))


def limits_before_the_nodes():
    yield from tree()
    yield from _limit(b"/q", b"count=5,bytes=50")
    yield from _look(b"/q")
    yield from ask(ops.create(at(b"/q"), b"abc"), ops.create(at(b"/q/a"), b"abc"))
    yield from _look(b"/q")
    yield from ask(ops.delete(QUOTA + b"/q/zookeeper_limits"), ops.create(at(b"/q/b"), b"abc"))
    yield from _look(b"/q")


def limits_below_limits():
    yield from tree(b"/q", b"/q/in")
    yield from _limit(b"", b"count=50,bytes=500")
    yield from _limit(b"/q", b"count=50,bytes=500")
    yield from _limit(b"/q/in", b"count=50,bytes=500")
    yield from ask(ops.create(at(b"/q/in/x"), b"abc"))
    for suffix in (b"", b"/q", b"/q/in"):
        yield from _look(suffix)
