"""Sessions that end because nothing was heard: these sequences wait for it."""

import operations as ops
from scripts import again, ask, at, tree
from steps import AwaitGone, Drop, Open, Reopen


def expired_session_loses_its_ephemerals():
    yield from tree()
    yield Open(1, timeout=4000)
    yield from ask(ops.create(at(b"/e1"), flags=1), session=1)
    yield from ask(ops.exists(at(b"/e1"), True))
    yield Drop(1)
    yield AwaitGone(0, at(b"/e1"))
    yield from again(1)
    yield from ask(ops.get_ephemerals(b"/"), session=1)


def expired_session_with_an_open_connection():
    yield from tree()
    yield Open(1, timeout=4000)
    yield from ask(ops.create(at(b"/e1"), flags=1), session=1)
    yield Reopen(1, timeout=4000)
    yield Drop(1)
    yield AwaitGone(0, at(b"/e1"))
    yield Reopen(1, password="wrong")
    yield Reopen(1)
    yield from ask(ops.exists(at(b"/e1")), session=1)
