"""The jute encoding as ZooKeeper's clients and servers speak it: big-endian numbers, length-prefixed bytes.

Written for the conformance tests alone and independent of the server under test, so that both cannot share
one mistake. Paths and names are kept as bytes: what a server sends need not be UTF-8.
"""

import struct


class Malformed(Exception):
    """The bytes at hand do not decode as what they should be."""


class Writer:
    """Appends encoded values; `bytes()` hands out what was written."""

    def __init__(self):
        self._parts = []

    def bytes(self):
        return b"".join(self._parts)

    def raw(self, data):
        self._parts.append(data)
        return self

    def boolean(self, value):
        return self.raw(b"\x01" if value else b"\x00")

    def int(self, value):
        return self.raw(struct.pack(">i", value))

    def long(self, value):
        return self.raw(struct.pack(">q", value))

    def buffer(self, value):
        """A byte string, or None for the null buffer."""
        if value is None:
            return self.int(-1)
        return self.int(len(value)).raw(value)

    def strings(self, values):
        """A vector of byte strings, or None for the null vector."""
        if values is None:
            return self.int(-1)
        self.int(len(values))
        for value in values:
            self.buffer(value)
        return self

    def acl(self, entries):
        """A vector of (perms, scheme, id), or None for the null vector."""
        if entries is None:
            return self.int(-1)
        self.int(len(entries))
        for perms, scheme, identity in entries:
            self.int(perms).buffer(scheme).buffer(identity)
        return self


class Reader:
    """Takes values from the front of a byte string; raises Malformed where they do not fit."""

    def __init__(self, data):
        self._data = data
        self._at = 0

    def rest(self):
        """All that was not read yet."""
        taken = self._data[self._at:]
        self._at = len(self._data)
        return taken

    def left(self):
        return len(self._data) - self._at

    def raw(self, count):
        if count < 0 or self._at + count > len(self._data):
            raise Malformed(f"{count} bytes wanted, {self.left()} left")
        taken = self._data[self._at:self._at + count]
        self._at += count
        return taken

    def byte(self):
        return self.raw(1)[0]

    def int(self):
        return struct.unpack(">i", self.raw(4))[0]

    def long(self):
        return struct.unpack(">q", self.raw(8))[0]

    def buffer(self):
        length = self.int()
        return None if length == -1 else self.raw(length)

    def count(self):
        """The length of a vector; None for the null vector."""
        count = self.int()
        if count == -1:
            return None
        if count < 0 or count > self.left():
            raise Malformed(f"a vector of {count} elements in {self.left()} bytes")
        return count
