"""What a peer may send: the echo server's codecs over real sockets, well-formed and not.

The verdicts are tested at every cut in tests/codecs. Here the question is what becomes of the connection
and of the program.
"""

import json
import struct
import unittest

from harness import SANITIZED, ProgramTest, frame, receive_frame, text_field

MIB = 1 << 20


class ByteTest(ProgramTest):
    """What all codecs have in common. A case gives messages as they are on the wire, where the echo of a
    message is the same bytes again."""

    CODECS = {
        "raw": [b"any bytes at all", b"\0\xff"],
        "lines": [b"a line\n", b"\n", b"\xff not utf-8\n"],
        "lp32": [frame(b"a frame"), frame(b""), frame(b"x" * 70000)],
        "jsonl": [b'{"key":[1,2.5,"\xc3\xa4"]}\n', b"null\n", b'"' + b"x" * 60000 + b'"\n'],
        "protobuf": [frame(text_field(1, "text")), frame(b""), frame(text_field(1, "x" * 70000))],
        "protobuf-varint": [b"\x06" + text_field(1, "text"), b"\0"],
        "lp8": [b"\5frame", b"\0"],
        "lp16": [b"\0\5frame", b"\0\0"],
        "lp32le": [b"\5\0\0\0frame", b"\0\0\0\0", struct.pack("<I", 70000) + b"x" * 70000],
        "lp64": [struct.pack(">Q", 5) + b"frame"],
        "length-prefixed:2be,offset=1,adjustment=-3,strip=0": [b"\xca\0\x05hi", b"\xca\0\x03"],
        "varint": [b"\5frame", b"\0", b"\xac\x02" + b"x" * 300],
        "netstring": [b"5:frame,", b"0:,", b"300:" + b"x" * 300 + b","],
        "fixed:4": [b"four", b"five"],
        "delimited:7c7c,00": [b"a | frame||", b"||"],
        "lines:crlf": [b"a line\r\n", b"\r\n", b"bare \n feed\r\n"],
        "lines/text": ["a line, f\u00fcr alle\n".encode(), b"\n"],
        "json-texts/json": [b'{"a":"}"}', b"[[],1]"],
        "msgpack": [frame(b"\x92\x01\xc3"), frame(b"\xa2hi"), frame(b"\xda\x01\x2c" + b"x" * 300)],
        "varint/msgpack": [b"\x01\xc0"],
        "netstring/protobuf": [b"6:" + text_field(1, "text") + b","],
    }

    def each(self):
        for codec, messages in self.CODECS.items():
            with self.subTest(codec=codec):
                yield self.serve("--codec", codec), messages

    def test_echoes_pipelined_messages_in_order(self):
        for server, messages in self.each():
            sent = b"".join(messages) * 20
            client = self.connect(server)
            client.send(sent)
            client.end()
            self.assertTrue(client.rest() == sent)  # not assertEqual: nobody wants to see the difference

    def test_echoes_a_message_that_comes_byte_by_byte(self):
        for server, messages in self.each():
            client = self.connect(server)
            client.send_bytewise(messages[0])
            self.assertEqual(client.receive(len(messages[0])), messages[0])

    def test_a_reset_inside_a_message_harms_nobody_else(self):
        for server, messages in self.each():
            other = self.connect(server)
            for _ in range(20):
                client = self.connect(server)
                client.send(messages[0] + messages[0][:-1])
                client.reset()
            other.send(messages[0])
            self.assertEqual(other.receive(len(messages[0])), messages[0])

    def test_an_end_inside_a_message_is_answered_by_what_came_before(self):
        for server, messages in self.each():
            if messages[0] == self.CODECS["raw"][0]:
                continue  # has no messages to be inside of
            client = self.connect(server)
            client.send(messages[0] + messages[0][:-1])
            client.end()
            self.assertEqual(client.rest(), messages[0])
            other = self.connect(server)
            other.send(messages[0])
            self.assertEqual(other.receive(len(messages[0])), messages[0])


