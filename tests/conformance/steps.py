"""What a sequence is made of. A step names its session by a small number; steps hold nothing that a server gave.

Whatever needs an open connection opens one first: it re-attaches to the session, or starts a new one if the
session has ended. So a sequence stays meaningful when steps are left out of it.
"""

from dataclasses import dataclass

from operations import Request, show

LONGEST_TIMEOUT_MS = 600_000


@dataclass(frozen=True)
class Open:
    """Starts a session on a new connection."""
    session: int
    timeout: int = LONGEST_TIMEOUT_MS
    read_only: bool | None = False
    version: int = 0
    zxid: str = "zero"  # or "future"
    password: str = "zeros"  # or "null", "short"

    def __str__(self):
        return (f"[{self.session}] connect timeout={self.timeout} readOnly={self.read_only} version={self.version}"
                f" zxid={self.zxid} password={self.password}")


@dataclass(frozen=True)
class Reopen:
    """Re-attaches to the session on a new connection; the old one is not closed first."""
    session: int
    timeout: int = LONGEST_TIMEOUT_MS
    password: str = "right"  # or "wrong", "short", "null"
    zxid: str = "seen"  # or "zero", "future"
    drop: bool = False  # whether the old connection is cut before
    read_only: bool | None = False

    def __str__(self):
        return (f"[{self.session}] reconnect timeout={self.timeout} password={self.password} zxid={self.zxid}"
                + (" after a cut" if self.drop else ""))


@dataclass(frozen=True)
class Drop:
    """Cuts the connection without a word; the session lives on."""
    session: int

    def __str__(self):
        return f"[{self.session}] cut the connection"


@dataclass(frozen=True)
class Ask:
    """Sends one request and waits for its reply."""
    session: int
    request: Request

    def __str__(self):
        return f"[{self.session}] {self.request}"


@dataclass(frozen=True)
class Burst:
    """Sends several requests at once, then reads all that comes."""
    session: int
    requests: tuple

    def __str__(self):
        return f"[{self.session}] burst of " + "; ".join(map(str, self.requests))


@dataclass(frozen=True)
class Bytes:
    """Sends bytes as they are, length and all, on the session's connection, and waits for what comes."""
    session: int
    data: bytes

    def __str__(self):
        return f"[{self.session}] bytes {self.data[:60].hex()}"


@dataclass(frozen=True)
class Fresh:
    """Sends bytes as the first ones of a connection of their own."""
    data: bytes

    def __str__(self):
        return f"[new connection] bytes {show(self.data)}"


@dataclass(frozen=True)
class Word:
    """A four-letter word on a connection of its own."""
    word: bytes

    def __str__(self):
        return f"[new connection] {show(self.word)}"


@dataclass(frozen=True)
class AwaitGone:
    """Asks again and again until the node is gone; what is compared is the events that come meanwhile."""
    session: int
    path: bytes
    seconds: float = 30.0

    def __str__(self):
        return f"[{self.session}] wait until {show(self.path)} is gone"
