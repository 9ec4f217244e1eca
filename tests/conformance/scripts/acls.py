"""Access control: who may do what, and what an ACL may look like."""

import operations as ops
import wire
from generator import INVALID_ACLS, VALID_ACLS
from operations import BASE
from scripts import again, ask, at, log_in, tree
from wire import ADMIN, ALL, CREATE_CHILD, DELETE_CHILD, OPEN_ACL, READ, WRITE
from zkserver import SUPER_PASSWORD


def valid_acls():
    yield from tree()
    for user in (False, True):
        for number, acl in enumerate(VALID_ACLS):
            path = at(b"/v%d-%d" % (user, number))
            yield from ask(ops.create(path, b"", acl), ops.get_acl(path), ops.get_data(path))
        yield from log_in(b"alice:secret")


def invalid_acls():
    yield from tree(b"/a")
    for acl in INVALID_ACLS:
        yield from ask(ops.create(at(b"/x"), b"", acl), ops.set_acl(at(b"/a"), acl), ops.set_acl(at(b"/none"), acl),
                       ops.create(at(b"/none/x"), b"", acl), ops.set_acl(at(b"/a"), acl, 99))


def permissions_one_by_one():
    yield from tree()
    for perms in (0, READ, WRITE, CREATE_CHILD, DELETE_CHILD, ADMIN, ALL & ~READ, ALL & ~ADMIN, -1, 32, 64 | READ):
        path = at(b"/p%d" % (perms & 0xff))
        yield from ask(
            ops.create(path, b"d"), ops.create(path + b"/old", b""), ops.set_acl(path, ((perms, b"world", b"anyone"),)),
            ops.exists(path), ops.get_data(path), ops.get_children(path), ops.get_children2(path), ops.get_acl(path),
            ops.get_all_children_number(path), ops.set_data(path, b"e"), ops.create(path + b"/new"),
            ops.create(path + b"/seq", flags=2), ops.delete(path + b"/old"), ops.delete(path + b"/none"),
            ops.sync(path), ops.add_watch(path, 0), ops.multi(ops.check(path)), ops.multi(ops.set_data(path, b"f")),
            ops.multi_read(ops.get_data(path), ops.get_children(path)), ops.exists(path, True),
            ops.set_acl(path, OPEN_ACL))


def order_of_checks():
    """Each request breaks several rules; the answer names the one that is looked at first."""
    yield from tree(b"/shut", b"/shut/c")
    yield from ask(
        ops.set_acl(at(b"/shut/c"), wire.READ_ACL), ops.set_acl(at(b"/shut"), wire.READ_ACL),
        ops.create(at(b"/shut/c"), b"", ()), ops.create(at(b"/shut/c")), ops.create(at(b"/shut/none/x"), b"", ()),
        ops.create(at(b"/shut/./x"), b"", ()), ops.create(at(b"/shut/c"), b"", OPEN_ACL, 9),
        ops.create(at(b"/shut/."), b"", OPEN_ACL, 9), ops.delete(at(b"/shut/c"), 9), ops.delete(at(b"/shut/none"), 9),
        ops.delete(at(b"/shut"), 9), ops.set_data(at(b"/shut"), b"", 9), ops.set_data(at(b"/shut/none"), b"", 9),
        ops.set_acl(at(b"/shut"), OPEN_ACL, 9), ops.set_acl(at(b"/shut"), (), 9),
        ops.multi(ops.check(at(b"/shut"), 9)), ops.multi(ops.check(at(b"/shut"), 0)))


def digest_users():
    mine = wire.CREATOR_ACL
    yield from tree()
    yield from ask(ops.create(at(b"/none"), b"", mine), session=1)
    yield from log_in(b"alice:secret", session=1)
    yield from ask(ops.create(at(b"/alice"), b"d", mine), ops.get_acl(at(b"/alice")), session=1)
    yield from log_in(b"bob:pw", session=1)
    yield from ask(ops.create(at(b"/both"), b"d", mine), ops.get_acl(at(b"/both")), ops.who_am_i(), session=1)
    for user in (None, b"alice:wrong", b"bob:pw", b"alice:secret"):
        if user:
            yield from log_in(user)
        for path in (at(b"/alice"), at(b"/both")):
            yield from ask(ops.get_data(path), ops.set_data(path, b"e"), ops.get_acl(path), ops.exists(path))


def users_in_many():
    """The order of a session's identities shows in whoAmI and in what the auth scheme expands to."""
    yield from tree()
    for number in range(15):
        yield from log_in(b"user%d:pw" % number)
        yield from ask(ops.who_am_i(), ops.create(at(b"/n%d" % number), b"", wire.CREATOR_ACL),
                       ops.get_acl(at(b"/n%d" % number)))


