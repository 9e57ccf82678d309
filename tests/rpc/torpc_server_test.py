"""The torpc server of the tests, by a client that shares nothing with twister."""

import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "samples"))
from harness import ProgramTest, eventually  # noqa: E402
from tiny_msgpack import pack, unpack  # noqa: E402

REQUEST, RESPONSE, NOTICE, REGISTER = range(4)


def frame(kind, id_, body):
    payload = pack(body)
    return struct.pack("!ibi", len(payload), kind, id_) + payload


def receive(client):
    size, kind, id_ = struct.unpack("!ibi", client.receive(9))
    return kind, id_, unpack(client.receive(size))


class TorpcTest(ProgramTest):
    def setUp(self):
        self.server = self.serve()

    def exchange(self, client, digits, expected):
        client.send(bytes.fromhex(digits))
        expected = bytes.fromhex(expected)
        self.assertEqual(client.receive(len(expected)).hex(), expected.hex())

    def ask(self, client, method, *arguments, id_=7, kind=REQUEST):
        client.send(frame(kind, id_, [method, list(arguments)] if kind == REQUEST else [method, *arguments]))
        kind, reply_id, body = receive(client)
        self.assertEqual((kind, reply_id), (RESPONSE, id_))
        return body

    def test_bytes(self):
        client = self.connect(self.server)
        self.exchange(client, "0000000a 00 00000000 92a46563686f91a26869", "00000005 01 00000000 92c0a26869")
        client.send(bytes.fromhex("00000008 02 00000001 92a36c6f6791a178"))
        self.exchange(client, "00000012 03 00000002 92a87265676973746572a7636c69656e7431", "00000003 01 00000002 92c0c3")
        second = self.connect(self.server)
        self.exchange(second, "00000012 03 00000000 92a87265676973746572a7636c69656e7431", "00000003 01 00000000 92c0c2")
        self.assertEqual(self.ask(second, "logged"), [None, ["x"]])

    def test_cut_anywhere(self):
        client = self.connect(self.server)
        client.send_bytewise(frame(REQUEST, 1, ["echo", ["hi"]]) * 2)
        for _ in range(2):
            self.assertEqual(receive(client), (RESPONSE, 1, [None, "hi"]))

    def test_values_survive_in_forms_that_old_peers_know(self):
        client = self.connect(self.server)
        for value in (None, True, False, 0, 127, 128, 2**31, 2**63, -1, -33, -2**63, 0.5, 0.1, "", "x" * 31, "x" * 32,
                      "x" * 255, "x" * 70000, [], [1] * 20, {"a": {"b": [None]}}):
            with self.subTest(value=str(value)[:20]):
                client.send(frame(REQUEST, 0, ["echo", [value]]))
                size, _, _ = struct.unpack("!ibi", client.receive(9))
                self.assertEqual(client.receive(size).hex(), pack([None, value]).hex())

    def test_what_goes_wrong_is_an_error_and_no_more(self):
        client = self.connect(self.server)
        error, result = self.ask(client, "nosuch")
        self.assertIn("nosuch", error)
        self.assertIsNone(result)
        for method, arguments in (("add", [1]), ("add", [1, 2, 3]), ("add", ["a", {}]), ("late_fail", []), ("fail", []), ("slow", ["x"])):
            with self.subTest(method=method, arguments=arguments):
                error, result = self.ask(client, method, *arguments)
                self.assertTrue(error)
                self.assertIsNone(result)
                self.assertNotIn("secret", error)
        self.assertIn("it failed later", self.ask(client, "late_fail")[0])
        self.assertEqual(self.ask(client, "add", 1, 2), [None, 3])

    def test_bad_bodies_cost_themselves_only(self):
        client = self.connect(self.server)
        for kind, body in ((REQUEST, b""), (REQUEST, b"\xc1"), (REQUEST, pack([1, 2])), (REGISTER, pack(["register", 5]))):
            with self.subTest(kind=kind, body=body):
                client.send(struct.pack("!ibi", len(body), kind, 5) + body)
                self.assertEqual(receive(client)[:2], (RESPONSE, 5))
        for kind, body in ((NOTICE, b"\xc1"), (9, pack([1, 2])), (-1, b""), (RESPONSE, pack([None, 1])), (RESPONSE, b"\xc1")):
            client.send(struct.pack("!ibi", len(body), kind, 999) + body)
        self.assertEqual(self.ask(client, "add", 1, 2), [None, 3])

    def test_bad_lengths_end_the_connection(self):
        for length in (-5, -2**31, 2**31 - 1, 2**20 + 1):
            with self.subTest(length=length):
                client = self.connect(self.server)
                client.send(frame(REQUEST, 1, ["echo", [1]]) + struct.pack("!ibi", length, 0, 0))
                self.assertEqual(receive(client), (RESPONSE, 1, [None, 1]))
                self.assertTrue(client.ends())

    def test_names_are_free_again_when_their_owner_goes(self):
        first = self.connect(self.server)
        self.assertEqual(self.ask(first, "register", "a", kind=REGISTER), [None, True])
        self.assertEqual(self.ask(first, "register", "b", kind=REGISTER), [None, True])
        second = self.connect(self.server)
        self.assertEqual(self.ask(second, "register", "a", kind=REGISTER), [None, False])
        first.close()
        for name in ("a", "b"):
            eventually(lambda name=name: self.ask(second, "register", name, kind=REGISTER)[1], f"{name} is free")
        self.assertTrue(self.ask(second, "echo", "c", kind=REGISTER)[0])

    def test_calls_between_nodes(self):
        worker, caller = self.connect(self.server), self.connect(self.server)
        self.assertEqual(self.ask(worker, "register", "worker", kind=REGISTER), [None, True])
        self.assertEqual(self.ask(caller, "call_node", "nobody", "x"), ["node nobody not exist", None])
        self.assertTrue(self.ask(caller, "call_node", "worker")[0])
        caller.send(frame(REQUEST, 3, ["call_node", ["worker", "double", 21]]))
        kind, id_, body = receive(worker)
        self.assertEqual((kind, body), (REQUEST, ["double", [21]]))
        worker.send(frame(RESPONSE, id_, [None, 42]))
        self.assertEqual(receive(caller), (RESPONSE, 3, [None, 42]))
        caller.send(frame(REQUEST, 4, ["call_node", ["worker", "double"]]))
        worker.send(frame(RESPONSE, receive(worker)[1], ["no argument", None]))
        self.assertEqual(receive(caller), (RESPONSE, 4, ["no argument", None]))
        caller.send(frame(REQUEST, 5, ["call_node", ["worker", "wait"]]))
        receive(worker)
        worker.close()
        kind, id_, (error, result) = receive(caller)
        self.assertEqual((id_, result), (5, None))
        self.assertIn("lost", error)

    def test_the_last_answer_is_sent_before_the_end(self):
        client = self.connect(self.server)
        client.send(frame(REQUEST, 1, ["quit", []]))
        self.assertEqual(client.rest(), frame(RESPONSE, 1, [None, "bye"]))

    def test_answers_come_when_they_are_ready(self):
        client = self.connect(self.server)
        client.send(frame(REQUEST, 1, ["slow", [200]]) + frame(REQUEST, 2, ["echo", [1]]))
        self.assertEqual(receive(client), (RESPONSE, 2, [None, 1]))
        self.assertEqual(receive(client), (RESPONSE, 1, [None, "slept"]))


if __name__ == "__main__":
    unittest.main()
