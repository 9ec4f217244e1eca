"""What only an ensemble answers so: its configuration."""

import operations as ops
from scripts import ask, log_in, tree
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
