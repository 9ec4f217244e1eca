"""Bytes that are no request, or not quite."""

import operations as ops
import wire
from jute import Writer
from operations import BASE
from scripts import ask, at, tree
from session import connect_request
from steps import Bytes, Fresh

OPERATIONS = (
    ops.create(at(b"/x"), b"data"), ops.create2(at(b"/x"), b"data"), ops.create_container(at(b"/x"), b"data"),
    ops.create_ttl(at(b"/x"), b"data"), ops.delete(at(b"/a")), ops.exists(at(b"/a")), ops.get_data(at(b"/a")),
    ops.set_data(at(b"/a"), b"x"), ops.get_acl(at(b"/a")), ops.set_acl(at(b"/a"), wire.READ_ACL),
    ops.get_children(at(b"/a")), ops.get_children2(at(b"/a")), ops.sync(at(b"/a")),
    ops.remove_watches(at(b"/a"), 3), ops.check_watches(at(b"/a"), 3), ops.add_watch(at(b"/a"), 0),
    ops.get_ephemerals(at()), ops.get_all_children_number(at()), ops.delete_container(at(b"/a")),
    ops.set_watches((at(b"/a"),), (at(b"/a"),), (at(b"/a"),), 0),
    ops.set_watches((at(b"/a"),), (), (), 0, (at(b"/a"),), (at(b"/a"),)),
)


def bodies_cut_off_everywhere():
    yield from tree(b"/a")
    for request in OPERATIONS:
        body = request.body(None)
        for length in sorted({0, 1, 3, 4, 5, 12, len(body) // 2, len(body) - 5, len(body) - 1}):
            if 0 <= length < len(body):
                yield from ask(ops.raw(request.op, body[:length], f"cut off from {request}:"))


def bodies_with_more_behind():
    yield from tree(b"/a")
    for request in OPERATIONS:
        yield from ask(ops.raw(request.op, request.body(None) + b"and more", f"more behind {request}:"))


def multis_cut_off():
    whole = ops.multi(ops.create(at(b"/x"), b"data"), ops.set_data(at(b"/a"), b"y"), ops.check(at(b"/a")))
    body = whole.body(None)
    yield from tree(b"/a")
    for length in range(0, len(body), 3):
        yield from ask(ops.raw(wire.MULTI, body[:length], "cut off multi:"))
    body = ops.multi_read(ops.get_data(at(b"/a")), ops.get_children(at(b"/a"))).body(None)
    for length in range(0, len(body), 3):
        yield from ask(ops.raw(wire.MULTI_READ, body[:length], "cut off multiRead:"))


def impossible_lengths():
    yield from tree(b"/a")
    for length in (-2, -2 ** 31, 2 ** 31 - 1, 100_000_000, 1000):
        for op in (wire.EXISTS, wire.GET_DATA, wire.CREATE, wire.DELETE, wire.SET_DATA, wire.GET_EPHEMERALS):
            yield from ask(ops.raw(op, Writer().int(length).raw(b"/abc").bytes(), f"path of length {length}:"))
        yield from ask(
            ops.raw(wire.SET_DATA, Writer().buffer(at(b"/a")).int(length).raw(b"abc").int(-1).bytes(),
                    f"data of length {length}:"),
            ops.raw(wire.CREATE, Writer().buffer(at(b"/x")).buffer(b"").int(length).int(0).bytes(),
                    f"acl of length {length}:"),
            ops.raw(wire.SET_WATCHES, Writer().long(0).int(length).bytes(), f"vector of length {length}:"))
    yield from ask(ops.exists(BASE))


def watch_flags_that_are_no_boolean():
    yield from tree(b"/a")
    for byte in (2, 0x7f, 0xff):
        yield from ask(ops.raw(wire.EXISTS, Writer().buffer(at(b"/a")).raw(bytes([byte])).bytes()),
                       ops.check_watches(at(b"/a"), 2))


def unknown_operations():
    yield from tree()
    for op in (0, 10, 23, 50, 99, 108, 1000, -1, -2, -5, -12, 2 ** 31 - 1, -2 ** 31):
        yield from ask(ops.raw(op, b""))
        yield from ask(ops.exists(BASE))


def frames_of_odd_lengths():
    for frame in (b"", b"\x00", b"\x00" * 3, b"\x00" * 4, b"\x00" * 7):
        yield Bytes(0, Writer().buffer(frame).bytes())
        yield from ask(ops.ping())
    for length in (-1, -2 ** 31, 1_048_575, 1_048_576, 2 ** 31 - 1):
        yield Bytes(0, Writer().int(length).bytes())
        yield from ask(ops.ping())


def largest_frames():
    """The limit is on the frame: path, data and all."""
    yield from tree(b"/b")
    overhead = len(ops.set_data(at(b"/b"), b"").body(None)) + 8
    for size in (1_048_575 - overhead - 1, 1_048_575 - overhead, 1_048_575 - overhead + 1, 1_048_576):
        yield from ask(ops.set_data(at(b"/b"), b"x" * size))
        yield from ask(ops.exists(at(b"/b")))


def handshakes_cut_off():
    whole = connect_request(0, 10_000, 0, bytes(16))[4:]
    for length in (0, 1, 4, 12, 16, 24, 28, 40, 43):
        yield Fresh(Writer().buffer(whole[:length]).bytes())
    yield Fresh(Writer().buffer(whole + b"and more").bytes())


def handshakes_of_odd_lengths():
    for data in (b"\xff\xff\xff\xff", b"\x80\x00\x00\x00", b"\x7f\xff\xff\xff", b"\x00\x10\x00\x00" + b"x" * 100,
                 b"GET / HTTP/1.1\r\n\r\n", b"nope", b"ruo"):
        yield Fresh(data)
