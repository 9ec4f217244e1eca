"""ACLs that name the subjects of certificates. Nobody proves to be one here: that takes an encrypted port."""

import operations as ops
from operations import BASE
from scripts import ask, at, tree
from wire import ALL, READ

SUBJECTS = (b"CN=alice", b"CN=alice,OU=unit,O=org,C=SE", b"CN=alice, OU=unit", b"cn=alice", b"CN=a+OU=b", b"UID=bob",
            b"EMAILADDRESS=a@b.c", b"1.2.3.4=x", b"CN=\\,quoted", b'CN="a, b"', b"CN=" + "\u00e4".encode(), b"CN=alice,",
            b"alice", b"", b"=", b"CN", b"CN=", b"XX=y", b",", b"CN=a;O=b", b"not a name")


def who_may_be_named():
    yield from tree()
    for number, subject in enumerate(SUBJECTS):
        path = at(b"/%d" % number)
        yield from ask(ops.create(path, b"", ((ALL, b"x509", subject), (READ | 16, b"world", b"anyone"))), ops.get_acl(path),
                       ops.set_data(path, b"x"))
    yield from ask(ops.set_acl(BASE, ((ALL, b"x509", b"CN=alice"),)), ops.get_data(BASE), ops.get_acl(BASE))


def by_add_auth():
    for name in (b"CN=alice", b"alice", b""):
        yield from ask(ops.auth(b"x509", name), ops.who_am_i())
