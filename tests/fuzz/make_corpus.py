#!/usr/bin/env python3
"""Writes well-formed beginnings of connections into corpus/, one file for each kind of request."""
import pathlib
import struct


def i32(value):
    return struct.pack(">i", value)


def i64(value):
    return struct.pack(">q", value)


def text(value):
    return i32(len(value)) + value.encode()


def frame(payload):
    return i32(len(payload)) + payload


def request(op, body=b"", xid=1):
    return frame(i32(xid) + i32(op) + body)


ACL = i32(1) + i32(31) + text("world") + text("anyone")
CONNECT = frame(i32(0) + i64(0) + i32(10000) + i64(0) + i32(16) + bytes(16) + b"\0")
END = i32(-1) + b"\1" + i32(-1)


def part(op):
    return i32(op) + b"\0" + i32(-1)


def create(path, flags=0):
    return text(path) + text("data") + ACL + i32(flags)


SEEDS = {
    "words": b"ruok",
    "old_connect": frame(i32(0) + i64(0) + i32(10000) + i64(0) + i32(16) + bytes(16)),
    "create": CONNECT + request(1, create("/a")) + request(1, create("/a/b", 2)) + request(15, create("/e", 1)),
    "create_others": CONNECT + request(19, create("/c", 4)) + request(21, create("/t", 5) + i64(1000)),
    "delete": CONNECT + request(1, create("/a")) + request(2, text("/a") + i32(-1)),
    "read": CONNECT + b"".join(request(op, text("/") + b"\1") for op in (3, 4, 8, 12)) + request(1, create("/a")),
    "set": CONNECT + request(5, text("/") + text("data") + i32(-1)) + request(4, text("/") + b"\0"),
    "acl": CONNECT + request(7, text("/") + ACL + i32(-1)) + request(6, text("/")),
    "auth": CONNECT + request(100, i32(0) + text("digest") + text("bob:secret"), -4) + request(107),
    "sync": CONNECT + request(9, text("/")) + request(11, xid=-2),
    "multi": CONNECT + request(14, part(1) + create("/m") + part(13) + text("/m") + i32(0) + part(5) + text("/m") +
                               text("x") + i32(0) + part(2) + text("/m") + i32(-1) + END),
    "multi_read": CONNECT + request(22, part(4) + text("/") + b"\0" + part(8) + text("/") + b"\0" + END),
    "watches": CONNECT + request(106, text("/a") + i32(1)) + request(106, text("/a") + i32(0)) +
               request(1, create("/a")) + request(17, text("/a") + i32(3)) + request(18, text("/a") + i32(3)),
    "set_watches": CONNECT + request(101, i64(0) + i32(1) + text("/a") + i32(1) + text("/b") + i32(1) + text("/"), -8),
    "set_watches2": CONNECT + request(105, i64(0) + i32(0) * 3 + i32(1) + text("/a") + i32(1) + text("/"), -8),
    "others": CONNECT + request(103, text("/")) + request(104, text("/")) + request(102, text("token")) +
              request(16, text("") * 3 + i64(-1)) + request(20, text("/a")) + request(13, text("/") + i32(-1)),
    "unknown": CONNECT + request(99),
    "close": CONNECT + request(-11) + request(11),
}

if __name__ == "__main__":
    corpus = pathlib.Path(__file__).parent / "corpus"
    corpus.mkdir(exist_ok=True)
    for name, seed in SEEDS.items():
        (corpus / name).write_bytes(b"\xff" + seed)
        (corpus / (name + "_in_pieces")).write_bytes(b"\x03" + seed)
