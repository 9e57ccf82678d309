"""The calculator sample, by the client of rpc_peer.py and by its own."""

import subprocess
import unittest

from harness import DEADLINE, ProgramTest, program
from rpc_peer import (CANCEL, NOTICE, PREFACE, REQUEST, RESPONSE, Peer, frame, numbers, read_status)

SERVICE = "calculator.Calculator/"


class CalculatorTest(ProgramTest):
    def peer(self):
        return Peer(self.connect(self.serve()))

    def test_answers_at_once_and_by_number_the_second_time(self):
        peer = self.peer()
        self.assertEqual(peer.call(SERVICE + "Add", numbers(2, 3)), (0, numbers(5)))
        self.assertEqual(peer.call(SERVICE + "Add", numbers(40, 2)), (0, numbers(42)))

    def test_answers_later_and_out_of_order(self):
        peer = self.peer()
        late = peer.send(SERVICE + "Power", numbers(2, 10))
        early = peer.send(SERVICE + "Add", numbers(1, 1))
        self.assertEqual(peer.receive(), (RESPONSE, 0, 0, early, numbers(2)))
        self.assertEqual(peer.receive(), (RESPONSE, 0, 0, late, numbers(1024)))

    def test_says_what_is_wrong(self):
        peer = self.peer()
        status, body = peer.call(SERVICE + "Divide", numbers(1))
        self.assertEqual((status, read_status(body)), (3, ("division by zero", b"")))
        status, body = peer.call(SERVICE + "Root", numbers(1))
        self.assertEqual((status, read_status(body)[0]), (12, "there is no such method"))

    def test_asks_its_caller(self):
        peer = self.peer()
        call = peer.send(SERVICE + "Squares", numbers(3, 4), deadline=5000)
        name = (SERVICE + "Power").encode()
        kind, flags, number, asked, body = peer.receive()
        self.assertEqual((kind, flags), (REQUEST, 1 | 4))
        self.assertEqual(body[:1 + len(name)], bytes([len(name)]) + name)
        left = int.from_bytes(body[1 + len(name):5 + len(name)], "little")
        self.assertTrue(0 < left <= 5000, left)
        self.assertEqual(body[5 + len(name):], numbers(3, 2))
        peer.client.send(frame(RESPONSE, asked, numbers(9)))
        kind, flags, again, asked, body = peer.receive()
        self.assertEqual((kind, flags, again), (REQUEST, 4, number), "by number now")
        peer.client.send(frame(RESPONSE, asked, numbers(16)))
        self.assertEqual(peer.receive(), (RESPONSE, 0, 0, call, numbers(25)))

    def test_a_cancelled_call_cancels_what_it_asks(self):
        peer = self.peer()
        call = peer.send(SERVICE + "Squares", numbers(3, 4))
        asked = peer.receive()[3]
        peer.client.send(frame(CANCEL, call))
        self.assertEqual(peer.receive(), (CANCEL, 0, 0, asked, b""))
        self.assertEqual(peer.call(SERVICE + "Add", numbers(1, 2)), (0, numbers(3)))

    def test_does_not_answer_a_notice(self):
        peer = self.peer()
        peer.send(SERVICE + "Add", numbers(1, 1), kind=NOTICE)
        self.assertEqual(peer.call(SERVICE + "Add", numbers(1, 2)), (0, numbers(3)))

    def test_closes_for_other_protocols(self):
        client = self.connect(self.serve())
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        said = client.rest()
        self.assertTrue(said.startswith(PREFACE[:8]), said)
        self.assertIn(b"unknown message type", said)

    def test_is_its_own_client(self):
        server = self.serve()
        for arguments, said, status in ((("add", "2", "3"), "5\n", 0), (("squares", "3", "4"), "25\n", 0),
                                        (("divide", "1", "0"), "INVALID_ARGUMENT: division by zero\n", 1)):
            done = subprocess.run([program(), *arguments, f"127.0.0.1:{server.port}"], timeout=DEADLINE,
                                  capture_output=True, text=True, check=False)
            self.assertEqual((done.stdout, done.returncode), (said, status), done.stderr)


if __name__ == "__main__":
    unittest.main()