class RefusalTest(ProgramTest):
    """Bytes that end the connection: what came before is answered, and others are served on."""

    def refused(self, server, good, bad):
        """Sends `good`, then `bad`; expects the echo of `good` and the end."""
        client = self.connect(server)
        client.send(good + bad)
        self.assertEqual(client.rest(), good)
        self.served(server, good)

    def served(self, server, good):
        client = self.connect(server)
        client.send(good)
        self.assertEqual(client.receive(len(good)), good)
        client.close()

    def test_a_length_of_4_gib(self):
        server = self.serve("--codec", "lp32")
        before = server.resident_bytes()
        for length in (0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, MIB + 1):
            with self.subTest(length=length):
                self.refused(server, frame(b"good"), struct.pack(">I", length) + b"and some of it")
        if not SANITIZED:
            self.assertLess(server.resident_bytes() - before, 4 * MIB)

    def test_a_length_that_is_never_made_good(self):
        server = self.serve("--codec", "lp32")
        before = server.resident_bytes()
        waiting = [self.connect(server) for _ in range(200)]
        for client in waiting:
            client.send(struct.pack(">I", MIB) + b"x" * 5000)
        self.served(server, frame(b"good"))
        if not SANITIZED:  # 200 MiB were announced, 1 MB was sent
            self.assertLess(server.resident_bytes() - before, 16 * MIB)
        waiting[0].send(b"x" * (MIB - 5000))  # it may still be made good
        self.assertEqual(len(receive_frame(waiting[0])), MIB)

    def test_a_line_that_never_ends(self):
        server = self.serve("--codec", "lines")
        before = server.resident_bytes()
        self.refused(server, b"good\n", b"x" * (16 * MIB))
        if not SANITIZED:
            self.assertLess(server.resident_bytes() - before, 4 * MIB)

    def test_no_byte_after_the_refused_one_is_read_as_a_message(self):
        server = self.serve("--codec", "lines", "--max-frame-bytes", "10")
        self.refused(server, b"good\n", b"eleven byte\nshort\nshort\n")

    def test_json_that_is_none(self):
        server = self.serve("--codec", "jsonl")
        for name, bad in {
            "an empty line": b"",
            "no text": b"{",
            "two texts": b"1 2",
            "a number over all doubles": b"1e400",
            "an integer over 64 bits": b"18446744073709551616",
            "not a number": b"NaN",
            "not utf-8": b'"\xff\xfe"',
            "half a surrogate pair": b'"\\ud800"',
            "a nul byte": b"1\0",
            "a key without a value": b'{"a"}',
            "a number of 50 000 digits": b"9" * 50_000,
        }.items():
            with self.subTest(name):
                self.refused(server, b"[1]\n", bad + b"\n")

    def test_json_nested_100_000_deep(self):
        server = self.serve("--codec", "jsonl", "--max-frame-bytes", str(MIB))
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            with self.subTest(opening=opening):
                self.refused(server, b"[1]\n", opening * 100_000 + b"1" + closing * 100_000 + b"\n")
        self.refused(server, b"[1]\n", b"[" * 100_000 + b"\n")

    def test_json_of_exactly_the_depth(self):
        server = self.serve("--codec", "jsonl")
        self.served(server, b"[" * 64 + b"]" * 64 + b"\n")
        self.refused(server, b"[1]\n", b"[" * 65 + b"]" * 65 + b"\n")

    def test_json_keeps_what_it_can(self):
        server = self.serve("--codec", "jsonl")
        client = self.connect(server)
        value = {"least": -(2**63), "most": 2**64 - 1, "tenth": 0.1, "text": '\u0000"\\\n\u2028\U0001f600'}
        client.say(json.dumps(value))
        self.assertEqual(json.loads(client.line()), value)

    def test_frames_that_are_none(self):
        for codec, good, bad in (
                ("varint", b"\4good", b"\x80\x00"),
                ("varint", b"\4good", b"\xff\xff\xff\xff\xff"),
                ("netstring", b"4:good,", b"04:good,"),
                ("netstring", b"4:good,", b"4:goods"),
                ("netstring", b"4:good,", b"99999999999999999999:"),
                ("lp32le", b"\4\0\0\0good", b"\xff\xff\xff\xff"),
                ("json-texts/json", b"[1]", b"1"),
                ("json-texts/json", b"[1]", b"[1}"),
                ("lines/text", b"good\n", b"\xff\n"),
                ("delimited:00", b"good\0", b"x" * 70_000),
                ("protobuf-varint", b"\x06" + text_field(1, "good"), b"\x01\x0f"),
                ("msgpack", frame(b"\xc3"), frame(b"\xc1")),
                ("msgpack", frame(b"\xc3"), frame(b"\xdd\xff\xff\xff\xff")),
                ("msgpack", frame(b"\xc3"), frame(b"\x91" * 100_000)),
                ("msgpack", frame(b"\xc3"), frame(b"\x81\x01\x01")),
        ):
            with self.subTest(codec=codec, bad=bad[:20]):
                self.refused(self.serve("--codec", codec), good, bad)

    def test_a_codec_that_there_is_not_is_named_with_those_that_there_are(self):
        status, said = self.refuses("--codec", "linez/json")
        self.assertEqual(status, 2)
        for part in ('"linez/json"', 'no framing "linez"', "netstring", "msgpack", "jsonl = lines/json"):
            self.assertIn(part, said)

    def test_protobuf_that_is_none(self):
        server = self.serve("--codec", "protobuf")
        good = frame(text_field(1, "good"))
        for name, bad in {
            "cut in a string": b"\x0a\x05ab",
            "cut in a tag": b"\x80",
            "wire type 7": b"\x0f",
            "wire type 6": b"\x0e",
            "field number 0": b"\x02\x00",
            "not utf-8": text_field(1, b"\xff\xfe"),
            "a varint of 11 bytes": b"\x08" + b"\x80" * 10 + b"\x01",
            "the end of a group that never began": b"\x0c",
            "100 000 groups": b"\x13" * 100_000,
            "a string of 2 GiB": b"\x0a\xff\xff\xff\xff\x07",
        }.items():
            with self.subTest(name):
                self.refused(server, good, frame(bad))

    def test_protobuf_keeps_fields_it_does_not_know(self):
        client = self.connect(self.serve("--codec", "protobuf"))
        message = text_field(1, "known") + text_field(9, "unknown")
        client.send(frame(message))
        self.assertEqual(receive_frame(client), message)

    def test_other_protocols_end_at_once_or_wait(self):
        server = self.serve("--codec", "lp32")
        for greeting in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"SSH-2.0-x\r\n", b"PROXY TCP4 1.2.3.4 "):
            with self.subTest(greeting=greeting):
                self.refused(server, frame(b"good"), greeting)  # four letters are a length of a gigabyte


