"""Several operations as one, and several reads as one."""

import operations as ops
import wire
from jute import Writer
from operations import BASE
from scripts import ask, at, tree
from wire import MULTI


def empty():
    yield from tree()
    yield from ask(ops.multi(), ops.multi_read(), ops.multi(end=False), ops.multi_read(end=False), ops.exists(BASE))


def each_operation_alone():
    yield from tree(b"/a", b"/b")
    for part in (ops.create(at(b"/c")), ops.create2(at(b"/d")), ops.create_container(at(b"/k")),
                 ops.create_ttl(at(b"/t")), ops.create_ttl(at(b"/t"), flags=6), ops.create(at(b"/s"), flags=2),
                 ops.create(at(b"/e"), flags=1), ops.delete(at(b"/b")), ops.set_data(at(b"/a"), b"x"),
                 ops.check(at(b"/a"), 1), ops.check(at(b"/a"))):
        yield from ask(ops.multi(part), ops.get_children2(BASE))


def each_operation_refused():
    yield from tree(b"/a", b"/a/x")
    for part in (ops.create(at(b"/a")), ops.create2(at(b"/a")), ops.create_container(at(b"/a")),
                 ops.create_ttl(at(b"/a")), ops.create(at(b"/none/x")), ops.create(at(b"/.")),
                 ops.create(at(b"/z"), b"", ()), ops.delete(at(b"/a")), ops.delete(at(b"/none")),
                 ops.delete(at(b"/a/x"), 5), ops.set_data(at(b"/a"), b"x", 5), ops.set_data(at(b"/none"), b""),
                 ops.check(at(b"/a"), 5), ops.check(at(b"/none")), ops.create(at(b"/f"), flags=9)):
        good = ops.set_data(at(b"/a/x"), b"never")
        yield from ask(ops.multi(part), ops.multi(part, good), ops.multi(good, part), ops.multi(good, part, good, part),
                       ops.get_data(at(b"/a/x")), ops.exists(BASE))


def later_operations_see_earlier_ones():
    yield from tree()
    yield from ask(
        ops.multi(ops.create(at(b"/a"), b"1"), ops.set_data(at(b"/a"), b"2", 0), ops.check(at(b"/a"), 1),
                  ops.create(at(b"/a/b")), ops.delete(at(b"/a/b"), 0), ops.create(at(b"/a/s"), flags=2),
                  ops.create(at(b"/a/s"), flags=2), ops.delete(at(b"/a/s0000000001"))),
        ops.get_data(at(b"/a")), ops.get_children2(at(b"/a")), ops.exists(BASE))


def nothing_of_a_refused_multi_stays():
    yield from tree(b"/p", b"/p/c")
    yield from ask(
        ops.multi(ops.create(at(b"/p/s"), flags=2), ops.delete(at(b"/p/c")), ops.set_data(at(b"/p"), b"x"),
                  ops.create(at(b"/e"), flags=1), ops.check(at(b"/p"), 7)),
        ops.get_children2(at(b"/p")), ops.get_data(at(b"/p")), ops.get_ephemerals(b"/"),
        ops.create(at(b"/p/s"), flags=2), ops.exists(BASE), ops.exists(at(b"/p")))


def delete_and_create_again():
    yield from tree(b"/a")
    yield from ask(ops.multi(ops.delete(at(b"/a")), ops.create(at(b"/a"), b"new")), ops.get_data(at(b"/a")),
                   ops.multi(ops.set_data(at(b"/a"), b"2"), ops.set_data(at(b"/a"), b"3"), ops.check(at(b"/a"), 2)),
                   ops.get_data(at(b"/a")), ops.exists(BASE))


def events_of_a_multi():
    yield from tree(b"/a", b"/b", b"/b/x")
    for session in (0, 1):
        yield from ask(ops.get_data(at(b"/a"), True), ops.exists(at(b"/new"), True), ops.get_children(BASE, True),
                       ops.get_children(at(b"/b"), True), session=session)
    yield from ask(ops.add_watch(BASE, 1), session=2)
    yield from ask(ops.multi(ops.set_data(at(b"/a"), b"1"), ops.create(at(b"/new")), ops.delete(at(b"/b/x")),
                             ops.delete(at(b"/b")), ops.set_data(at(b"/a"), b"2")))
    yield from ask(ops.multi(ops.set_data(at(b"/a"), b"1"), ops.check(at(b"/a"), 77)))


