"""Clients that nobody here wrote talk to the echo server: Tornado's and Twisted's, where they are installed."""

import shutil
import subprocess
import tempfile
import unittest

from harness import DEADLINE, ProgramTest, make_certificate

TORNADO = """
import asyncio, ssl, sys
from tornado.tcpclient import TCPClient

async def main(port, authority):
    options = ssl.create_default_context(cafile=authority) if authority else None
    stream = await TCPClient().connect("localhost", port, ssl_options=options)
    await stream.write(b"one line\\nand another\\n")
    print(await stream.read_until(b"\\n"), await stream.read_until_regex(b"\\r?\\n"))
    large = b"x" * 1_000_000
    written = stream.write(large)
    print(await stream.read_bytes(len(large)) == large)
    await written
    stream.close()

asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
"""

TWISTED = """
import sys
from twisted.internet import endpoints, protocol, reactor

class Client(protocol.Protocol):
    received = b""
    def connectionMade(self):
        self.transport.write(b"x" * 1_000_000)
    def dataReceived(self, data):
        self.received += data
        if len(self.received) == 1_000_000:
            self.transport.loseConnection()
    def connectionLost(self, reason):
        print(len(self.received), reason.getErrorMessage())
        reactor.stop()

text = sys.argv[1]
endpoint = endpoints.clientFromString(reactor, text)
endpoint.connect(protocol.Factory.forProtocol(Client)).addErrback(lambda failure: (print(failure), reactor.stop()))
reactor.run()
"""


def python_with(module):
    for python in ("/usr/bin/python3", shutil.which("python3")):
        if python and subprocess.run([python, "-c", f"import {module}"], capture_output=True,
                                     check=False).returncode == 0:
            return python
    raise unittest.SkipTest(f"Python's module {module} is not installed")


class ClientsOfOthersTest(ProgramTest):
    def run_client(self, module, program, *arguments):
        result = subprocess.run([python_with(module), "-c", program, *arguments], capture_output=True, text=True,
                                timeout=DEADLINE, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_tornado(self):
        server = self.serve()
        output = self.run_client("tornado", TORNADO, str(server.port))
        self.assertEqual(output, "b'one line\\n' b'and another\\n'\nTrue\n")

    def test_tornado_over_tls(self):
        with tempfile.TemporaryDirectory() as directory:
            certificate, key = make_certificate(directory)
            server = self.serve("--tls-cert", certificate, "--tls-key", key)
            output = self.run_client("tornado", TORNADO, str(server.port), certificate)
            self.assertEqual(output, "b'one line\\n' b'and another\\n'\nTrue\n")

    def test_twisted(self):
        server = self.serve()
        output = self.run_client("twisted", TWISTED, f"tcp:127.0.0.1:{server.port}")
        self.assertEqual(output, "1000000 Connection was closed cleanly.\n")


if __name__ == "__main__":
    unittest.main()
