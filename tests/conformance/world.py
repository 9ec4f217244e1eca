"""One side of the comparison: performs steps at one server and returns what was observed.

After each step that can change the tree, every other open session sends a fence (a ping; in an ensemble syncs,
until its server has caught up) and reads up to its reply: a server delivers events before later replies, so all
events of the change are in hand, and the place of each among the replies is the same in each run.
"""

import dataclasses
import time
from dataclasses import dataclass

import operations
import steps
import wire
import zkserver
from jute import Reader
from operations import BASE, Request
from session import CLOSED, PATIENCE_SECONDS, SILENT, Connection, connect_request, decode_connect_reply

ZERO_PASSWORD = bytes(16)
FUTURE_ZXID = 0x7000_0000_0000_0000
# After a reply that announces the end of the connection: how long to wait for that end.
CLOSE_SECONDS = 3.0

PING = operations.ping()
# How often it has to sync must not show in later xids, so it has one of its own.
SYNC = dataclasses.replace(operations.sync(b"/"), xid=0)
MOST_SYNCS = 1000

ENDING_CODES = frozenset({-4, -6, -112, -115, -118})


@dataclass(frozen=True)
class Observation:
    """Something that came from the server, on which session, and what it answers."""
    session: int | None
    kind: str  # connect, reply, event, closed, silent, text, gone
    payload: bytes = b""
    request: Request | None = None
    word: bytes = b""  # of a text: the four-letter word that it answers


class Session:
    """What one side knows of a session."""

    def __init__(self, number):
        self.number = number
        self.connection = None
        self.id = 0
        self.password = ZERO_PASSWORD
        self.next_xid = 1
        self.zxids = []

    def seen_zxid(self, back=0):
        if not self.zxids:
            return 0
        return self.zxids[max(0, len(self.zxids) - 1 - back)]

    def is_open(self):
        return self.connection is not None and self.connection.open

    def is_alive(self):
        """Whether the server may still know the session."""
        return self.id != 0

    def forget(self):
        """The session has ended: the next connection starts a new one."""
        self.id, self.password = 0, ZERO_PASSWORD


