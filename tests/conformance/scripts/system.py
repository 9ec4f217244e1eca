"""What is about the server and the session rather than the tree."""

import operations as ops
from operations import BASE
from scripts import ask, at, tree


def pings():
    yield from tree()
    yield from ask(ops.ping(), ops.set_data(BASE, b"x"), ops.ping())
    yield from ask(ops.ping(), ops.who_am_i(), session=1)


def sasl_without_a_login():
    for token in (b"", b"abc", None):
        yield from ask(ops.sasl(token))
        yield from ask(ops.who_am_i(), ops.exists(b"/"))


def refused_writes_take_a_zxid():
    yield from tree()
    for request in (ops.create(BASE), ops.delete(at(b"/none")), ops.set_data(at(b"/none"), b""), ops.create(b"bad"),
                    ops.multi(ops.check(at(b"/none"))), ops.multi(), ops.sync(BASE), ops.raw(1, b""),
                    ops.set_acl(BASE, ()), ops.reconfig(), ops.delete_container(BASE)):
        yield from ask(request, ops.exists(BASE))


def delete_container_from_a_client():
    yield from tree(b"/a")
    yield from ask(ops.create_container(at(b"/c")), ops.delete_container(at(b"/c")), ops.delete_container(at(b"/a")),
                   ops.delete_container(at(b"/none")), ops.delete_container(b"bad"), ops.exists(at(b"/c")))
