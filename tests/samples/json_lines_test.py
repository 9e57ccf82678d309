"""The json_lines sample."""

import json
import unittest

from harness import ProgramTest


class JsonLinesTest(ProgramTest):
    def ask(self, client, request):
        client.say(json.dumps(request))
        return json.loads(client.line())

    def test_adds_turns_to_upper_case_and_counts(self):
        client = self.connect(self.serve())
        self.assertEqual(self.ask(client, {"id": 1, "do": "add", "args": [1, 2, 39]}), {"id": 1, "result": 42})
        self.assertEqual(self.ask(client, {"id": "two", "do": "upper", "args": "abc"}),
                         {"id": "two", "result": "ABC"})
        self.assertEqual(self.ask(client, {"id": 3, "do": "count", "args": None}), {"id": 3, "result": 3})

    def test_the_line_of_its_comment_does_what_it_says(self):
        client = self.connect(self.serve())
        client.say('{"id": 1, "do": "add", "args": [1, 2, 39]}')
        client.end()
        self.assertEqual(json.loads(client.rest()), {"id": 1, "result": 42})

    def test_answers_a_bad_request_and_goes_on(self):
        client = self.connect(self.serve())
        for request in [{"id": 7}, {"id": 7, "do": "fly", "args": 1}, {"id": 7, "do": 5, "args": 1},
                        {"id": 7, "do": "add", "args": ["x"]}, {"id": 7, "do": "upper", "args": [1]}]:
            with self.subTest(request=request):
                reply = self.ask(client, request)
                self.assertEqual(reply["id"], 7)
                self.assertIn("error", reply)
        for request in [[], 5, None, "text"]:
            with self.subTest(request=request):
                reply = self.ask(client, request)
                self.assertIsNone(reply["id"])
                self.assertIn("error", reply)
        self.assertEqual(self.ask(client, {"do": "add", "args": [1]}), {"id": None, "result": 1})

    def test_answers_when_the_result_has_no_json(self):
        client = self.connect(self.serve())
        reply = self.ask(client, {"id": 1, "do": "add", "args": [1e308, 1e308]})  # infinity
        self.assertIn("error", reply)
        self.assertEqual(self.ask(client, {"id": 2, "do": "add", "args": []}), {"id": 2, "result": 0})

    def test_answers_when_the_reply_is_too_long_for_a_line(self):
        client = self.connect(self.serve())
        client.say('{"do": 0, "id": [' + ",".join(["1e9"] * 16000) + "]}")  # each comes back as 1000000000.0
        self.assertIn("error", json.loads(client.line()))
        self.assertEqual(self.ask(client, {"id": 2, "do": "add", "args": []}), {"id": 2, "result": 0})

    def test_what_is_no_json_ends_the_connection(self):
        server = self.serve()
        client = self.connect(server)
        client.say('{"id": 1, "do": "count", "args": 0}')
        client.say("{not json}")
        client.say('{"id": 2, "do": "count", "args": 0}')
        self.assertEqual(json.loads(client.rest()), {"id": 1, "result": 1})
        self.assertEqual(self.ask(self.connect(server), {"do": "count", "args": 0})["result"], 1)


if __name__ == "__main__":
    unittest.main()
