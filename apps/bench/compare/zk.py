"""As much of ZooKeeper's protocol as it takes to see when a server serves: a session and one read."""

import socket
import struct
import time

PAUSE = 0.002  # between attempts, in seconds: the resolution of what is measured


def _frame(payload):
    return struct.pack(">i", len(payload)) + payload


def _receive(connection):
    def exactly(size):
        parts = b""
        while len(parts) < size:
            part = connection.recv(size - len(parts))
            if not part:
                raise ConnectionError("the server has closed the connection")
            parts += part
        return parts

    return exactly(struct.unpack(">i", exactly(4))[0])


def _address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def read_once(address, path, timeout=5.0):
    """Whether a new session at `address` ("host:port") finds `path`. Raises OSError where there is none."""
    with socket.create_connection(_address(address), timeout) as connection:
        connection.sendall(_frame(struct.pack(">iqiqi16s?", 0, 0, 10_000, 0, 16, bytes(16), False)))
        granted = struct.unpack_from(">ii", _receive(connection))[1]
        if granted <= 0:
            raise ConnectionError("the server gives no session")
        name = path.encode()
        connection.sendall(_frame(struct.pack(">iii", 1, 3, len(name)) + name + b"\0"))
        error = struct.unpack_from(">iqi", _receive(connection))[2]
        connection.sendall(_frame(struct.pack(">ii", 2, -11)))  # ends the session
        return error == 0


def seconds_to_first_read(address, path, started, limit=600.0):
    """Seconds from `started` (time.monotonic()) until a session at `address` finds `path`."""
    while time.monotonic() - started < limit:
        try:
            if read_once(address, path):
                return time.monotonic() - started
        except (OSError, struct.error):
            pass
        time.sleep(PAUSE)
    raise TimeoutError(f"{address} did not serve {path} within {limit:.0f} s")


def mode_of(address):
    """What the server plays: "leader", "follower", "standalone"; None where it does not say."""
    try:
        with socket.create_connection(_address(address), 2.0) as connection:
            connection.sendall(b"srvr")
            answer = b""
            while part := connection.recv(4096):
                answer += part
    except OSError:
        return None
    for line in answer.decode(errors="replace").splitlines():
        if line.startswith("Mode: "):
            return line.removeprefix("Mode: ")
    return None
