"""The chat sample."""

import unittest

from harness import ProgramTest


class ChatTest(ProgramTest):
    def enter(self, server, name):
        client = self.connect(server)
        self.assertEqual(client.line(), "What is your name?")
        client.say(name)
        return client, client.line()

    def test_what_one_says_the_others_read(self):
        server = self.serve()
        ann, welcome = self.enter(server, "ann")
        self.assertEqual(welcome, "Welcome, ann. Others here: 0")
        bob, welcome = self.enter(server, "bob")
        self.assertEqual(welcome, "Welcome, bob. Others here: 1")
        self.assertEqual(ann.line(), "bob has joined")
        bob.say("hello")
        self.assertEqual(ann.line(), "bob: hello")
        ann.say("hello yourself")
        self.assertEqual(bob.line(), "ann: hello yourself")

    def test_tells_when_somebody_leaves(self):
        server = self.serve()
        ann, _ = self.enter(server, "ann")
        bob, _ = self.enter(server, "bob")
        ann.line()
        bob.close()
        self.assertEqual(ann.line(), "bob has left")

    def test_tells_when_somebody_is_lost(self):
        server = self.serve()
        ann, _ = self.enter(server, "ann")
        bob, _ = self.enter(server, "bob")
        ann.line()
        bob.reset()
        self.assertEqual(ann.line(), "bob has left")

    def test_asks_again_for_a_name(self):
        client = self.connect(self.serve())
        client.line()
        client.say("")
        self.assertEqual(client.line(), "What is your name?")

    def test_who_has_no_name_yet_is_not_announced(self):
        server = self.serve()
        ann, _ = self.enter(server, "ann")
        nobody = self.connect(server)
        nobody.line()
        nobody.close()
        self.enter(server, "bob")
        self.assertEqual(ann.line(), "bob has joined")

    def test_a_line_over_the_limit_ends_that_connection_only(self):
        server = self.serve()
        ann, _ = self.enter(server, "ann")
        bob, _ = self.enter(server, "bob")
        ann.line()
        bob.say("x" * 1024)
        self.assertEqual(ann.line(), "bob: " + "x" * 1024)
        bob.say("x" * 1025)
        self.assertEqual(bob.rest(), b"")
        bob.close()
        self.assertEqual(ann.line(), "bob has left")

    def test_ends_every_connection_on_sigterm(self):
        server = self.serve()
        ann, _ = self.enter(server, "ann")
        server.terminate()
        self.assertEqual(ann.rest(), b"")

    def test_runs_on_one_thread(self):
        status, said = self.refuses("--threads", "2")
        self.assertEqual(status, 2)
        self.assertIn("this program runs on one thread", said)


if __name__ == "__main__":
    unittest.main()
