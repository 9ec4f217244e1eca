"""What only an ensemble answers so: its configuration."""

import operations as ops
import wire
from operations import BASE
from scripts import ask, at, log_in, tree
from steps import Reopen
from zkserver import SUPER_PASSWORD

NOBODY = b"server.9=127.0.0.1:1:2:observer;127.0.0.1:3"


def configuration():
    path = b"/zookeeper/config"
    yield from ask(ops.get_data(path), ops.exists(path), ops.get_acl(path), ops.set_data(path, b""))
    for session in (1, 2):
        yield from ask(ops.get_data(path), session=session)


def reconfig_of_an_ordinary_user():
    yield from tree()
    for session in (0, 1, 2):
        yield from ask(ops.reconfig(NOBODY), ops.reconfig(None, b"9"), ops.reconfig(), session=session)


def refused_reconfigs_of_the_super_user():
    yield from tree()
    for session in (0, 1, 2):
        yield from log_in(SUPER_PASSWORD, session=session)
        yield from ask(ops.reconfig(NOBODY, config_id=1), ops.reconfig(b"nonsense"), ops.reconfig(b"server.9=nonsense"),
                       ops.reconfig(None, None, b"nonsense"), ops.reconfig(None, None, b"", -1), session=session)


def an_observer_comes_and_goes():
    yield from log_in(SUPER_PASSWORD)
    yield from ask(ops.get_data(b"/zookeeper/config", True))
    yield from ask(ops.get_data(b"/zookeeper/config", True), session=1)
    yield from ask(ops.reconfig(NOBODY), ops.get_data(b"/zookeeper/config"), ops.reconfig(None, b"9"),
                   ops.get_data(b"/zookeeper/config"))


def _moved(session, node, **how):
    return [Reopen(session, drop=True, node=node, **how)]


def a_session_goes_from_node_to_node():
    yield from tree()
    for node in (1, 2, 0, 0, 2):
        yield from ask(ops.create(at(b"/s"), b"x", flags=3), ops.get_children(BASE))
        yield from _moved(0, node)
        yield from ask(ops.get_children(BASE), ops.get_ephemerals(BASE), ops.who_am_i(), ops.exists(at(b"/s0000000000")))
    yield from ask(ops.exists(at(b"/s0000000000"), True), session=1)
    yield from ask(ops.close_session())
    yield from ask(ops.get_children(BASE), session=1)


def watches_do_not_go_with_it():
    yield from tree(b"/a")
    yield from ask(ops.get_data(at(b"/a"), True), ops.get_children(BASE, True), ops.exists(at(b"/new"), True),
                   ops.add_watch(BASE, 1))
    yield from _moved(0, 1)
    yield from ask(ops.set_data(at(b"/a"), b"1"), ops.create(at(b"/new")), session=2)
    yield from ask(ops.remove_watches(at(b"/a"), 3))


def watches_are_set_again_at_another_node():
    yield from tree(b"/a", b"/b")
    yield from ask(ops.get_data(at(b"/a"), True), ops.get_children(BASE, True), ops.exists(at(b"/new"), True),
                   ops.get_data(at(b"/b"), True))
    seen = ops.set_watches((at(b"/a"), at(b"/b")), (at(b"/new"),), (BASE,))
    yield from _moved(0, 2)
    yield from ask(seen)
    yield from ask(ops.set_data(at(b"/a"), b"1"), session=1)
    yield from _moved(0, 1)
    yield from ask(ops.set_data(at(b"/b"), b"2"), ops.create(at(b"/new")), session=2)
    yield from ask(ops.set_watches((at(b"/a"), at(b"/b")), (at(b"/new"),), (BASE,), ops.SeenZxid(1)))
    yield from ask(ops.delete(at(b"/new")), session=1)


def identities_do_not_go_with_it():
    yield from tree()
    yield from log_in(b"alice:secret")
    yield from ask(ops.create(at(b"/x"), b"d", wire.CREATOR_ACL))
    yield from _moved(0, 2)
    yield from ask(ops.get_data(at(b"/x")), ops.who_am_i())
    yield from log_in(b"alice:secret")
    yield from ask(ops.get_data(at(b"/x")))


def a_wrong_password_at_another_node():
    yield from tree()
    yield from ask(ops.create(at(b"/e"), flags=1), session=1)
    yield from _moved(1, 2, password="wrong")
    yield from _moved(1, 0)
    yield from ask(ops.get_ephemerals(BASE), session=1)


def ahead_of_all_nodes():
    yield from tree()
    for node in range(3):
        yield from _moved(0, node, zxid="future")
    yield from ask(ops.exists(BASE))


def an_ended_session_is_ended_everywhere():
    yield from tree()
    yield from ask(ops.create(at(b"/e"), flags=1), session=1)
    yield from _moved(1, 2)
    yield from ask(ops.close_session(), session=1)
    yield from ask(ops.exists(at(b"/e")))


def writes_in_turns():
    """Each node's clients see what clients of the others did, in the same order and under the same zxids."""
    yield from tree(b"/n")
    for number in range(12):
        yield from ask(ops.set_data(at(b"/n"), b"%d" % number, number), ops.set_data(at(b"/n"), b"late", number),
                       ops.create2(at(b"/n/s"), flags=2), ops.multi(ops.check(at(b"/n"), number + 1),
                                                                    ops.create(at(b"/n/m%d" % number))),
                       session=number % 3)