class World:
    """Sessions at one server, or at an ensemble where each session has its own server."""

    def __init__(self, addresses, base):
        self._addresses = addresses
        self._base = base
        self._sessions = {}
        self._ensemble = len(addresses) > 1
        self._perform = {
            steps.Open: self._open, steps.Reopen: self._reopen, steps.Drop: self._drop, steps.Ask: self._ask,
            steps.Burst: self._burst, steps.Bytes: self._bytes, steps.Fresh: self._fresh, steps.Word: self._word,
            steps.AwaitGone: self._await_gone,
        }

    def perform(self, step):
        """Performs the step; returns the observations in order, those of each session together."""
        return self._perform[type(step)](step)

    def numbers(self):
        """The sessions that there are, open or not."""
        return sorted(self._sessions)

    def close(self):
        """Cuts all connections."""
        for session in self._sessions.values():
            if session.connection:
                session.connection.close()

    def session(self, number):
        return self._sessions.setdefault(number, Session(number))

    def alive(self, number):
        return self.session(number).is_alive()

    # --- connections

    def _address(self, session):
        return self._addresses[session.number % len(self._addresses)]

    def _handshake(self, session, timeout, session_id, password, zxid, read_only, version=0):
        """Opens a connection; the observation of the answer comes first, fences of the others follow."""
        previous = session.connection
        connection = Connection(self._address(session))
        connection.send(connect_request(zxid, timeout, session_id, password, read_only, version))
        payload = connection.read()
        seen = []
        if isinstance(payload, str):
            seen.append(Observation(session.number, payload))
            connection.close()
            if previous:
                seen += self._end_of(session, previous)
            session.connection = None
            return seen
        seen.append(Observation(session.number, "connect", payload))
        if previous:
            seen += self._end_of(session, previous)
        session.connection = connection
        reply = decode_connect_reply(payload)
        if reply is None or reply.timeout <= 0:
            session.forget()
            seen += self._read_close(session)
        else:
            if reply.session_id != session.id:
                session.zxids.clear()
            session.id, session.password = reply.session_id, reply.password
        return seen + self._fence_others(session)

    def _end_of(self, session, previous):
        """What the server still says on a connection that another has replaced."""
        if not previous.open:
            return []
        replaced = Observation(session.number, "silent")
        previous.patience(CLOSE_SECONDS)
        seen = []
        while True:
            payload = previous.read()
            if isinstance(payload, str):
                previous.close()
                if payload == CLOSED:
                    replaced = Observation(session.number, "closed")
                return seen + [replaced]
            seen.append(self._classify(session, payload, None))

    def _open(self, step):
        session = self.session(step.session)
        if session.is_alive():
            return self._reopen(steps.Reopen(step.session, step.timeout, drop=True))
        zxid = FUTURE_ZXID if step.zxid == "future" else 0
        password = {"zeros": ZERO_PASSWORD, "null": None, "short": b"abc"}[step.password]
        return self._handshake(session, step.timeout, 0, password, zxid, step.read_only, step.version)

    def _reopen(self, step):
        session = self.session(step.session)
        if not session.is_alive():
            return self._open(steps.Open(step.session, step.timeout))
        if step.drop and session.connection:
            session.connection.close()
        password = {"right": session.password, "wrong": b"\x5a" * 16, "short": session.password[:4], "null": None}
        zxid = {"seen": session.seen_zxid(), "zero": 0, "future": FUTURE_ZXID}[step.zxid]
        session_id = session.id
        keep = (session.id, session.password)
        seen = self._handshake(session, step.timeout, session_id, password[step.password], zxid, step.read_only)
        if step.password != "right" or step.zxid == "future":
            # The refusal was of these credentials: with the right ones the session is still there.
            session.id, session.password = keep
        return seen

    def _drop(self, step):
        session = self.session(step.session)
        if session.connection:
            session.connection.close()
        return []

    def _ensure_open(self, session):
        """Observations of getting a connection where there is none."""
        seen = []
        if not session.is_open() and session.is_alive():
            seen += self._reopen(steps.Reopen(session.number))
        if not session.is_open():
            seen += self._open(steps.Open(session.number))
        return seen

    # --- requests

    def _ask(self, step):
        session = self.session(step.session)
        seen = self._ensure_open(session)
        if not session.is_open():
            return seen
        self._send(session, [step.request])
        seen += self._read_replies(session, [step.request])
        if step.request.op in wire.WRITES or not session.is_open():
            seen += self._fence_others(session)
        return seen

    def _burst(self, step):
        session = self.session(step.session)
        seen = self._ensure_open(session)
        if not session.is_open():
            return seen
        self._send(session, step.requests)
        seen += self._read_replies(session, step.requests)
        return seen + self._fence_others(session)

    def _send(self, session, batch):
        frames = []
        for request in batch:
            xid = request.xid
            if xid is None:
                xid = wire.FIXED_XIDS.get(request.op)
            if xid is None:
                xid = session.next_xid
                session.next_xid += 1
            frames.append(request.frame(xid, session.seen_zxid, self._base))
        session.connection.send(b"".join(frames))

    def _read_replies(self, session, batch):
        """Reads until each request of the batch has its reply, or the connection ends."""
        seen = []
        for request in batch:
            while True:
                payload = session.connection.read()
                if isinstance(payload, str):
                    seen.append(Observation(session.number, payload, request=request))
                    session.connection.close()
                    if request.op == wire.CLOSE_SESSION:
                        session.forget()
                    return seen
                observation = self._classify(session, payload, request)
                seen.append(observation)
                if observation.kind != "event":
                    break
            if request.op == wire.CLOSE_SESSION:
                session.forget()
                return seen + self._read_close(session)
            if error_of(payload) in ENDING_CODES and (len(batch) == 1 or error_of(payload) != -6):
                seen += self._read_close(session)
                if not session.is_open():
                    return seen
        return seen

    def _read_close(self, session):
        """After a reply that may be the last: reads on until the connection ends or stays quiet."""
        seen = []
        session.connection.patience(CLOSE_SECONDS)
        while True:
            payload = session.connection.read()
            if payload == CLOSED:
                return seen + [Observation(session.number, "closed")]
            if payload == SILENT:
                session.connection.patience(PATIENCE_SECONDS)
                return seen + [Observation(session.number, "silent")]
            seen.append(self._classify(session, payload, None))

    def _classify(self, session, payload, request):
        """An event or a reply; keeps the zxids that the session saw."""
        if request is not None and request.op == wire.CREATE_SESSION:
            # Sent by a client it is answered like a handshake.
            return Observation(session.number, "connect", payload, request)
        if len(payload) < 16:
            return Observation(session.number, "reply", payload, request)
        reader = Reader(payload)
        xid, zxid = reader.int(), reader.long()
        if xid == wire.XID_NOTIFICATION and zxid == -1:
            return Observation(session.number, "event", payload)
        if zxid > 0:
            session.zxids.append(zxid)
        return Observation(session.number, "reply", payload, request)

    def _fence_others(self, session):
        others = [one for number, one in sorted(self._sessions.items()) if one is not session and one.is_open()]
        if self._ensemble:
            return [seen for one in others for seen in self._catch_up(one, session.seen_zxid())]
        for one in others:
            self._send(one, [PING])
        return [seen for one in others for seen in self._read_replies(one, [PING])]

    def _catch_up(self, session, zxid):
        """Syncs until the session's own server has applied that zxid; only the last answer counts."""
        seen = []
        for _ in range(MOST_SYNCS):
            self._send(session, [SYNC])
            came = self._read_replies(session, [SYNC])
            if not session.is_open() or session.seen_zxid() >= zxid:
                return seen + came
            seen += [one for one in came if one.kind != "reply"]
        return seen

    # --- what is no request

    def _bytes(self, step):
        session = self.session(step.session)
        seen = self._ensure_open(session)
        if not session.is_open():
            return seen
        session.connection.send(step.data.replace(BASE, self._base))
        seen += self._read_close(session)
        return seen + self._fence_others(session)

    def _fresh(self, step):
        connection = Connection(self._addresses[0], CLOSE_SECONDS)
        connection.send(step.data)
        payload = connection.read()
        reply = None if isinstance(payload, str) else decode_connect_reply(payload)
        if reply and reply.timeout > 0:
            # Or it would expire in the midst of a later sequence.
            connection.send(operations.close_session().frame(1, None, self._base))
            connection.read()
        connection.close()
        if isinstance(payload, str):
            return [Observation(None, payload)]
        return [Observation(None, "connect", payload)]

    def _word(self, step):
        try:
            text = zkserver.ask(self._addresses[0], step.word)
        except OSError as error:
            text = type(error).__name__.encode()
        return [Observation(None, "text", text, word=step.word)]

    def _await_gone(self, step):
        session = self.session(step.session)
        seen = self._ensure_open(session)
        probe = dataclasses.replace(operations.exists(step.path), xid=0)
        deadline = time.monotonic() + step.seconds
        # How often it asks is chance: the count must not show in later xids.
        while session.is_open() and time.monotonic() < deadline:
            self._send(session, [probe])
            came = self._read_replies(session, [probe])
            seen += [one for one in came if one.kind != "reply"]
            if came and came[-1].kind == "reply" and error_of(came[-1].payload) == -101:
                return seen + [Observation(session.number, "gone")] + self._fence_others(session)
            time.sleep(0.05)
        return seen + [Observation(session.number, "silent")]


def error_of(payload):
    """The error code of a reply."""
    reader = Reader(payload)
    if reader.left() < 16:
        return 0
    reader.raw(12)
    return reader.int()
