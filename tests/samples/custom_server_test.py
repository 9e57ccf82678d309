"""The custom_server sample."""

import re
import unittest

from harness import ProgramTest, eventually


class CustomServerTest(ProgramTest):
    def greeted(self, server):
        client = self.connect(server)
        self.assertEqual(client.line(), "Hello. What can I do for you?")
        return client

    def test_repeats_what_it_is_told(self):
        client = self.greeted(self.serve())
        client.say("good morning")
        self.assertEqual(client.line(), "you said: good morning")

    def test_counts_connections_and_bytes(self):
        server = self.serve()
        first = self.greeted(server)
        first.say("1234")
        first.line()
        second = self.greeted(server)
        second.say("stats")  # 5 bytes before it, and 6 of its own
        self.assertEqual(second.line(), "2 connections, 2 open, 11 bytes")

    def test_quit_leaves(self):
        server = self.serve()
        client = self.greeted(server)
        client.say("quit")
        self.assertEqual(client.rest(), b"")
        client.close()
        eventually(lambda: "closed" in server.errors(), "a line about the end")
        other = self.greeted(server)
        other.say("stats")
        self.assertEqual(other.line(), "2 connections, 1 open, 11 bytes")

    def test_says_goodbye_on_sigterm(self):
        server = self.serve()
        client = self.greeted(server)
        server.terminate()
        self.assertEqual(client.rest(), b"the server is going down\n")

    def test_logs_why_a_connection_ended(self):
        server = self.serve()

        def leave(client):
            client.close()

        def reset(client):
            client.reset()

        def say_quit(client):
            client.say("quit")

        def stop_in_a_line(client):
            client.send(b"half")
            client.end()

        def never_end_the_line(client):
            client.send(b"x" * 65537)

        for action, reason in [
            (leave, "closed by the peer"),
            (reset, "connection reset"),
            (say_quit, "closed here"),
            (stop_in_a_line, "4 bytes into it"),
            (never_end_the_line, "line of at least 65537 bytes exceeds max_line_bytes 65536"),
        ]:
            with self.subTest(reason):
                client = self.greeted(server)
                host, port = client.socket.getsockname()
                action(client)
                if action in (say_quit, stop_in_a_line, never_end_the_line):
                    self.assertEqual(client.rest(), b"")
                    client.close()
                line = re.compile(rf"^{re.escape(host)}:{port} (?!connected)(.*)$", re.MULTILINE)
                self.assertIn(reason, eventually(lambda: line.search(server.errors()), "a line about the end")[1])

    def test_calls_every_hook_in_order(self):
        server = self.serve()
        client = self.greeted(server)
        host, port = client.socket.getsockname()
        client.close()
        eventually(lambda: f"{host}:{port} closed by the peer" in server.errors(), "the end of the connection")
        server.stop()
        said = server.errors()
        positions = [said.index(line) for line in
                     ["starting", f"{host}:{port} connected", f"{host}:{port} closed", "not accepting any more"]]
        self.assertEqual(positions, sorted(positions))


if __name__ == "__main__":
    unittest.main()
