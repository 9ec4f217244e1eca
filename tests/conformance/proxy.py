"""A server that passes everything on to another one, but alters what comes back: to see that it is noticed."""

import socket
import struct
import threading


class Proxy:
    """Listens on a free loopback port. `alter` gets each frame from the server and returns those to send instead."""

    def __init__(self, server, alter):
        self._server = server
        self._alter = alter
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._sockets = [self._listener]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for one in self._sockets:
            _shut(one)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets.append(one)
            threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
            threading.Thread(target=self._replies, args=(client, server), daemon=True).start()

    @staticmethod
    def _requests(client, server):
        try:
            while data := client.recv(65536):
                server.sendall(data)
        except OSError:
            pass
        _shut(server)

    def _replies(self, client, server):
        alter = self._alter()
        try:
            while (payload := _frame(server)) is not None:
                for other in alter(payload):
                    client.sendall(struct.pack(">i", len(other)) + other)
        except OSError:
            pass
        _shut(client)


def _frame(connection):
    head = _exactly(connection, 4)
    return None if head is None else _exactly(connection, struct.unpack(">i", head)[0])


def _exactly(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            return None
        data += part
    return data


def _shut(one):
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    one.close()
