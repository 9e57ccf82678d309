#!/usr/bin/env python3
"""Reads tests/vectors/rpc.txt with the client in Python, which shares nothing with twister's own.

    rpc_vectors_test.py FILE    every frame is decoded and encoded again; the client answers what the vectors ask, and
                                asks what they answer, in the same bytes
"""

import socket
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "samples" / "clients"))
import rpc_client as rpc  # noqa: E402

DEADLINE = 20
VECTORS = None


class Int32Value(int):
    """google.protobuf.Int32Value, of the numbers that the vectors have."""

    def SerializeToString(self):
        return bytes([8, self]) if self else b""

    @classmethod
    def FromString(cls, data):
        return cls(data[1] if data else 0)


def read_cases(path):
    """preface, and (title, frames in, frames out, events) for each case; events are `goes_away` and `closed`."""
    preface, cases = b"", []
    for line in Path(path).read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "preface":
            preface = bytes.fromhex(rest)
        elif word == "case":
            cases.append((rest, [], [], []))
        elif word in ("in", "out"):
            cases[-1][1 if word == "in" else 2].append(bytes.fromhex(rest))
        elif word in ("goes_away", "closed"):
            cases[-1][3].append(word)
        elif word and not word.startswith("#"):
            raise AssertionError(f"{word} is not understood")
    return preface, cases


def decode(data):
    decoder = rpc.FrameDecoder()
    decoder.begun = True
    frames = list(decoder.add(data))
    assert not decoder.kept, decoder.kept
    return frames


class FramesTest(unittest.TestCase):
    def frames(self):
        preface, cases = VECTORS
        yield "preface", preface
        for title, received, sent, _ in cases:
            for data in received + sent:
                yield title, data

    def test_are_encoded_as_they_were(self):
        for title, data in self.frames():
            with self.subTest(title):
                frame, = decode(data)
                self.assertEqual(rpc.encode_frame(frame), data)

    def test_are_found_in_pieces(self):
        preface, cases = VECTORS
        whole = preface + b"".join(b"".join(received) for _, received, _, _ in cases)
        decoder = rpc.FrameDecoder()
        pieces = [frame for byte in whole for frame in decoder.add(bytes([byte]))]
        self.assertEqual(pieces, decode(whole))

    def test_bodies_are_encoded_as_they_were(self):
        seen = set()
        for title, data in self.frames():
            frame, = decode(data)
            with self.subTest(title):
                if frame.kind in (rpc.REQUEST, rpc.NOTICE):
                    request = rpc.decode_request(frame.flags, frame.body)
                    flags, body = rpc.encode_request(request)
                    self.assertEqual((flags | frame.flags & rpc.STREAMS, body), (frame.flags, frame.body))
                    seen |= {field for field, value in request._asdict().items() if value is not None}
                elif frame.kind == rpc.RESPONSE and frame.number:
                    error = rpc.decode_status(frame.flags, frame.number, frame.body)
                    self.assertEqual(rpc.encode_status(error)[1], frame.body)
        self.assertLessEqual({"name", "deadline", "metadata", "message"}, seen)

    def test_bodies_that_are_too_short_are_refused(self):
        for flags in (rpc.NAMES_METHOD, rpc.NAMES_NODE, rpc.HAS_DEADLINE, rpc.HAS_METADATA):
            for body in (b"", b"\x02", b"\x05\x00\x01a"):
                if flags == rpc.HAS_DEADLINE and len(body) >= 4:
                    continue
                with self.subTest((flags, body)), self.assertRaises(rpc.Malformed):
                    rpc.decode_request(flags, body)


def fail(_context, _request):
    raise rpc.RpcError(rpc.NOT_FOUND, "no such room", b"room 7")


def count(_context, request):
    for i in range(request):
        yield Int32Value(i + 1)


def never(context, _request):
    context.wait_for_cancel()
    raise rpc.RpcError(rpc.INTERNAL, "answered although nobody waits")


class Wire:
    """The other end of a client's socket, by hand."""

    def __init__(self, test, preface):
        self.socket, own = socket.socketpair()
        self.socket.settimeout(DEADLINE)
        test.addCleanup(self.socket.close)
        self.socket.sendall(preface)
        self.client = rpc.RpcClient(connection=own, timeout=DEADLINE)
        test.addCleanup(self.client.close)

    def receive(self, size):
        data = b""
        while len(data) < size:
            got = self.socket.recv(size - len(data))
            if not got:
                break
            data += got
        return data

    def rest(self):
        data = b""
        while got := self.socket.recv(65536):
            data += got
        return data


