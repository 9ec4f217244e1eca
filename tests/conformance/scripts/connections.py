"""The handshake, reconnecting, closing, and what ends a connection."""

import operations as ops
import wire
from jute import Writer
from operations import BASE
from scripts import again, ask, at, tree
from session import connect_request
from steps import Ask, Burst, Bytes, Drop, Fresh, Open, Reopen


def timeouts_are_negotiated():
    timeouts = (0, -1, 1, 3999, 4000, 4001, 10_000, 39_999, 40_000, 40_001, 2 ** 31 - 1, -2 ** 31)
    for number, timeout in enumerate(timeouts):
        yield Open(number, timeout)
        yield from ask(ops.ping(), session=number)


def read_only_byte():
    yield Open(0, read_only=None)
    yield Open(1, read_only=False)
    yield Open(2, read_only=True)
    for session in (0, 1, 2):
        yield from ask(ops.create(at(b"-%d" % session), flags=1), session=session)
        yield from again(session, read_only=None)
        yield from again(session, read_only=True)


def protocol_versions():
    for number, version in enumerate((1, -1, 2 ** 31 - 1)):
        yield Open(number, version=version)
        yield from ask(ops.ping(), session=number)


def first_passwords():
    yield Open(0, password="null")
    yield from ask(ops.ping())
    yield Open(1, password="short")
    yield from ask(ops.ping(), session=1)


def zxid_from_the_future():
    yield from tree()
    yield Open(1, zxid="future")
    yield Reopen(0, drop=True, zxid="future")
    yield Reopen(0, drop=True)
    yield from ask(ops.exists(BASE))


def session_lives_through_reconnects():
    yield from tree()
    yield from ask(ops.create(at(b"/e"), flags=1))
    for zxid in ("seen", "zero"):
        yield from again(zxid=zxid)
        yield from ask(ops.get_ephemerals(b"/"), ops.exists(at(b"/e")))
    yield from again(timeout=4000)
    yield from again(timeout=1)
    yield from again(timeout=600_000)
    yield from ask(ops.exists(at(b"/e")))


def wrong_passwords():
    yield from tree()
    yield from ask(ops.create(at(b"/e"), flags=1))
    for password in ("wrong", "short", "null"):
        yield Reopen(0, drop=True, password=password)
        yield from again()
        yield from ask(ops.exists(at(b"/e")))


def wrong_password_beside_a_good_connection():
    yield from tree()
    yield from ask(ops.create(at(b"/e"), flags=1))
    yield Reopen(0, password="wrong")
    yield from ask(ops.exists(at(b"/e")))


def taking_a_session_over():
    yield from tree()
    yield from ask(ops.create(at(b"/e"), flags=1), ops.exists(at(b"/e"), True))
    yield Reopen(0)
    yield from ask(ops.exists(at(b"/e")), ops.set_data(at(b"/e"), b""))


def unknown_sessions():
    for session_id in (1, 0x7fff_ffff_ffff_ffff, -1, 0x0100_0000_0000_0001):
        for password in (bytes(16), b"x" * 16, b"", None):
            yield Fresh(connect_request(0, 10_000, session_id, password))


def closing():
    yield from tree()
    yield from ask(ops.create(at(b"/e"), flags=1), ops.close_session())
    yield from ask(ops.exists(at(b"/e")))
    yield from ask(ops.Request(wire.CLOSE_SESSION, (b"garbage",)), session=1)


def closing_at_the_end_of_a_burst():
    yield from tree()
    yield Burst(0, (ops.create(at(b"/a")), ops.create(at(b"/e"), flags=1), ops.close_session()))
    yield from ask(ops.exists(at(b"/a")), ops.exists(at(b"/e")))


def xids_come_back_as_they_were():
    yield from tree()
    for xid in (0, 5, 5, 3, 2 ** 31 - 1, -2 ** 31, -3, -5, -100, -2, -4, -8):
        yield Ask(0, ops.Request(wire.EXISTS, (Writer().buffer(BASE).boolean(False).bytes(),), xid, f"{BASE.decode()}"))
    for op in (wire.PING, wire.SET_WATCHES, wire.AUTH):
        body = {wire.PING: b"", wire.SET_WATCHES: Writer().long(0).strings(()).strings(()).strings(()).bytes(),
                wire.AUTH: Writer().int(0).buffer(b"digest").buffer(b"a:b").bytes()}[op]
        for xid in (7, 0, -2):
            yield Ask(0, ops.Request(op, (body,), xid))


def long_burst():
    yield from tree()
    for start in range(0, 300, 100):
        yield Burst(0, tuple(ops.create(at(b"/%03d" % i), b"x" * i) if i % 3 else ops.get_children2(BASE)
                             for i in range(start, start + 100)))


def burst_of_reads_between_writes():
    yield from tree(b"/n")
    yield Burst(0, tuple(one for i in range(50) for one in (
        ops.set_data(at(b"/n"), b"%d" % i), ops.get_data(at(b"/n")), ops.set_data(at(b"/n"), b"", 1), ops.ping(),
        ops.exists(at(b"/n"), True))))


def cut_in_the_middle_of_a_session():
    yield from tree()
    yield from ask(ops.create(at(b"/e"), flags=1), session=1)
    yield Drop(1)
    yield from ask(ops.exists(at(b"/e")))
    yield from again(1)
    yield from ask(ops.delete(at(b"/e")), session=1)


def create_session_as_a_request():
    yield from tree()
    yield from ask(ops.raw(wire.CREATE_SESSION, Writer().int(10_000).bytes()), ops.exists(BASE))


def half_a_frame():
    yield from tree()
    yield Bytes(0, Writer().int(100).raw(b"short").bytes())
    yield from ask(ops.exists(BASE))
