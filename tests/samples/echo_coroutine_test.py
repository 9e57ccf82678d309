"""The echo that is a coroutine over a stream."""

import unittest

from harness import ProgramTest


class EchoCoroutineTest(ProgramTest):
    def test_sends_lines_back(self):
        client = self.connect(self.serve())
        client.send(b"one\ntwo\nthr")
        self.assertEqual(client.receive(8), b"one\ntwo\n")
        client.send(b"ee\n")
        self.assertEqual(client.receive(6), b"three\n")

    def test_closes_behind_its_last_reply(self):
        client = self.connect(self.serve())
        client.send(b"last\n")
        client.end()
        self.assertEqual(client.rest(), b"last\n")

    def test_an_endless_line_costs_that_client_only(self):
        server = self.serve()
        client = self.connect(server)
        client.send(b"x" * 70_000)
        self.assertEqual(client.rest(), b"")
        other = self.connect(server)
        other.send(b"hello\n")
        self.assertEqual(other.receive(6), b"hello\n")


if __name__ == "__main__":
    unittest.main()
