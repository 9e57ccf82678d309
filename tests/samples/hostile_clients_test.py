"""What peers may do besides sending bad bytes: not reading, coming in crowds, going without a word."""

import contextlib
import os
import resource
import select
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from harness import DEADLINE, SANITIZED, SANITIZERS, ProgramTest, eventually, frame, program

MIB = 1 << 20


class SlowReaderTest(ProgramTest):
    """A client that sends and never reads is slowed down by TCP; the server keeps next to nothing for it."""

    def flood(self, codec, message):
        server = self.serve("--codec", codec)
        other = self.connect(server)
        other.send(message)
        self.assertTrue(other.receive(len(message)) == message)
        before = server.resident_bytes()
        stuck = self.connect(server, receive_buffer=65536)
        taken = stuck.send_until_stuck(message * max(1, 65536 // len(message)))
        self.assertGreater(taken, len(message))
        if not SANITIZED:  # the kernel holds the rest
            self.assertLess(server.resident_bytes() - before, 4 * MIB)
        other.send(message)
        self.assertTrue(other.receive(len(message)) == message, "others are not served")
        return server, stuck, taken

    def test_of_raw_bytes(self):
        self.flood("raw", b"x" * 65536)

    def test_of_small_frames(self):
        self.flood("lp32", frame(b"x" * 60))

    def test_of_large_frames(self):
        self.flood("lp32", frame(b"x" * 1_000_000))

    def test_of_lines(self):
        self.flood("lines", b"a line of text\n")

    def test_everything_comes_once_it_reads(self):
        _, stuck, taken = self.flood("raw", b"0123456789abcdef" * 4096)
        stuck.end()
        received = stuck.rest()
        self.assertEqual(len(received), taken)
        self.assertTrue(received == (b"0123456789abcdef" * (taken // 16 + 1))[:taken])

    def test_a_reset_of_one_that_is_stuck(self):
        server, stuck, _ = self.flood("raw", b"x" * 65536)
        stuck.reset()
        client = self.connect(server)
        client.send(b"x")
        self.assertEqual(client.receive(1), b"x")


class CrowdTest(ProgramTest):
    def served(self, server):
        """Whether a new connection is echoed to."""
        client = self.connect(server)
        try:
            client.send(b"x")
            return client.socket.recv(1) == b"x"
        except ConnectionError:
            return False
        finally:
            client.close()

    def test_beyond_max_connections_is_closed_until_one_leaves(self):
        server = self.serve("--max-connections", "2")
        first, second = self.connect(server), self.connect(server)
        for client in (first, second):
            client.send(b"x")
            client.receive(1)
        third = self.connect(server)
        self.assertTrue(third.ends())
        first.send(b"y")
        self.assertEqual(first.receive(1), b"y")
        second.close()
        eventually(lambda: self.served(server), "room for a new connection")

    def test_each_thread_counts_its_own(self):
        server = self.serve("--max-connections", "1", "--threads", "2")
        clients = [self.connect(server) for _ in range(20)]
        served = 0
        for client in clients:
            try:
                client.send(b"x")
                served += client.socket.recv(1) == b"x"
            except ConnectionError:
                pass
        self.assertIn(served, (1, 2))  # 1 if the kernel gave all of them to one listener

    def test_standard_descriptors_that_are_closed_are_not_written_to(self):
        # A client's error is logged: not into the listener, or whatever else has got that number.
        for closed in ((1,), (2,), (0, 1, 2)):
            with self.subTest(closed=closed), tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "echo.sock")
                process = subprocess.Popen(
                    [program(), "--codec", "lp32", "--unix", path], stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    preexec_fn=lambda: [os.close(number) for number in closed])
                self.addCleanup(process.kill)
                eventually(lambda: os.path.exists(path), "a listener")
                for sent in (b"\xff\xff\xff\xff", frame(b"still there?")):
                    with socket.socket(socket.AF_UNIX) as client:
                        client.settimeout(DEADLINE)
                        client.connect(path)
                        client.sendall(sent)
                        client.shutdown(socket.SHUT_WR)
                        received = client.recv(100)
                self.assertEqual(received, frame(b"still there?"))
                process.terminate()
                self.assertEqual(process.wait(DEADLINE), 0)

    def test_two_threads_serve_many(self):
        server = self.serve("--codec", "lp32", "--threads", "2")
        clients = [self.connect(server) for _ in range(200)]
        for turn in range(5):
            messages = [frame(b"%d of %d" % (turn, number)) for number in range(len(clients))]
            for client, message in zip(clients, messages):
                client.send(message)
            for client, message in zip(clients, messages):
                self.assertEqual(client.receive(len(message)), message)

    def test_a_burst_is_served_whole(self):
        server = self.serve()
        clients = [self.connect(server) for _ in range(500)]
        for client in clients:
            client.send(b"x")
        for client in clients:
            self.assertEqual(client.receive(1), b"x")

    def test_resets_before_a_byte_are_harmless(self):
        server = self.serve()
        for _ in range(200):
            self.connect(server).reset()
        self.assertTrue(self.served(server))

    def test_a_stop_of_the_whole_process_costs_nobody(self):
        server = self.serve()
        early = self.connect(server)
        early.send(b"x")
        early.receive(1)
        server.process.send_signal(signal.SIGSTOP)
        clients = [early] + [self.connect(server) for _ in range(20)]
        for number, client in enumerate(clients):
            client.send(b"%d" % number)
            client.end()
        server.process.send_signal(signal.SIGCONT)
        self.assertEqual([client.rest() for client in clients], [b"%d" % n for n in range(21)])

    def test_a_flood_does_not_keep_others_waiting(self):
        server = self.serve()
        flood = self.connect(server)
        flood.socket.settimeout(None)
        done = threading.Event()

        def send():
            with contextlib.suppress(OSError):
                while not done.is_set():
                    flood.socket.sendall(b"x" * 65536)

        def receive():
            with contextlib.suppress(OSError):
                while flood.socket.recv(65536):
                    pass

        threads = [threading.Thread(target=send), threading.Thread(target=receive)]
        for thread in threads:
            thread.start()
        try:
            quiet = self.connect(server)
            for number in range(100):
                quiet.send(b"%3d" % number)
                self.assertEqual(quiet.receive(3), b"%3d" % number)
        finally:
            done.set()
            flood.socket.shutdown(socket.SHUT_RDWR)  # wakes both
            for thread in threads:
                thread.join()

    def test_connections_that_come_and_go_leave_nothing(self):
        server = self.serve()
        for _ in range(50):  # whatever is allocated once is allocated now
            self.assertTrue(self.served(server))
        before = server.resident_bytes()
        for _ in range(1000):
            self.connect(server).close()
        self.assertTrue(self.served(server))
        if not SANITIZED:
            self.assertLess(server.resident_bytes() - before, MIB)

    # The sanitizer's check of virtual calls makes a pipe to see whether memory is readable, and takes it for
    # bad when there is no descriptor for that.
    @unittest.skipIf("undefined" in SANITIZERS, "the undefined behaviour sanitizer needs descriptors")
    def test_survives_without_descriptors_and_does_not_spin(self):
        server = self.serve()
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        early = self.connect(server)
        early.send(b"x")
        early.receive(1)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (24, hard))
        crowd = [self.connect(server) for _ in range(40)]
        # Those that found no descriptor are closed rather than left waiting.
        eventually(lambda: select.select([client.socket for client in crowd], [], [], 0)[0],
                   "a connection that is turned away")
        before = server.cpu_seconds()
        select.select([], [], [], 1)  # not to wait for anything: this second is what is measured
        self.assertLess(server.cpu_seconds() - before, 0.3)
        early.send(b"y")
        self.assertEqual(early.receive(1), b"y")
        for client in crowd:
            client.close()
        eventually(lambda: self.served(server), "a connection once there are descriptors again")
        self.assertIn("accept_failed", server.errors())
        self.assertLess(server.errors().count("\n"), 20, "a flood of log lines")


if __name__ == "__main__":
    unittest.main()
