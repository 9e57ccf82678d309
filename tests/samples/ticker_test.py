"""The ticker sample, by the client of rpc_peer.py and by its own."""

import struct
import subprocess
import unittest

from harness import DEADLINE, ProgramTest, eventually, program
from rpc_peer import CANCEL, CREDIT, DATA_BACK, Peer, frame, numbers


class TickerTest(ProgramTest):
    def test_ticks_until_it_is_cancelled(self):
        server = self.serve()
        peer = Peer(self.connect(server))
        call = peer.send("ticker.Ticker/Ticks", numbers(1))
        for number in range(1, 4):
            self.assertEqual(peer.receive(), (DATA_BACK, 0, 0, call, numbers(number)))
        peer.client.send(frame(CANCEL, call))
        eventually(lambda: "nobody listens after" in server.errors(), "the end of the coroutine")

    def test_ends_with_its_connection(self):
        server = self.serve()
        client = self.connect(server)
        peer = Peer(client)
        client.send(frame(CREDIT, 7, struct.pack("<I", 5)))  # of no call: passed over
        call = peer.send("ticker.Ticker/Ticks", numbers(1))
        self.assertEqual(peer.receive()[3], call)
        peer.client.close()
        eventually(lambda: "nobody listens after" in server.errors(), "the end of the coroutine")

    def test_is_its_own_client(self):
        server = self.serve()
        done = subprocess.run([program(), "watch", "3", "1", f"127.0.0.1:{server.port}"], timeout=DEADLINE,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stdout, "tick 1\ntick 2\ntick 3\nCANCELLED: cancelled by the caller\n", done.stderr)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