def same_user_twice():
    yield from tree()
    yield from log_in(b"alice:secret", b"alice:secret", b"alice:other")
    yield from ask(ops.who_am_i(), ops.create(at(b"/x"), b"", wire.CREATOR_ACL), ops.get_acl(at(b"/x")))


def identities_go_with_the_connection():
    yield from tree()
    yield from log_in(b"alice:secret")
    yield from ask(ops.create(at(b"/x"), b"d", wire.CREATOR_ACL), ops.get_data(at(b"/x")))
    yield from again()
    yield from ask(ops.get_data(at(b"/x")), ops.who_am_i())
    yield from log_in(b"alice:secret")
    yield from ask(ops.get_data(at(b"/x")))


def auth_scheme_beside_others():
    both = ((READ, b"world", b"anyone"), (ALL, b"auth", b"ignored"), (READ | WRITE, b"auth", b""))
    yield from tree()
    yield from ask(ops.create(at(b"/nobody"), b"", both))
    yield from log_in(b"alice:secret")
    yield from ask(ops.create(at(b"/x"), b"", both), ops.get_acl(at(b"/x")))


def digest_hashes_are_hidden():
    secret = ((READ, b"world", b"anyone"), (ALL, b"digest", b"bob:hash"), (ALL, b"digest", b"nohash:"))
    yield from tree()
    yield from ask(ops.create(at(b"/x"), b"", secret), ops.get_acl(at(b"/x")),
                   ops.create(at(b"/y"), b"", secret[:2]), ops.get_acl(at(b"/y")),
                   ops.create(at(b"/z"), b"", ((ADMIN, b"world", b"anyone"), secret[1])), ops.get_acl(at(b"/z")))


def set_acl_and_its_version():
    path = at(b"/a")
    yield from tree(b"/a")
    yield from ask(ops.set_acl(path, OPEN_ACL, 1), ops.set_acl(path, OPEN_ACL, 0), ops.set_acl(path, OPEN_ACL, 0),
                   ops.set_acl(path, OPEN_ACL), ops.set_acl(path, wire.READ_ACL, 2), ops.set_acl(path, OPEN_ACL),
                   ops.get_acl(path), ops.exists(path))


def schemes_of_auth():
    for scheme in (b"digest", b"ip", b"world", b"auth", b"super", b"x509", b"sasl", b"nosuch", b"", None):
        for credentials in (b"", b"a", b"a:b", b"super:wrong"):
            yield from ask(ops.auth(scheme, credentials), ops.who_am_i())
    yield from ask(ops.auth(b"digest", None), ops.who_am_i())
    yield from ask(ops.auth(b"ip", None), ops.who_am_i())


def super_user():
    yield from tree()
    yield from ask(ops.create(at(b"/x"), b"d", ((0, b"world", b"anyone"),)), ops.get_data(at(b"/x")),
                   ops.create(at(b"/x/y")))
    yield from log_in(SUPER_PASSWORD, session=1)
    yield from ask(ops.who_am_i(), ops.get_data(at(b"/x")), ops.create(at(b"/x/y")), ops.get_acl(at(b"/x")),
                   ops.set_acl(at(b"/x"), OPEN_ACL), ops.create(at(b"/mine"), b"", wire.CREATOR_ACL),
                   ops.get_acl(at(b"/mine")), ops.set_data(b"/zookeeper/config", b""), session=1)


def addresses():
    yield from tree()
    for number, pattern in enumerate((b"127.0.0.1", b"127.0.0.1/32", b"127.0.0.0/8", b"127.0.0.2", b"0.0.0.0/0",
                                      b"128.0.0.0/1", b"127.0.0.1/0", b"127.0.0.1/33", b"127.0.0.1/-1", b"127.0.0.1/",
                                      b"127.1", b"256.0.0.1", b"localhost", b"", None)):
        path = at(b"/i%d" % number)
        yield from ask(ops.create(path, b"", ((ALL, b"ip", pattern),)), ops.get_data(path), ops.get_acl(path))


def addresses_of_version_6():
    yield from tree()
    yield from ask(ops.create(at(b"/six"), b"", ((ALL, b"ip", b"::1"),)))


def events_need_read_permission():
    yield from tree(b"/x")
    yield from ask(ops.exists(at(b"/x"), True), ops.add_watch(BASE, 1), session=1)
    yield from ask(ops.set_acl(at(b"/x"), ((ALL & ~READ, b"world", b"anyone"),)), ops.set_data(at(b"/x"), b"1"),
                   ops.create(at(b"/x/y")), ops.set_data(at(b"/x/y"), b""), ops.delete(at(b"/x/y")),
                   ops.delete(at(b"/x")), ops.create(at(b"/x")))