def events_for_two_kinds_of_watch():
    yield from tree()
    yield from ask(ops.get_children(BASE, True), ops.add_watch(BASE, 1), ops.multi(ops.create(at(b"/new"))))


def permissions_in_a_multi():
    yield from tree(b"/a", b"/a/x")
    yield from ask(ops.set_acl(at(b"/a"), wire.READ_ACL), ops.multi(ops.create(at(b"/a/y")), ops.check(at(b"/a"), 0)),
                   ops.multi(ops.set_data(at(b"/a/x"), b""), ops.delete(at(b"/a/x"))),
                   ops.multi(ops.check(at(b"/a"), 9), ops.set_data(at(b"/a"), b"")))


def operations_that_no_multi_takes():
    yield from tree(b"/a")
    for part in (ops.get_data(at(b"/a")), ops.exists(at(b"/a")), ops.set_acl(at(b"/a"), wire.OPEN_ACL),
                 ops.get_children(at(b"/a")), ops.sync(at(b"/a")), ops.multi(ops.delete(at(b"/a"))),
                 ops.ping(), ops.close_session(), ops.delete_container(at(b"/a")), ops.raw(1234, b"")):
        yield from ask(ops.multi(part), ops.multi(ops.set_data(at(b"/a"), b"x"), part), ops.exists(at(b"/a")))


def reads():
    yield from tree(b"/a", b"/b")
    yield from ask(ops.set_acl(at(b"/b"), ((0, b"world", b"anyone"),)))
    yield from ask(ops.multi_read(ops.get_data(at(b"/a")), ops.get_children(BASE), ops.get_data(at(b"/none")),
                                  ops.get_data(at(b"/b")), ops.get_children(at(b"/b")), ops.get_data(b"bad"),
                                  ops.get_data(at(b"/a"), True), ops.get_children(BASE, True)))
    yield from ask(ops.set_data(at(b"/a"), b"x"), ops.create(at(b"/c")), session=1)


def operations_that_no_multi_read_takes():
    yield from tree(b"/a")
    for part in (ops.exists(at(b"/a")), ops.get_children2(at(b"/a")), ops.get_acl(at(b"/a")), ops.delete(at(b"/a")),
                 ops.create(at(b"/z")), ops.set_data(at(b"/a"), b"x"), ops.check(at(b"/a")), ops.raw(1234, b"")):
        yield from ask(ops.multi_read(part), ops.multi_read(ops.get_data(at(b"/a")), part), ops.exists(at(b"/a")))


def odd_headers():
    """The parts' headers carry an error and an end that only the last should have."""
    body = Writer().buffer(at(b"/a")).int(-1).bytes()
    end = Writer().int(-1).boolean(True).int(-1).bytes()
    yield from tree(b"/a", b"/b")
    check = Writer().int(wire.CHECK)
    yield from ask(ops.raw(MULTI, check.boolean(False).int(0).raw(body).raw(end).bytes(), "error 0 in the header:"))
    check = Writer().int(wire.CHECK)
    yield from ask(ops.raw(MULTI, check.boolean(True).int(-1).raw(body).raw(end).bytes(), "done in the first header:"))
    yield from ask(ops.raw(MULTI, end + end, "two ends:"), ops.raw(MULTI, b"", "no body:"),
                   ops.raw(MULTI, Writer().int(-1).boolean(False).int(-1).raw(end).bytes(), "an error part:"))


def many_parts():
    yield from tree()
    yield from ask(ops.multi(*(ops.create(at(b"/%03d" % i)) for i in range(200))), ops.exists(BASE),
                   ops.multi(*(ops.delete(at(b"/%03d" % i)) for i in range(200))), ops.exists(BASE))
