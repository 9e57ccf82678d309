"""The client in Python, samples/clients/rpc_client.py, against a server with a method of every kind."""

import json
import struct
import subprocess
import sys
import threading
import unittest

from tool_harness import DEADLINE
from harness import ProgramTest, eventually, fields, number_field, text_field
from rpc_harness import CLIENT, connect_client, failure, rpc

try:
    import google.protobuf  # noqa: F401: the program needs it, the class does not
    HAS_PROTOBUF = True
except ImportError:
    HAS_PROTOBUF = False

TALK = "talk.Talk/"


class Say(tuple):
    """Say and Heard: a text, and a number."""

    def __new__(cls, text="", number=0):
        return super().__new__(cls, (text, number))

    def SerializeToString(self):
        text, number = self
        return (text_field(1, text) if text else b"") + (number_field(2, number) if number else b"")

    @classmethod
    def FromString(cls, data):
        found = fields(data)
        return cls(found.get(1, ""), found.get(2, 0))


class PythonClientTest(ProgramTest):
    def client(self, server=None):
        return connect_client(self, server or self.serve())

    def test_sends_and_receives_metadata(self):
        stream = self.client().open(TALK + "Echo", Say, Say("hi", 1), DEADLINE, {"user": "ann", "raw": b"\0\xff"},
                                    one_reply=True)
        self.assertEqual(list(stream), [("hi", 1)])
        self.assertEqual(stream.metadata, [("got-user", b"ann"), ("got-raw", b"\0\xff")])

    def test_raises_what_is_wrong(self):
        error = failure(self, self.client().call, TALK + "Fail", Say("x"), Say)
        self.assertEqual((error.code, error.text, error.details), (rpc.NOT_FOUND, "no such room: \x1b[2Jx", b"room\0\xff"))
        self.assertTrue(str(error).startswith("NOT_FOUND: "))

    def test_receives_more_than_the_credit_of_a_stream(self):
        text = "x" * 1000
        replies = self.client().server_stream(TALK + "Repeat", Say(text, 300), Say, timeout=DEADLINE)
        self.assertEqual(list(replies), [(text, i + 1) for i in range(300)])

    def test_sends_more_than_the_credit_of_a_stream(self):
        text, count = "x" * 1000, 300
        reply = self.client().client_stream(TALK + "Join", (Say(text) for _ in range(count)), Say, timeout=DEADLINE)
        self.assertEqual(reply, (text * count, count))

    def test_a_stream_that_fails_to_be_made_is_cancelled(self):
        client = self.client()

        def requests():
            yield Say("a")
            raise KeyError("no more")

        with self.assertRaises(KeyError):
            client.client_stream(TALK + "Join", requests(), Say)
        self.assertEqual(client.calls, {})

    def test_talks_back_and_forth(self):
        stream = self.client().stream(TALK + "Converse", Say, timeout=DEADLINE)
        for number, text in enumerate(("a", "b")):
            stream.send(Say(text))
            self.assertEqual(next(stream), (text, number + 1))
        stream.end()
        self.assertEqual(list(stream), [])

    def test_is_refused_what_is_larger_than_the_server_takes(self):
        client = self.client()
        error = failure(self, client.call, TALK + "Echo", Say("x" * (rpc.MAX_MESSAGE_BYTES + 1)), Say)
        self.assertEqual(error.code, rpc.RESOURCE_EXHAUSTED)
        self.assertEqual(client.call(TALK + "Echo", Say("still there"), Say), ("still there", 0))

    def test_notices_are_not_answered(self):
        server = self.serve()
        client = self.client(server)
        client.notify(TALK + "Note", Say("milk"))
        eventually(lambda: "noted: milk" in server.errors(), "the notice")
        self.assertEqual(client.passed_over, 0)

    def test_a_cancelled_call_ends_on_the_server(self):
        server = self.serve()
        stream = self.client(server).open(TALK + "Never", Say, Say("me"), one_reply=True)
        stream.cancel()
        self.assertEqual(failure(self, next, stream).code, rpc.CANCELLED)

    def test_calls_of_many_threads_share_a_connection(self):
        client = self.client()
        said = {}

        def work(name):
            said[name] = [client.call(TALK + "Echo", Say(name, i + 1), Say, timeout=DEADLINE) for i in range(50)]

        threads = [threading.Thread(target=work, args=(f"thread {i}",)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        self.assertEqual(said, {f"thread {i}": [(f"thread {i}", j + 1) for j in range(50)] for i in range(8)})

    def test_peers_with_names_are_called_by_way_of_the_server(self):
        server = self.serve()
        printer, caller = self.client(server), self.client(server)
        printer.on("office.Printer/Print", Say, lambda context, page: Say(page[0].upper(), len(context.metadata)))
        printer.register("printer")
        reply = caller.call("office.Printer/Print", Say("page"), Say, timeout=DEADLINE, metadata={"user": "ann"},
                            node="printer")
        self.assertEqual(reply, ("PAGE", 1))
        self.assertEqual(failure(self, caller.register, "printer").code, rpc.ALREADY_EXISTS)
        error = failure(self, caller.call, "office.Printer/Print", Say(), Say, node="plotter", timeout=DEADLINE)
        self.assertEqual(error.code, rpc.NOT_FOUND)

    def test_its_own_exceptions_stay_at_home(self):
        server = self.serve()
        printer, caller = self.client(server), self.client(server)

        def fail(_context, _page):
            raise KeyError("a secret")

        printer.on("office.Printer/Print", Say, fail)
        printer.register("printer")
        error = failure(self, caller.call, "office.Printer/Print", Say(), Say, node="printer", timeout=DEADLINE)
        self.assertEqual(error.code, rpc.INTERNAL)
        self.assertNotIn("secret", str(error))

    def test_ends_calls_when_the_connection_is_lost(self):
        server = self.serve("--drain-timeout", "0.1")
        client = self.client(server)
        stream = client.open(TALK + "Never", Say, Say("me"), one_reply=True)
        server.terminate()
        self.assertEqual(failure(self, next, stream).code, rpc.UNAVAILABLE)
        self.assertEqual(failure(self, client.call, TALK + "Echo", Say(), Say).code, rpc.UNAVAILABLE)

    def test_a_server_that_breaks_the_protocol_is_left(self):
        decoder = rpc.FrameDecoder()
        with self.assertRaises(rpc.Malformed):
            list(decoder.add(b"HTTP/1.1 200 OK\r\n"))
        decoder = rpc.FrameDecoder()
        self.assertEqual(list(decoder.add(rpc.encode_frame(rpc.Frame(rpc.PREFACE)))), [rpc.Frame(rpc.PREFACE)])
        with self.assertRaises(rpc.Malformed):
            list(decoder.add(struct.pack("<IBBHI", 1 << 30, rpc.DATA, 0, 0, 1)))

    @unittest.skipUnless(HAS_PROTOBUF, "python3-protobuf is not there")
    def test_the_client_as_a_program(self):
        server = self.serve()

        def run(*arguments):
            return subprocess.run([sys.executable, "-B", CLIENT, "--port", str(server.port), *arguments],
                                  capture_output=True, text=True, timeout=DEADLINE, check=False)

        done = run(TALK + "Echo", '{"text": "hi", "mood": "LOUD"}')
        self.assertEqual(json.loads(done.stdout), {"text": "hi", "mood": "LOUD"}, done.stderr)
        done = run(TALK + "Repeat", '{"text": "tick", "times": 2}')
        self.assertEqual([json.loads(line)["count"] for line in done.stdout.splitlines()], ["1", "2"])
        done = run(TALK + "Fail")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertTrue(done.stderr.startswith("NOT_FOUND: no such room"))


if __name__ == "__main__":
    unittest.main()
