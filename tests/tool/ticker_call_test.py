"""twister call, against the ticker sample, whose stream has no end."""

import json
import signal
import subprocess
import unittest

from tool_harness import DEADLINE, DEADLINE_PASSED, INTERRUPTED, ROOT, address_of, environment, tool, tool_path
from harness import ProgramTest, eventually

PROTO = ROOT / "samples" / "ticker.proto"


class TickerCallTest(ProgramTest):
    def test_prints_ticks_until_it_is_interrupted(self):
        server = self.serve()
        process = subprocess.Popen([tool_path(), "call", "--proto", PROTO, address_of(server), "ticker.Ticker/Ticks",
                                    '{"intervalMs": 1}'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, env=environment())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        for number in ("1", "2", "3"):
            self.assertEqual(json.loads(process.stdout.readline()), {"number": number})
        process.send_signal(signal.SIGINT)
        for _ in process.stdout:
            pass
        self.assertEqual(process.wait(DEADLINE), INTERRUPTED)
        eventually(lambda: "nobody listens after" in server.errors(), "the end of the coroutine")

    def test_prints_ticks_until_the_deadline(self):
        done = tool("call", "--proto", PROTO, "--timeout", "1", address_of(self.serve()), "ticker.Ticker/Ticks",
                    '{"interval_ms": 10}')
        self.assertEqual(done.returncode, DEADLINE_PASSED)
        numbers = [int(json.loads(line)["number"]) for line in done.stdout.splitlines()]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))


if __name__ == "__main__":
    unittest.main()
