"""Takes a reply apart into named fields, each with the kind that says how two servers' values are compared.

Every byte of the reply is in exactly one field (what does not decode is kept whole), so two replies with equal
fields are equal byte by byte.
"""

from dataclasses import dataclass

import wire
from jute import Malformed, Reader


MULTIS = (wire.MULTI, wire.MULTI_READ)


@dataclass(frozen=True)
class Field:
    """kind: plain (compared as it is), zxid, time, session, password, names (a list of byte strings)."""
    name: str
    kind: str
    value: object
    zxid: int = 0  # of a time: the zxid of the transaction that set it

    def __str__(self):
        return f"{self.name}={self.value!r}"


class Fields(list):
    """A list of fields that is filled from a reader."""

    def __init__(self, data):
        super().__init__()
        self.reader = Reader(data)

    def add(self, name, kind, value, zxid=0):
        self.append(Field(name, kind, value, zxid))
        return value

    def int(self, name):
        return self.add(name, "plain", self.reader.int())

    def buffer(self, name):
        return self.add(name, "plain", self.reader.buffer())

    def zxid(self, name):
        return self.add(name, "zxid", self.reader.long())

    def names(self, name):
        count = self.reader.count()
        self.add(name, "names", None if count is None else tuple(self.reader.buffer() for _ in range(count)))

    def pairs(self, name, with_perms):
        """A vector of (perms,) scheme and id."""
        count = self.reader.count()
        self.add(name + ".count", "plain", count)
        for i in range(count or 0):
            if with_perms:
                self.int(f"{name}[{i}].perms")
            self.buffer(f"{name}[{i}].scheme")
            self.buffer(f"{name}[{i}].id")

    def stat(self, prefix="stat."):
        reader = self.reader
        czxid, mzxid, ctime, mtime = (reader.long() for _ in range(4))
        self.add(prefix + "czxid", "zxid", czxid)
        self.add(prefix + "mzxid", "zxid", mzxid)
        self.add(prefix + "ctime", "time", ctime, czxid)
        self.add(prefix + "mtime", "time", mtime, mzxid)
        for name in ("version", "cversion", "aversion"):
            self.int(prefix + name)
        self.add(prefix + "ephemeralOwner", "session", reader.long())
        self.int(prefix + "dataLength")
        self.int(prefix + "numChildren")
        self.zxid(prefix + "pzxid")

    def finish(self):
        if self.reader.left():
            self.add("rest", "plain", self.reader.rest())


def decode(observation):
    """The fields of an observation that has a payload."""
    fields = Fields(observation.payload)
    try:
        _BY_KIND[observation.kind](fields, observation.request)
        fields.finish()
    except Malformed:
        # Fields that came out stay; they cover a prefix, and this one covers the whole.
        fields.add("undecodable", "plain", observation.payload)
    return list(fields)


def _connect(fields, _):
    fields.int("protocolVersion")
    fields.int("timeout")
    fields.add("sessionId", "session", fields.reader.long())
    fields.add("password", "password", fields.reader.buffer())


def _event(fields, _):
    fields.int("xid")
    fields.zxid("zxid")
    for name in ("err", "type", "state"):
        fields.int(name)
    fields.buffer("path")


def _reply(fields, request):
    fields.int("xid")
    fields.zxid("zxid")
    err = fields.int("err")
    # A multi that fails half-way answers an error, and behind it the results that it had.
    if request is not None and (err == 0 or (request.op in MULTIS and fields.reader.left())):
        body = _BODIES.get(request.op)
        if body:
            body(fields)


def _text(fields, _):
    fields.add("text", "plain", fields.reader.rest())


def _data(fields, prefix=""):
    fields.buffer(prefix + "data")
    fields.stat(prefix + "stat.")


def _children2(fields):
    fields.names("children")
    fields.stat()


def _path_and_stat(fields, prefix=""):
    fields.buffer(prefix + "path")
    fields.stat(prefix + "stat.")


def _acl(fields):
    fields.pairs("acl", with_perms=True)
    fields.stat()


def _multi(fields):
    """Results of a multi or multiRead: a header each, and a body by its type."""
    for i in range(100_000):
        prefix = f"[{i}]."
        kind = fields.int(prefix + "type")
        done = fields.add(prefix + "done", "plain", fields.reader.byte())
        fields.int(prefix + "err")
        if done:
            return
        if kind == wire.ERROR:
            fields.int(prefix + "error")
        elif kind == wire.CREATE:
            fields.buffer(prefix + "path")
        elif kind in (wire.CREATE2, wire.CREATE_CONTAINER, wire.CREATE_TTL):
            _path_and_stat(fields, prefix)
        elif kind == wire.SET_DATA:
            fields.stat(prefix + "stat.")
        elif kind == wire.GET_DATA:
            _data(fields, prefix)
        elif kind == wire.GET_CHILDREN:
            fields.names(prefix + "children")
        elif kind not in (wire.DELETE, wire.CHECK):
            raise Malformed(f"a multi result of type {kind}")


_BY_KIND = {"connect": _connect, "event": _event, "reply": _reply, "text": _text}

_BODIES = {
    wire.CREATE: lambda fields: fields.buffer("path"),
    wire.CREATE2: _path_and_stat,
    wire.CREATE_CONTAINER: _path_and_stat,
    wire.CREATE_TTL: _path_and_stat,
    wire.EXISTS: Fields.stat,
    wire.SET_DATA: Fields.stat,
    wire.SET_ACL: Fields.stat,
    wire.GET_DATA: _data,
    wire.RECONFIG: _data,
    wire.GET_ACL: _acl,
    wire.GET_CHILDREN: lambda fields: fields.names("children"),
    wire.GET_CHILDREN2: _children2,
    wire.GET_EPHEMERALS: lambda fields: fields.names("ephemerals"),
    wire.GET_ALL_CHILDREN_NUMBER: lambda fields: fields.int("totalNumber"),
    wire.SYNC: lambda fields: fields.buffer("path"),
    wire.MULTI: _multi,
    wire.MULTI_READ: _multi,
    wire.ADD_WATCH: lambda fields: fields.int("error"),
    wire.SASL: lambda fields: fields.buffer("token"),
    wire.WHO_AM_I: lambda fields: fields.pairs("client", with_perms=False),
}
