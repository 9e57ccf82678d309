"""The JSON-RPC server of the tests, over all framings, by the words of the specification."""

import json
import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "samples"))
from harness import ProgramTest, receive_frame  # noqa: E402

# jsonrpc.org/specification, section 7: what is sent, and what comes back; None for nothing.
EXAMPLES = [
    ('{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
     '{"jsonrpc": "2.0", "result": 19, "id": 1}'),
    ('{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
     '{"jsonrpc": "2.0", "result": -19, "id": 2}'),
    ('{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
     '{"jsonrpc": "2.0", "result": 19, "id": 3}'),
    ('{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
     '{"jsonrpc": "2.0", "result": 19, "id": 4}'),
    ('{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    ('{"jsonrpc": "2.0", "method": "foobar"}', None),
    ('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
     '{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}'),
    ('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
     '{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}'),
    ('{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
     '{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}'),
    ('[\n  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},\n  {"jsonrpc": "2.0", "method"\n]',
     '{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}'),
    ('[]', '{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}'),
    ('[1]', '[{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}]'),
    ('[1,2,3]', """[
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}
]"""),
    ("""[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]""", """[
        {"jsonrpc": "2.0", "result": 7, "id": "1"},
        {"jsonrpc": "2.0", "result": 19, "id": "2"},
        {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
        {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
        {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
    ]"""),
    ("""[
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]""", None),
]


class Lines:
    name = "lines"

    @staticmethod
    def wire(text):
        return text.replace("\n", " ").encode() + b"\n"

    @staticmethod
    def receive(client):
        return client.line()


class LengthPrefix:
    name = "lp32"

    @staticmethod
    def wire(text):
        return struct.pack(">I", len(text.encode())) + text.encode()

    @staticmethod
    def receive(client):
        return receive_frame(client).decode()


class ContentLength:
    name = "content-length"

    @staticmethod
    def wire(text):
        return f"Content-Length: {len(text.encode())}\r\n\r\n{text}".encode()

    @staticmethod
    def receive(client):
        header = b""
        while not header.endswith(b"\r\n\r\n"):
            header += client.receive(1)
        return client.receive(int(header.partition(b"Content-Length:")[2])).decode()


class JsonRpcCases:
    """Everything, over one framing; the classes below say over which."""

    framing = Lines

    def start(self, *arguments):
        self.server = self.serve("--framing", self.framing.name, *arguments)
        return self.connect(self.server)

    def say(self, client, message):
        client.send(self.framing.wire(message if isinstance(message, str) else json.dumps(message)))

    def hear(self, client):
        return json.loads(self.framing.receive(client))

    def ask(self, client, method, params=None, id_=1):
        request = {"jsonrpc": "2.0", "method": method, "id": id_}
        if params is not None:
            request["params"] = params
        self.say(client, request)
        return self.hear(client)

    def test_the_examples_of_the_specification(self):
        client = self.start()
        for sent, expected in EXAMPLES:
            with self.subTest(sent=sent):
                self.say(client, sent)
                if expected is None:  # what comes next is the answer to the next
                    self.assertEqual(self.ask(client, "echo", ["marker"])["result"], "marker")
                else:
                    self.assertEqual(self.hear(client), json.loads(expected))

    def test_cut_anywhere(self):
        client = self.start()
        client.send_bytewise(self.framing.wire(EXAMPLES[0][0]) * 2)
        for _ in range(2):
            self.assertEqual(self.hear(client)["result"], 19)

    def test_ids_come_back_as_they_were(self):
        client = self.start()
        for id_ in (0, 1, -1, "1", "", "\u20ac", None, 1.5, 2**53, 2**64 - 1):
            with self.subTest(id=id_):
                reply = self.ask(client, "echo", ["x"], id_)
                self.assertEqual((reply["id"], type(reply["id"])), (id_, type(id_)))

    def test_values_survive(self):
        client = self.start()
        for value in (None, True, 0, -5, 0.1, "\u00e4\n\"\\\u0000", [], {}, {"a": [1, {"b": None}]}, 2**63, "x" * 50000):
            with self.subTest(value=str(value)[:20]):
                self.assertEqual(self.ask(client, "echo", [value])["result"], value)
                self.assertEqual(self.ask(client, "echo", {"x": value})["result"], value)

    def test_errors(self):
        client = self.start()
        for params in ([], [1], [1, 2, 3], {"minuend": 1}, {"minuend": 1, "subtrahend": 2, "more": 3}, ["a", "b"]):
            with self.subTest(params=params):
                self.assertEqual(self.ask(client, "subtract", params)["error"]["code"], -32602)
        reply = self.ask(client, "fail")
        self.assertEqual(reply["error"]["code"], -32603)
        self.assertNotIn("secret", json.dumps(reply))
        self.assertIn(reply["error"]["data"]["reference"], self.server.errors())
        self.assertEqual(self.ask(client, "refuse")["error"], {"code": 17, "message": "refused", "data": {"why": "asked"}})
        self.assertEqual(self.ask(client, "forget")["error"]["code"], -32603)
        self.say(client, {"jsonrpc": "2.0", "method": "fail"})
        self.assertEqual(self.ask(client, "echo", [1])["result"], 1)

    def test_answers_come_when_they_are_ready(self):
        client = self.start()
        self.say(client, {"jsonrpc": "2.0", "method": "slow", "params": [200], "id": "slow"})
        self.assertEqual(self.ask(client, "echo", [1], "fast")["id"], "fast")
        self.assertEqual(self.hear(client), {"jsonrpc": "2.0", "result": "slept", "id": "slow"})

    def test_the_server_calls_its_client(self):
        client = self.start()
        call = self.ask(client, "call_back", ["double", [21]], "outer")
        self.assertEqual((call["method"], call["params"]), ("double", [21]))
        for stranger in ({"id": 999, "result": 1}, {"id": str(call["id"]), "result": 1}, {"result": 1}, {"id": None, "error": 1}):
            self.say(client, {"jsonrpc": "2.0", **stranger})
        self.say(client, {"jsonrpc": "2.0", "result": 42, "id": call["id"]})
        self.assertEqual(self.hear(client), {"jsonrpc": "2.0", "result": 42, "id": "outer"})
        self.say(client, {"jsonrpc": "2.0", "result": 43, "id": call["id"]})
        self.assertEqual(self.ask(client, "echo", [1])["result"], 1)

    def test_too_much_is_refused_at_once(self):
        client = self.start("--max-message-bytes", "2000")
        self.say(client, "[" * 100 + "]" * 100)
        self.assertEqual(self.hear(client)["error"]["code"], -32600)
        self.say(client, json.dumps("x" * 3000))
        self.assertEqual(self.hear(client)["error"]["code"], -32600)
        self.say(client, [1] * 300)
        self.assertEqual(self.hear(client)["error"]["code"], -32600)
        reply = self.ask(client, "echo", ["\u0001" * 330])  # fits as it came, and not as it would go
        self.assertEqual(self.ask(client, "echo", [1])["result"], 1, reply)

    def test_calls_in_flight_are_limited(self):
        client = self.start()
        for i in range(1025):
            self.say(client, {"jsonrpc": "2.0", "method": "slow", "params": [60000], "id": i})
        reply = self.hear(client)
        self.assertEqual((reply["id"], reply["error"]["code"]), (1024, -32008))
        client.reset()

    def test_what_was_asked_before_the_end_is_answered(self):
        client = self.start()
        self.say(client, {"jsonrpc": "2.0", "method": "slow", "params": [100], "id": 1})
        client.end()
        self.assertEqual(client.rest(), self.framing.wire('{"id":1,"jsonrpc":"2.0","result":"slept"}'))


class JsonRpcLinesTest(JsonRpcCases, ProgramTest):
    framing = Lines


class JsonRpcLengthPrefixTest(JsonRpcCases, ProgramTest):
    framing = LengthPrefix


class JsonRpcContentLengthTest(JsonRpcCases, ProgramTest):
    framing = ContentLength


class JsonRpcOptionsTest(ProgramTest):
    def test_a_framing_that_there_is_not(self):
        status, text = self.refuses("--framing", "morse")
        self.assertEqual(status, 2)
        self.assertIn("morse", text)


if __name__ == "__main__":
    unittest.main()
