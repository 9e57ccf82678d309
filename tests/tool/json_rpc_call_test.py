"""twister call --wire jsonrpc, against the jsonrpc_service sample."""

import json
import unittest

from tool_harness import OK, STATUS, USAGE, address_of, tool
from harness import ProgramTest


class JsonRpcCallTest(ProgramTest):
    def call(self, server, *arguments, given=None):
        return tool("call", "--wire", "jsonrpc", address_of(server), *arguments, given=given)

    def test_calls_by_position_and_by_name(self):
        server = self.serve()
        self.assertEqual(self.call(server, "add", '["milk"]').stdout, "1\n")
        self.assertEqual(self.call(server, "add", given='{"text": "bread"}\n').stdout, "2\n")
        done = self.call(server, "list")
        self.assertEqual((done.returncode, json.loads(done.stdout)), (
            OK, [{"number": 1, "text": "milk"}, {"number": 2, "text": "bread"}]))

    def test_speaks_other_framings(self):
        server = self.serve("--framing", "content-length")
        done = self.call(server, "add", '["milk"]', "--framing", "content-length")
        self.assertEqual((done.returncode, done.stdout), (OK, "1\n"), done.stderr)

    def test_prints_errors_with_their_data(self):
        server = self.serve()
        done = self.call(server, "done", "[9]")
        self.assertEqual((done.returncode, done.stdout), (STATUS, ""))
        self.assertEqual(done.stderr, 'error 2: nothing of that number\ndata: {"number":9}\n')
        self.assertEqual(self.call(server, "fly").stderr, "error -32601: Method not found\n")

    def test_refuses_what_params_cannot_be(self):
        server = self.serve()
        for params, what in (("7", "an array or an object"), ("[1", "is not JSON")):
            done = self.call(server, "add", params)
            self.assertEqual(done.returncode, USAGE)
            self.assertIn(what, done.stderr)
        self.assertIn("is not for --wire jsonrpc", self.call(server, "add", "-ma=b").stderr)
        self.assertEqual(self.call(server, "add", "--framing", "morse").returncode, USAGE)


if __name__ == "__main__":
    unittest.main()
