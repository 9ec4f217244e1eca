"""Servers whose local sessions stay what they are (localSessionsUpgradingEnabled is off)."""

import operations as ops
from scripts import ask, at, tree


def ephemerals():
    yield from tree()
    yield from ask(ops.create(at(b"/e"), flags=1))


def an_ephemeral_in_a_multi():
    yield from tree()
    yield from ask(ops.multi(ops.create(at(b"/x")), ops.create(at(b"/e"), flags=1)))


def everything_else():
    yield from tree()
    yield from ask(ops.create(at(b"/s"), flags=2), ops.create_ttl(at(b"/t")), ops.get_ephemerals(b"/"),
                   ops.get_children(at()))
