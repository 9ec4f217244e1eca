"""One raw connection to a server: the handshake, frames out, frames in. Knows nothing of what is compared."""

import socket
import struct
from dataclasses import dataclass

from jute import Malformed, Reader, Writer

# A server that has not answered after this long counts as silent; what is compared then is the silence.
PATIENCE_SECONDS = 10.0
LARGEST_FRAME = 64 * 1024 * 1024

CLOSED = "closed"
SILENT = "silent"


@dataclass(frozen=True)
class ConnectReply:
    """What the server answered to the connect request."""
    version: int
    timeout: int
    session_id: int
    password: bytes
    read_only: bytes  # empty, or the one byte that newer clients get

    @staticmethod
    def decode(payload):
        reader = Reader(payload)
        return ConnectReply(reader.int(), reader.int(), reader.long(), reader.buffer(), reader.rest())


def connect_request(last_zxid, timeout, session_id, password, read_only=False, version=0):
    """The first frame; read_only None leaves the byte out as clients of old do."""
    writer = Writer().int(version).long(last_zxid).int(timeout).long(session_id).buffer(password)
    if read_only is not None:
        writer.boolean(read_only)
    return Writer().buffer(writer.bytes()).bytes()


class Connection:
    """A socket that speaks in frames. Reading returns a payload, CLOSED or SILENT; it never raises."""

    def __init__(self, address, patience=PATIENCE_SECONDS):
        self._socket = socket.create_connection(address, timeout=patience)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self.open = True

    def send(self, data):
        """Sends; a connection that the server has closed is noticed when reading."""
        try:
            self._socket.sendall(data)
        except OSError:
            pass

    def patience(self, seconds):
        self._socket.settimeout(seconds)

    def read(self):
        """The next frame's payload, or CLOSED, or SILENT."""
        payload = self._take()
        while payload is None:
            try:
                part = self._socket.recv(262144)
            except TimeoutError:
                return SILENT
            except OSError:
                part = b""
            if not part:
                self.close()
                return CLOSED
            self._buffer += part
            payload = self._take()
        return payload

    def _take(self):
        if len(self._buffer) < 4:
            return None
        (length,) = struct.unpack_from(">i", self._buffer)
        if length < 0 or length > LARGEST_FRAME:
            self.close()
            return CLOSED
        if len(self._buffer) < 4 + length:
            return None
        payload = bytes(self._buffer[4:4 + length])
        del self._buffer[:4 + length]
        return payload

    def close(self):
        self.open = False
        self._socket.close()


def decode_connect_reply(payload):
    """The reply, or None where the payload is none."""
    try:
        return ConnectReply.decode(payload)
    except Malformed:
        return None