def by_call(data):
    """The frames of each call in their order; those of several calls may come in any."""
    calls = {}
    for frame in decode(data):
        calls.setdefault(frame.id, []).append(frame)
    return calls


class ConversationsTest(unittest.TestCase):
    def test_are_answered_byte_for_byte(self):
        preface, cases = VECTORS
        self.assertGreaterEqual(len(cases), 15)
        for title, received, sent, events in cases:
            if "goes_away" in events:
                continue  # the client in Python leaves without a word
            with self.subTest(title):
                wire = Wire(self, preface)
                self.add_methods(wire.client)
                self.assertEqual(wire.receive(len(preface)), preface)
                wire.socket.sendall(b"".join(received))
                answered = wire.receive(len(b"".join(sent)))
                if "closed" not in events:
                    # What is still to come would come before this.
                    ping = rpc.encode_frame(rpc.Frame(rpc.PING, id=77))
                    wire.socket.sendall(ping)
                    pong = decode(wire.receive(len(ping)))
                    self.assertEqual(pong, [rpc.Frame(rpc.PONG, id=77)])
                    wire.socket.shutdown(socket.SHUT_WR)
                self.assertEqual(wire.rest(), b"")
                self.assertEqual(by_call(answered), by_call(b"".join(sent)))

    @staticmethod
    def add_methods(client):
        client.on("Add1", Int32Value, lambda _, request: Int32Value(request + 1))
        client.on("Fail", Int32Value, fail)
        client.on("Never", Int32Value, never)
        client.on("Count", Int32Value, count)
        client.on("Sum", Int32Value, lambda _, requests: Int32Value(sum(requests)), streams=True)

    # What the vectors' caller does, and what comes of it.
    def callers(self):
        def add1(client, **options):
            return client.call("Add1", Int32Value(2), Int32Value, **options)

        def fails(client, name):
            with self.assertRaises(rpc.RpcError) as caught:
                client.call(name, Int32Value(0), Int32Value)
            return caught.exception.code, caught.exception.text, caught.exception.details

        def stream_of_replies(client):
            return list(client.server_stream("Count", Int32Value(2), Int32Value))

        return {
            "a call, which names its method": (add1, 3),
            "the same method by its number":
                (lambda client: [add1(client), client.call("Add1", Int32Value(3), Int32Value)], [3, 4]),
            "a status with text and details":
                (lambda client: fails(client, "Fail"), (rpc.NOT_FOUND, "no such room", b"room 7")),
            "a method that there is not":
                (lambda client: fails(client, "Nope"), (rpc.UNIMPLEMENTED, "there is no such method", b"")),
            "metadata is taken": (lambda client: add1(client, metadata={"a": "b"}), 3),
            "a notice is not answered": (lambda client: client.notify("Add1", Int32Value(2)), None),
            "a cancelled call is not answered":
                (lambda client: client.open("Never", Int32Value, Int32Value(0)).cancel(), None),
            "a stream of replies": (stream_of_replies, [1, 2]),
            "a stream of requests":
                (lambda client: client.client_stream("Sum", map(Int32Value, (2, 3)), Int32Value), 5),
        }

    def test_are_asked_byte_for_byte(self):
        preface, cases = VECTORS
        by_title = {title: (received, sent) for title, received, sent, _ in cases}
        for title, (ask, expected) in self.callers().items():
            with self.subTest(title):
                asked, answers = by_title[title]
                wire = Wire(self, preface)
                got = []
                server = threading.Thread(target=play, args=(wire, preface, asked, answers, got))
                server.start()
                self.assertEqual(ask(wire.client), expected)
                server.join(DEADLINE)
                self.assertEqual([each.hex() for each in got], [preface.hex(), *(each.hex() for each in asked)])


def play(wire, preface, asked, answers, got):
    """Takes as many bytes as the vectors say, and answers each call behind its last frame."""
    got.append(wire.receive(len(preface)))
    calls = [decode(data)[0].id for data in asked]
    for place, call in enumerate(calls):
        got.append(wire.receive(len(asked[place])))
        if call not in calls[place + 1:]:
            wire.socket.sendall(b"".join(data for data in answers if decode(data)[0].id == call))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__)
        sys.exit(2)
    VECTORS = read_cases(sys.argv.pop())
    unittest.main()
