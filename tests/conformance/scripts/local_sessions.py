"""Servers with sessions that only they know (localSessionsEnabled), and that become the ensemble's where they have to."""

import operations as ops
from operations import BASE
from scripts import again, ask, at, tree
from steps import Open, Reopen, Word


def what_needs_no_ephemerals():
    yield from tree(b"/a")
    yield from ask(ops.get_data(at(b"/a"), True), ops.set_data(at(b"/a"), b"1"), ops.create(at(b"/s"), flags=2),
                   ops.create_container(at(b"/c")), ops.create_ttl(at(b"/t")), ops.sync(BASE), ops.who_am_i(),
                   ops.multi(ops.set_data(at(b"/a"), b"2"), ops.delete(at(b"/s0000000000"))), ops.get_ephemerals(b"/"))
    yield from ask(ops.delete(at(b"/a")), session=1)
    yield from again()
    yield from ask(ops.exists(at(b"/a"), True), ops.close_session())


def an_ephemeral_makes_it_the_ensembles():
    yield from tree()
    yield from ask(ops.create(at(b"/e"), b"d", flags=1), ops.exists(at(b"/e")), ops.get_ephemerals(b"/"),
                   ops.create(at(b"/e2"), flags=3))
    yield Reopen(0, drop=True, node=1)
    yield from ask(ops.exists(at(b"/e")), session=0)
    yield from ask(ops.exists(at(b"/e"), True), session=2)
    yield from ask(ops.close_session())
    yield from ask(ops.get_children(BASE), session=2)


def an_ephemeral_in_a_multi():
    yield from tree()
    yield from ask(ops.multi(ops.create(at(b"/x")), ops.create(at(b"/e"), flags=1)), ops.get_children(BASE),
                   ops.get_ephemerals(BASE))
    yield Reopen(0, drop=True, node=2)
    yield from ask(ops.get_ephemerals(BASE))


def an_ephemeral_that_is_refused():
    yield from tree()
    yield from ask(ops.create(at(b"/none/e"), flags=1), ops.exists(BASE), ops.create(BASE, flags=1))


def listed_by_their_node():
    yield from tree()
    yield Word(b"dump")
    yield from ask(ops.create(at(b"/e"), flags=1), ops.exists(at(b"/e")))
    yield Word(b"dump")


def at_the_same_node():
    yield from tree(b"/a")
    yield Reopen(0, drop=True)
    yield from ask(ops.set_data(at(b"/a"), b"1"), ops.get_data(at(b"/a"), True))
    yield Reopen(0, drop=True, timeout=10_000_000)
    yield from ask(ops.delete(at(b"/a")), ops.close_session())
    yield Reopen(0)


def at_another_node():
    yield Open(1)
    yield Reopen(1, drop=True, node=2)
