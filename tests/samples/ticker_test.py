"""The ticker sample, by the client in Python and by its own."""

import itertools
import subprocess
import unittest

from harness import DEADLINE, ProgramTest, eventually, program
from rpc_harness import Numbers, connect_client, failure, rpc

TICKS = "ticker.Ticker/Ticks"


class TickerTest(ProgramTest):
    def heard_the_end(self, server):
        return eventually(lambda: "nobody listens after" in server.errors(), "the end of the coroutine")

    def test_ticks_until_it_is_cancelled(self):
        server = self.serve()
        ticks = connect_client(self, server).server_stream(TICKS, Numbers.of(1), Numbers)
        self.assertEqual(list(itertools.islice(ticks, 3)), [(1,), (2,), (3,)])
        ticks.close()
        self.heard_the_end(server)

    def test_ticks_on_beyond_the_credit_of_a_stream(self):
        client = connect_client(self, self.serve())
        ticks = client.server_stream(TICKS, Numbers.of(1), Numbers)
        frames = 200
        client.write(rpc.Frame(rpc.CREDIT, id=7, body=b"\x05\x00\x00\x00"))  # of no call: passed over
        self.assertEqual([tick for tick, in itertools.islice(ticks, frames)], list(range(1, frames + 1)))
        ticks.close()

    def test_stops_at_the_deadline(self):
        ticks = connect_client(self, self.serve()).server_stream(TICKS, Numbers.of(1), Numbers, timeout=0.1)
        self.assertEqual(failure(self, list, ticks).code, rpc.DEADLINE_EXCEEDED)

    def test_ends_with_its_connection(self):
        server = self.serve()
        client = connect_client(self, server)
        ticks = client.server_stream(TICKS, Numbers.of(1), Numbers)
        self.assertEqual(next(ticks), (1,))
        client.close()
        self.heard_the_end(server)
        self.assertEqual(failure(self, list, ticks).code, rpc.UNAVAILABLE)

    def test_is_its_own_client(self):
        server = self.serve()
        done = subprocess.run([program(), "watch", "3", "1", f"127.0.0.1:{server.port}"], timeout=DEADLINE,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stdout, "tick 1\ntick 2\ntick 3\nCANCELLED: cancelled by its receiver\n", done.stderr)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
