"""A node of an ensemble that has lost its quorum, and may serve reads (readonlymode.enabled).

Session 0, 3, 6 … are at the node that stays.

The real server opens sessions of a node without a quorum only if it has local sessions at all, so that here the
other sessions are local, too, until they make an ephemeral.
"""

import operations as ops
import wire
from operations import BASE
from scripts import ask, at, log_in, tree
from steps import Drop, Open, Reopen, Start, Stop, Word
from zkserver import SUPER_PASSWORD

OTHERS = (1, 2)


def _alone():
    """Session 0 is closed before: the real one's may be a local one, which is lost."""
    return [*ask(ops.close_session()), Stop(OTHERS, b"ro")]


def _together():
    return [Start(OTHERS)]


def who_is_let_in():
    yield from tree(b"/a")
    yield from ask(ops.create(at(b"/e"), flags=1), session=3)
    yield from _alone()
    yield Open(6, read_only=False)
    yield Open(9, read_only=None)
    yield Open(12, read_only=True)
    yield from ask(ops.exists(at(b"/a")), session=12)
    # A session of the quorum.
    yield Reopen(3, read_only=True)
    yield Reopen(3, read_only=False)
    yield Reopen(3, read_only=True, password="wrong")
    yield Open(15, read_only=True, zxid="future")
    yield Open(18, read_only=True, timeout=1)
    yield Open(21, read_only=True, timeout=10_000_000)
    yield Open(24, read_only=True, password="null")
    yield from _together()
    yield Reopen(3)
    yield from ask(ops.exists(at(b"/e")), session=3)


def reads_are_answered_and_writes_refused():
    yield from tree(b"/a", b"/a/b")
    yield from ask(ops.set_acl(at(b"/a/b"), ((31, b"digest", b"alice:aYXlLOpEooaV1cRAvUL1fp9Qt7E="),)))
    yield from ask(ops.create(at(b"/e"), flags=1), ops.sync(BASE), session=3)
    yield from _alone()
    yield Open(6, read_only=True)
    for request in (ops.exists(at(b"/a")), ops.get_data(at(b"/a")), ops.get_children(BASE), ops.get_children2(BASE),
                    ops.get_acl(at(b"/a")), ops.exists(at(b"/none")), ops.get_data(at(b"/none")), ops.get_data(b"bad"),
                    ops.get_data(at(b"/a/b")), ops.auth(b"digest", b"alice:secret"), ops.get_data(at(b"/a/b")),
                    ops.who_am_i(), ops.ping(), ops.get_ephemerals(b"/"), ops.get_ephemerals(BASE),
                    ops.get_all_children_number(BASE), ops.multi_read(ops.get_data(at(b"/a")), ops.get_children(BASE)),
                    ops.sync(BASE), ops.create(at(b"/x")), ops.create2(at(b"/x")), ops.create_container(at(b"/x")),
                    ops.create_ttl(at(b"/x")), ops.create(at(b"/x"), flags=1), ops.delete(at(b"/a")),
                    ops.set_data(at(b"/a"), b"x"), ops.set_acl(at(b"/a"), wire.OPEN_ACL), ops.multi(ops.check(at(b"/a"))),
                    ops.multi(), ops.multi(ops.delete(at(b"/a/b"))), ops.create(b"bad"), ops.raw(1, b""),
                    ops.delete_container(at(b"/a")), ops.reconfig(), ops.sasl(b"x"), ops.who_am_i()):
        yield from ask(request, session=6)
    yield from _together()
    yield from ask(ops.get_children2(BASE), session=1)


def watches():
    yield from tree(b"/a")
    yield from _alone()
    yield Open(6, read_only=True)
    yield from ask(ops.get_data(at(b"/a"), True), ops.exists(at(b"/new"), True), ops.get_children(BASE, True),
                   ops.add_watch(BASE, 1), ops.check_watches(at(b"/a"), 2), ops.remove_watches(at(b"/a"), 2),
                   ops.remove_watches(at(b"/a"), 2), ops.set_watches((at(b"/none"),), (at(b"/a"),), (at(b"/none"),), 0),
                   session=6)
    yield from _together()


def unknown_operations():
    yield from tree(b"/a")
    yield from _alone()
    yield Open(6, read_only=True)
    yield from ask(ops.raw(1234, b""), session=6)
    yield from _together()


def a_session_of_its_own():
    """It lives at this node alone: it can be taken up there, it can be closed."""
    yield from tree()
    yield from _alone()
    yield Open(6, read_only=True)
    yield Drop(6)
    yield Reopen(6, read_only=True)
    yield from ask(ops.exists(BASE), session=6)
    yield Reopen(6, read_only=True)
    yield Reopen(6, read_only=True, drop=True, password="wrong")
    yield Reopen(6, read_only=True, drop=True)
    yield from ask(ops.exists(BASE), ops.close_session(), session=6)
    yield Open(9, read_only=True)
    yield from _together()
    yield Reopen(9)
    yield from ask(ops.create(at(b"/x")), session=9)


def the_super_user():
    yield from tree(b"/a")
    yield from _alone()
    yield Open(6, read_only=True)
    yield from log_in(SUPER_PASSWORD, session=6)
    yield from ask(ops.set_data(at(b"/a"), b"x"), ops.get_data(at(b"/a")), session=6)
    yield from _together()


def words():
    yield from tree()
    yield from _alone()
    yield Open(6, read_only=True)
    for word in (b"isro", b"ruok", b"srvr", b"stat", b"mntr", b"cons", b"wchs", b"conf"):
        yield Word(word)
    yield from _together()
    for word in (b"isro", b"ruok", b"wchs"):
        yield Word(word)


def a_read_only_client_of_a_node_with_a_quorum():
    yield from tree(b"/a")
    yield Open(3, read_only=True)
    yield from ask(ops.set_data(at(b"/a"), b"x"), ops.create(at(b"/e"), flags=1), session=3)
    yield Reopen(3, read_only=True, drop=True)
    yield from ask(ops.exists(at(b"/e")), session=3)


def a_node_that_comes_back():
    """What was written is still there; what is written afterwards is seen everywhere."""
    yield from tree(b"/a")
    yield from ask(ops.create(at(b"/e"), flags=1), ops.set_data(at(b"/a"), b"1"))
    yield Stop(OTHERS, b"ro")
    yield Open(6, read_only=True)
    yield from ask(ops.get_data(at(b"/a")), ops.exists(at(b"/e")), session=6)
    yield from _together()
    yield Reopen(0)
    yield from ask(ops.get_data(at(b"/a")), ops.exists(at(b"/e")), ops.set_data(at(b"/a"), b"2"))
    yield from ask(ops.get_data(at(b"/a")), session=4)