class BoundaryTest(ProgramTest):
    """--max-frame-bytes: the last that passes, and the first that does not."""

    def check(self, codec, wire, limit):
        server = self.serve("--codec", codec, "--max-frame-bytes", str(limit))
        client = self.connect(server)
        client.send(wire(limit))
        self.assertTrue(client.receive(len(wire(limit))) == wire(limit))
        client.send(wire(limit + 1))
        self.assertEqual(client.rest(), b"")

    def test_of_frames(self):
        for limit in (1, 10, 65536, 300_000):
            with self.subTest(limit=limit):
                self.check("lp32", lambda size: frame(b"x" * size), limit)

    def test_of_lines(self):
        for limit in (1, 10, 65536, 300_000):
            with self.subTest(limit=limit):
                self.check("lines", lambda size: b"x" * size + b"\n", limit)

    def test_of_json(self):
        self.check("jsonl", lambda size: b'"' + b"x" * (size - 2) + b'"\n', 1000)

    def test_of_protobuf(self):
        self.check("protobuf", lambda size: frame(text_field(1, "x" * (size - 3))), 1000)

    def test_by_default(self):
        with self.subTest("frames"):
            client = self.connect(self.serve("--codec", "lp32"))
            client.send(frame(b"x" * MIB))
            self.assertEqual(len(receive_frame(client)), MIB)
        with self.subTest("lines"):
            client = self.connect(self.serve("--codec", "lines"))
            client.send(b"x" * 65536 + b"\n")
            self.assertEqual(len(client.line()), 65536)
            client.send(b"x" * 65537 + b"\n")
            self.assertEqual(client.rest(), b"")

    def test_that_are_none(self):
        for value in ("0", "-1", "many", "10x"):
            with self.subTest(value=value):
                status, said = self.refuses("--max-frame-bytes", value)
                self.assertEqual(status, 2)
                self.assertIn("--max-frame-bytes", said)

    def test_a_codec_that_is_none(self):
        status, said = self.refuses("--codec", "morse")
        self.assertEqual(status, 2)
        self.assertIn('"morse"', said)


if __name__ == "__main__":
    unittest.main()
