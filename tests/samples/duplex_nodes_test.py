"""The duplex_nodes sample: a server and two workers."""

import os
import select
import subprocess
import unittest

from harness import DEADLINE, ProgramTest, program


class Lines:
    """What a process prints, line by line, in time."""

    def __init__(self, stream):
        self.stream = stream

    def next(self):
        line = b""
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([self.stream], [], [], DEADLINE)
            byte = os.read(self.stream.fileno(), 1) if readable else b""
            if not byte:
                raise AssertionError(f"no line, but {line!r}")
            line += byte
        return line.decode().rstrip("\n")


class Worker:
    def __init__(self, name, server):
        self.process = subprocess.Popen([program(), "worker", name, "%s:%d" % server.address], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        self.lines = Lines(self.process.stdout)

    def say(self, text):
        self.process.stdin.write(text.encode() + b"\n")

    def leave(self):
        self.process.stdin.close()
        return self.process.wait(DEADLINE)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class DuplexNodesTest(ProgramTest):
    def start(self, **how):
        server = self.serve(**how)
        self.said = Lines(server.process.stdout)
        return server

    def work(self, name, server):
        worker = Worker(name, server)
        self.addCleanup(worker.kill)
        self.meet(name, worker)
        return worker

    def meet(self, name, worker):
        self.assertEqual(worker.lines.next(), "the server: how are you?")
        self.assertEqual(self.said.next(), f'{name} says {name} has heard "how are you?"')

    def test_workers_call_each_other_by_name(self):
        server = self.start()
        ada, bob = self.work("ada", server), self.work("bob", server)
        bob.say("ada hello there")
        self.assertEqual(ada.lines.next(), "bob: hello there")
        self.assertEqual(bob.lines.next(), '-> ada has heard "hello there"')
        ada.say("bob hello")
        self.assertEqual(bob.lines.next(), "ada: hello")
        self.assertEqual(ada.lines.next(), '-> bob has heard "hello"')

    def test_who_is_not_there_is_told(self):
        server = self.start()
        ada = self.work("ada", server)
        ada.say("bob hello")
        self.assertEqual(ada.lines.next(), "-> NOT_FOUND: no peer of that name")
        bob = self.work("bob", server)
        self.assertEqual(bob.leave(), 0)
        self.assertEqual(self.said.next(), "bob is gone")
        ada.say("bob hello")
        self.assertEqual(ada.lines.next(), "-> NOT_FOUND: no peer of that name")

    def test_workers_come_back_when_their_server_does(self):
        server = self.start()
        ada = self.work("ada", server)
        server.stop()
        self.start(port=server.port)
        self.meet("ada", ada)
        bob = self.work("bob", server)
        bob.say("ada hello again")
        self.assertEqual(ada.lines.next(), "bob: hello again")


if __name__ == "__main__":
    unittest.main()
