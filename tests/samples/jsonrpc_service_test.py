"""The jsonrpc_service sample, by hand and by its client in Python."""

import json
import subprocess
import sys
import unittest
from pathlib import Path

from harness import DEADLINE, ProgramTest

CLIENTS = Path(__file__).resolve().parent.parent.parent / "samples" / "clients"
sys.path.insert(0, str(CLIENTS))
from jsonrpc_client import JsonRpcClient, JsonRpcError  # noqa: E402


class JsonrpcServiceTest(ProgramTest):
    def client(self, server, **options):
        client = JsonRpcClient(*server.address, timeout=DEADLINE, **options)
        self.addCleanup(client.close)
        return client

    def test_the_lines_of_its_comment_do_what_they_say(self):
        server = self.serve()
        client = self.connect(server)
        client.say('{"jsonrpc": "2.0", "id": 1, "method": "watch"}')
        client.say('{"jsonrpc": "2.0", "id": 2, "method": "add", "params": {"text": "buy milk"}}')
        self.assertEqual(json.loads(client.line()), {"jsonrpc": "2.0", "id": 1, "result": None})
        self.assertEqual(json.loads(client.line()),
                         {"jsonrpc": "2.0", "method": "changed", "params": {"what": "added", "number": 1}})
        self.assertEqual(json.loads(client.line()), {"jsonrpc": "2.0", "id": 2, "result": 1})

    def test_is_in_the_metrics(self):
        server = self.serve("--admin", "127.0.0.1:0")
        client = self.client(server)
        client.call("add", ["milk"])
        with self.assertRaises(JsonRpcError):
            client.call("remove", [1])
        metrics = self.admin_page(server)
        self.assertIn('rpc_calls_total{code="OK",method="add"} 1\n', metrics)
        self.assertIn('rpc_calls_refused_total{cause="unknown_method"} 1\n', metrics)

    def test_adds_lists_and_removes(self):
        client = self.client(self.serve())
        self.assertEqual([client.call("add", ["milk"]), client.call("add", {"text": "bread"})], [1, 2])
        self.assertTrue(client.call("done", [1]))
        self.assertEqual(client.call("list"), [{"number": 2, "text": "bread"}])
        with self.assertRaises(JsonRpcError) as caught:
            client.call("done", [1])
        self.assertEqual((caught.exception.code, caught.exception.data), (2, {"number": 1}))
        for params, why in ((["x"], "number is not an integer"), ([], "number is missing")):
            with self.assertRaises(JsonRpcError) as caught:
                client.call("done", params)
            self.assertEqual((caught.exception.code, caught.exception.data), (-32602, why))

    def test_tells_who_watches(self):
        server = self.serve("--framing", "content-length")
        told = []
        watcher = self.client(server, content_length=True, methods={"changed": lambda **what: told.append(what)})
        watcher.call("watch")
        gone = self.client(server, content_length=True)
        gone.call("watch")
        gone.close()
        other = self.client(server, content_length=True)
        other.call("add", ["milk"])
        other.call("done", [1])
        watcher.call("list")
        self.assertEqual(told, [{"what": "added", "number": 1}, {"what": "done", "number": 1}])

    def test_the_client_as_a_program(self):
        server = self.serve()

        def run(*arguments):
            return subprocess.run([sys.executable, "-B", str(CLIENTS / "jsonrpc_client.py"), "--port", str(server.port), *arguments],
                                  capture_output=True, text=True, timeout=DEADLINE, check=False)

        self.assertEqual(run("add", '["buy milk"]').stdout, "1\n")
        self.assertEqual(json.loads(run("list").stdout), [{"number": 1, "text": "buy milk"}])
        failed = run("fly")
        self.assertEqual((failed.returncode, failed.stderr), (1, "-32601: Method not found\n"))


if __name__ == "__main__":
    unittest.main()
