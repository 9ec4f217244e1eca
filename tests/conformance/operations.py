"""Builds the bodies of requests. What differs per server (the last zxid seen) stands in them as a
`SeenZxid` and is filled in when the request is sent to that server.
"""

from dataclasses import dataclass

import wire
from jute import Writer


# Stands for the path under which a sequence does its work; the world puts in a fresh one of the same length.
BASE = b"/@@@@@@@"


@dataclass(frozen=True)
class SeenZxid:
    """The zxid of the session's reply so many replies ago: each server has its own number for it."""
    back: int = 0


@dataclass(frozen=True)
class Request:
    """One request as written in a sequence: the operation, its body in parts, and the xid if not the usual one.

    The parts are bytes, or SeenZxid for eight bytes that are known when the request is sent.
    """
    op: int
    parts: tuple = ()
    xid: int | None = None
    text: str = ""

    def body(self, seen_zxid, base=BASE):
        """The bytes; seen_zxid answers which zxid was seen so many replies ago."""
        writer = Writer()
        for part in self.parts:
            if isinstance(part, SeenZxid):
                writer.long(seen_zxid(part.back))
            else:
                writer.raw(part.replace(BASE, base))
        return writer.bytes()

    def frame(self, xid, seen_zxid, base):
        """The request on the wire, with its length in front."""
        payload = Writer().int(xid).int(self.op).raw(self.body(seen_zxid, base)).bytes()
        return Writer().buffer(payload).bytes()

    def __str__(self):
        name = wire.op_name(self.op)
        xid = "" if self.xid is None else f" xid={self.xid}"
        return f"{name}{xid} {self.text}".rstrip()


def _text(*values):
    return " ".join(show(value) for value in values)


def show(value):
    """A value as a reader wants it in a report."""
    if isinstance(value, bytes):
        text = ascii(value.decode("latin-1"))[1:-1]
        return text if len(text) <= 120 and text else f"'{text[:100]}'({len(value)} bytes)"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(show(one) for one in value) + "]"
    return str(value)


def create(path, data=b"", acl=wire.OPEN_ACL, flags=wire.PERSISTENT, op=wire.CREATE, ttl=None):
    writer = Writer().buffer(path).buffer(data).acl(acl).int(flags)
    if ttl is not None:
        writer.long(ttl)
    text = _text(path, data, f"acl={show(acl)} flags={flags}") + ("" if ttl is None else f" ttl={ttl}")
    return Request(op, (writer.bytes(),), text=text)


def create2(path, data=b"", acl=wire.OPEN_ACL, flags=wire.PERSISTENT):
    return create(path, data, acl, flags, wire.CREATE2)


def create_container(path, data=b"", acl=wire.OPEN_ACL, flags=wire.CONTAINER):
    return create(path, data, acl, flags, wire.CREATE_CONTAINER)


def create_ttl(path, data=b"", acl=wire.OPEN_ACL, flags=wire.TTL, ttl=3_600_000):
    return create(path, data, acl, flags, wire.CREATE_TTL, ttl)


def delete(path, version=-1, op=wire.DELETE):
    return Request(op, (Writer().buffer(path).int(version).bytes(),), text=_text(path, version))


def check(path, version=-1):
    """Only inside a multi: alone it kills the real server."""
    return delete(path, version, wire.CHECK)


def set_data(path, data, version=-1):
    return Request(wire.SET_DATA, (Writer().buffer(path).buffer(data).int(version).bytes(),),
                   text=_text(path, data, version))


def _path_and_watch(op, path, watch):
    return Request(op, (Writer().buffer(path).boolean(watch).bytes(),), text=_text(path) + (" watch" if watch else ""))


def exists(path, watch=False):
    return _path_and_watch(wire.EXISTS, path, watch)


def get_data(path, watch=False):
    return _path_and_watch(wire.GET_DATA, path, watch)


def get_children(path, watch=False):
    return _path_and_watch(wire.GET_CHILDREN, path, watch)


def get_children2(path, watch=False):
    return _path_and_watch(wire.GET_CHILDREN2, path, watch)


def _path_alone(op, path):
    return Request(op, (Writer().buffer(path).bytes(),), text=_text(path))


def get_acl(path):
    return _path_alone(wire.GET_ACL, path)


def sync(path):
    return _path_alone(wire.SYNC, path)


def get_ephemerals(prefix):
    return _path_alone(wire.GET_EPHEMERALS, prefix)


def get_all_children_number(path):
    return _path_alone(wire.GET_ALL_CHILDREN_NUMBER, path)


def delete_container(path):
    return _path_alone(wire.DELETE_CONTAINER, path)


def set_acl(path, acl, version=-1):
    return Request(wire.SET_ACL, (Writer().buffer(path).acl(acl).int(version).bytes(),), text=_text(path, acl, version))


def remove_watches(path, kind, op=wire.REMOVE_WATCHES):
    return Request(op, (Writer().buffer(path).int(kind).bytes(),), text=_text(path, f"type={kind}"))


def check_watches(path, kind):
    return remove_watches(path, kind, wire.CHECK_WATCHES)


def add_watch(path, mode):
    return Request(wire.ADD_WATCH, (Writer().buffer(path).int(mode).bytes(),), text=_text(path, f"mode={mode}"))


def auth(scheme, credentials):
    return Request(wire.AUTH, (Writer().int(0).buffer(scheme).buffer(credentials).bytes(),),
                   text=_text(scheme, credentials))


def set_watches(data=(), exist=(), child=(), zxid=SeenZxid(), persistent=None, recursive=None):
    """setWatches, or setWatches2 if persistent watches are given."""
    zxid_part = zxid if isinstance(zxid, SeenZxid) else Writer().long(zxid).bytes()
    writer = Writer().strings(data).strings(exist).strings(child)
    op = wire.SET_WATCHES
    text = f"zxid={zxid} data={show(data)} exist={show(exist)} child={show(child)}"
    if persistent is not None:
        writer.strings(persistent).strings(recursive or ())
        op = wire.SET_WATCHES2
        text += f" persistent={show(persistent)} recursive={show(recursive or ())}"
    return Request(op, (zxid_part, writer.bytes()), text=text)


def _multi(op, requests, end):
    writer = Writer()
    for request in requests:
        writer.int(request.op).boolean(False).int(-1).raw(request.body(None))
    if end:
        writer.int(-1).boolean(True).int(-1)
    text = "{" + "; ".join(map(str, requests)) + "}" + ("" if end else " without end")
    return Request(op, (writer.bytes(),), text=text)


def multi(*requests, end=True):
    return _multi(wire.MULTI, requests, end)


def multi_read(*requests, end=True):
    return _multi(wire.MULTI_READ, requests, end)


def reconfig(joining=None, leaving=None, members=None, config_id=-1):
    body = Writer().buffer(joining).buffer(leaving).buffer(members).long(config_id).bytes()
    return Request(wire.RECONFIG, (body,), text=_text(joining or b"", leaving or b"", members or b"", config_id))


def ping():
    return Request(wire.PING)


def close_session():
    return Request(wire.CLOSE_SESSION)


def who_am_i():
    return Request(wire.WHO_AM_I)


def sasl(token):
    return Request(wire.SASL, (Writer().buffer(token).bytes(),), text=_text(token))


def raw(op, body, note="raw"):
    """Any operation with any body."""
    return Request(op, (body,), text=f"{note} {body[:60].hex()}{'...' if len(body) > 60 else ''}")
