"""twister's RPC (docs/reference/wire/rpc.md), a second time: what a client needs, with the standard library.

Messages are bytes here; numbers(a, b) makes those of a message whose fields are int64.
"""

import struct

from harness import number_field

PREFACE = b"twister\x01" + struct.pack("<I", 8) + struct.pack("<HHI", 1, 4, 1 << 20)
REQUEST, NOTICE, DATA, END, CREDIT, CANCEL = 1, 2, 3, 4, 5, 6
RESPONSE, DATA_BACK, CREDIT_BACK = 0x81, 0x83, 0x85
NAMES_METHOD, HAS_DEADLINE, HAS_METADATA, STREAMS = 1, 4, 8, 16


def numbers(*values):
    return b"".join(number_field(i + 1, value) for i, value in enumerate(values) if value)


def frame(kind, call, body=b"", flags=0, number=0):
    return struct.pack("<IBBHI", len(body), kind, flags, number, call) + body


def read_status(body):
    """(text, details) of a response whose status is not 0."""
    size, = struct.unpack_from("<H", body)
    return body[2:2 + size].decode(), body[2 + size:]


class Peer:
    """One connection, over a Client of the harness."""

    def __init__(self, client):
        self.client = client
        self.names = {}
        self.calls = 0
        client.send(PREFACE)
        magic, size = struct.unpack("<8sI", client.receive(12))
        assert magic == b"twister\x01", magic
        client.receive(size)

    def send(self, name, message=b"", kind=REQUEST, deadline=None, flags=0):
        """Sends a request, and returns the id of the call."""
        self.calls += 1
        prefix = b""
        if name not in self.names:
            self.names[name] = len(self.names) + 1
            flags |= NAMES_METHOD
            prefix += bytes([len(name)]) + name.encode()
        if deadline is not None:
            flags |= HAS_DEADLINE
            prefix += struct.pack("<I", deadline)
        self.client.send(frame(kind, self.calls, prefix + message, flags, self.names[name]))
        return self.calls

    def receive(self):
        """(kind, flags, number, id, body)"""
        size, kind, flags, number, call = struct.unpack("<IBBHI", self.client.receive(12))
        return kind, flags, number, call, self.client.receive(size)

    def call(self, name, message=b"", **options):
        """(status, body) of the response."""
        call = self.send(name, message, **options)
        kind, _, status, answered, body = self.receive()
        assert (kind, answered) == (RESPONSE, call), (kind, answered)
        return status, body
