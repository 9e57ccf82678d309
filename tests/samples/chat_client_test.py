"""The client that reconnects: with a server of the test's own, and with those of Tornado and Twisted."""

import os
import select
import signal
import socket
import subprocess
import time
import unittest

from harness import DEADLINE, program

TORNADO = """
import sys
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError
from tornado.tcpserver import TCPServer

class Echo(TCPServer):
    async def handle_stream(self, stream, address):
        try:
            while True:
                await stream.write(await stream.read_until(b"\\n"))
        except StreamClosedError:
            pass

server = Echo()
server.listen(int(sys.argv[1]), "127.0.0.1")
print("ready", flush=True)
IOLoop.current().start()
"""

TWISTED = """
import sys
from twisted.internet import protocol, reactor

class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)

factory = protocol.ServerFactory.forProtocol(Echo)
reactor.listenTCP(int(sys.argv[1]), factory, interface="127.0.0.1")
reactor.callWhenRunning(lambda: print("ready", flush=True))
reactor.run()
"""


def free_port():
    """A port that was free a moment ago: servers of others cannot say which one they were given."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Lines:
    """What a process prints, line by line and in time."""

    def __init__(self, process):
        self._process = process
        self._buffer = b""

    def next(self):
        end = time.monotonic() + DEADLINE
        while b"\n" not in self._buffer:
            readable, _, _ = select.select([self._process.stdout], [], [], max(0, end - time.monotonic()))
            data = os.read(self._process.stdout.fileno(), 65536) if readable else b""
            if not data:
                raise AssertionError(f"no line, but {self._buffer!r}")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()


class Running(unittest.TestCase):
    def start(self, *arguments, **options):
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, **options)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()
            if process.stdin:
                process.stdin.close()

        self.addCleanup(end)
        process.lines = Lines(process)
        return process

    def start_client(self, address):
        return self.start(program(), address, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def type(self, client, text):
        client.stdin.write(text.encode())
        client.stdin.flush()

    def leave(self, client):
        """Ctrl-D; the program has to end by itself."""
        client.stdin.close()
        self.assertEqual(client.wait(DEADLINE), 0)


class ChatClientTest(Running):
    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(DEADLINE)
        self.addCleanup(self.listener.close)
        self.port = self.listener.getsockname()[1]

    def accept(self):
        connection, _ = self.listener.accept()
        connection.settimeout(DEADLINE)
        self.addCleanup(connection.close)
        return connection

    def test_talks_both_ways_and_leaves_behind_its_last_line(self):
        client = self.start_client(f"localhost:{self.port}")
        server = self.accept()
        self.assertEqual(client.lines.next(), f"[connected to 127.0.0.1:{self.port}]")
        server.sendall(b"What is your name?\r\n")
        self.assertEqual(client.lines.next(), "What is your name?")
        self.type(client, "ann\n")
        self.assertEqual(server.recv(100), b"ann\n")
        self.type(client, "bye\n")
        client.stdin.close()
        received = b""
        while got := server.recv(100):
            received += got
        self.assertEqual(received, b"bye\n")
        server.close()
        self.assertEqual(client.wait(DEADLINE), 0)

    def test_connects_again_when_it_is_dropped(self):
        client = self.start_client(f"127.0.0.1:{self.port}")
        connected = f"[connected to 127.0.0.1:{self.port}]"
        self.accept().close()
        self.assertEqual(client.lines.next(), connected)
        self.assertEqual(client.lines.next(), "[closed by the peer]")
        server = self.accept()
        self.assertEqual(client.lines.next(), connected)
        server.close()
        client.stdin.close()
        self.assertEqual(client.wait(DEADLINE), 0)

    def test_leaves_while_nobody_listens(self):
        self.listener.close()
        self.leave(self.start_client(f"127.0.0.1:{self.port}"))

    def test_heeds_signals(self):
        client = self.start_client(f"127.0.0.1:{self.port}")
        server = self.accept()
        client.lines.next()
        client.send_signal(signal.SIGTERM)
        self.assertEqual(client.wait(DEADLINE), 0)
        try:
            self.assertEqual(server.recv(100), b"")
        except ConnectionResetError:
            pass

    def test_explains_its_arguments(self):
        for arguments in ([], ["a", "b"]):
            result = subprocess.run([program(), *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                                    timeout=DEADLINE, check=False)
            self.assertEqual(result.returncode, 2)
        result = subprocess.run([program(), "nonsense"], stdin=subprocess.DEVNULL, capture_output=True,
                                timeout=DEADLINE, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b'cannot connect to "nonsense": not HOST:PORT', result.stderr)


class PeersTest(Running):
    """Echo servers of the frameworks whose names and ways twister has taken over."""

    def echo_lines(self, module, script):
        # Debian's Python has Debian's modules; another one that comes first in the path may not.
        python = "/usr/bin/python3"
        if subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode != 0:
            self.skipTest(f"{python} has no module {module}")
        port = free_port()
        client = self.start_client(f"localhost:{port}")
        # The client is there first and has to wait for it; afterwards it survives a restart.
        for text in ("hello\n", "hello again\n"):
            server = self.start(python, "-c", script, str(port), stderr=subprocess.DEVNULL)
            self.assertEqual(server.lines.next(), "ready")
            self.assertEqual(client.lines.next(), f"[connected to 127.0.0.1:{port}]")
            self.type(client, text)
            self.assertEqual(client.lines.next() + "\n", text)
            server.kill()
            server.wait()
            client.lines.next()  # how it ended
        self.leave(client)

    def test_tornado(self):
        self.echo_lines("tornado", TORNADO)

    def test_twisted(self):
        self.echo_lines("twisted", TWISTED)


if __name__ == "__main__":
    unittest.main()
