"""SIGTERM: what had arrived is answered, connections are told, and nobody can hold the server up for longer
than --drain-timeout."""

import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from harness import DEADLINE, SANITIZERS, ProgramTest, Server, eventually, frame, program, receive_frame

# Longer than any test may take: that the program ended means it did not wait for this.
NEVER = ("--drain-timeout", "1000")


class ShutdownTest(ProgramTest):
    def stuck(self, server):
        """A client with replies on their way that it does not read."""
        client = self.connect(server, receive_buffer=65536)
        client.send_until_stuck(b"x" * 65536)
        return client

    def test_without_connections_ends_at_once(self):
        server = self.serve(*NEVER)
        server.stop()

    def test_by_sigint_is_the_same(self):
        server = self.serve(*NEVER)
        server.terminate(signal.SIGINT)
        server.stop()

    def test_ends_idle_connections_by_fin(self):
        for threads in ("1", "2"):
            with self.subTest(threads=threads):
                server = self.serve("--threads", threads, *NEVER)
                clients = [self.connect(server) for _ in range(20)]
                for client in clients:
                    client.send(b"x")
                    client.receive(1)
                server.terminate()
                for client in clients:
                    self.assertEqual(client.rest(), b"")
                    client.close()
                server.stop()

    def test_does_not_wait_for_ever_for_the_other_fin(self):
        server = self.serve(*NEVER)
        client = self.connect(server)
        client.send(b"x")
        client.receive(1)
        server.terminate()
        server.stop()  # the client has neither read nor closed

    def test_answers_what_had_been_sent_before(self):
        for codec in ("lp32", "raw"):
            with self.subTest(codec=codec):
                server = self.serve("--codec", codec, *NEVER)
                clients = [self.connect(server) for _ in range(10)]
                requests = b"".join(frame(b"request %d" % number) for number in range(1000))
                for client in clients:
                    client.send(frame(b"hello"))
                    receive_frame(client)
                for client in clients:
                    client.send(requests)
                server.terminate()
                for client in clients:
                    self.assertEqual(client.rest(), requests)
                    client.close()

    def test_stops_listening_at_once(self):
        server = self.serve(*NEVER)
        self.stuck(server)
        server.terminate()
        eventually(lambda: not server.accepts(), "a listener that is closed")
        server.terminate()
        self.assertEqual(server.wait(), 0)

    def test_cuts_a_stuck_reader_at_the_deadline(self):
        for threads in ("1", "2"):
            with self.subTest(threads=threads):
                server = self.serve("--drain-timeout", "0.5", "--threads", threads)
                self.stuck(server)
                before = time.monotonic()
                server.terminate()
                self.assertEqual(server.wait(), 0)
                self.assertGreaterEqual(time.monotonic() - before, 0.5)

    def test_no_time_to_drain_is_possible(self):
        server = self.serve("--drain-timeout", "0")
        self.stuck(server)
        server.terminate()
        self.assertEqual(server.wait(), 0)

    def test_the_second_signal_ends_everything_at_once(self):
        for threads in ("1", "2"):
            with self.subTest(threads=threads):
                server = self.serve("--threads", threads, *NEVER)
                self.stuck(server)
                server.terminate()
                eventually(lambda server=server: not server.accepts(), "the first signal to be heeded")
                self.assertIsNone(server.process.poll())
                server.terminate()
                self.assertEqual(server.wait(), 0)

    def test_a_reader_that_goes_on_gets_everything(self):
        server = self.serve("--codec", "raw", *NEVER)
        client = self.connect(server, receive_buffer=65536)
        client.send(b"x" * 200_000)
        server.terminate()
        self.assertEqual(len(client.rest()), 200_000)

    def test_a_client_that_never_stops_sending_is_cut(self):
        server = self.serve("--drain-timeout", "1")
        client = self.connect(server)
        server.terminate()
        end = time.monotonic() + DEADLINE
        with self.assertRaises(ConnectionError):
            while time.monotonic() < end:
                client.send(b"x" * 65536)
        self.assertEqual(server.wait(), 0)


class ManyProcessesTest(ProgramTest):
    """The same for a program that has forked: the parent is told, and the children drain."""

    FORKED = ("--processes", "3")

    def test_ends_idle_connections_by_fin(self):
        server = self.serve(*self.FORKED, *NEVER)
        clients = [self.connect(server) for _ in range(20)]
        for client in clients:
            client.send(b"x")
            client.receive(1)
        server.terminate()
        for client in clients:
            self.assertEqual(client.rest(), b"")
            client.close()
        server.stop()

    def test_answers_what_had_been_sent_before(self):
        server = self.serve("--codec", "lp32", *self.FORKED, *NEVER)
        clients = [self.connect(server) for _ in range(10)]
        requests = b"".join(frame(b"request %d" % number) for number in range(1000))
        for client in clients:
            client.send(frame(b"hello"))
            receive_frame(client)
        for client in clients:
            client.send(requests)
        server.terminate()
        for client in clients:
            self.assertEqual(client.rest(), requests)
            client.close()

    def test_cuts_a_stuck_reader_at_the_deadline(self):
        server = self.serve(*self.FORKED, "--drain-timeout", "0.5")
        client = self.connect(server, receive_buffer=65536)
        client.send_until_stuck(b"x" * 65536)
        before = time.monotonic()
        server.terminate()
        self.assertEqual(server.wait(), 0)
        self.assertGreaterEqual(time.monotonic() - before, 0.5)

    def test_the_second_signal_ends_everything_at_once(self):
        server = self.serve(*self.FORKED, *NEVER)
        client = self.connect(server, receive_buffer=65536)
        client.send_until_stuck(b"x" * 65536)
        server.terminate()
        eventually(lambda: not server.accepts(), "the first signal to be heeded")
        self.assertIsNone(server.process.poll())
        server.terminate()
        self.assertEqual(server.wait(), 0)

    def test_each_process_may_have_threads(self):
        server = self.serve("--processes", "2", "--threads", "2", *NEVER)
        clients = [self.connect(server) for _ in range(20)]
        for client in clients:
            client.send(b"x")
            self.assertEqual(client.receive(1), b"x")
        server.terminate()
        for client in clients:
            self.assertEqual(client.rest(), b"")
            client.close()
        server.stop()

    # The runtime of the thread sanitizer defers a signal to the next call that it intercepts, and one in
    # a hundred that come before the first wait of a process is never handed on (seen in a trace of
    # system calls: delivered, no handler run). Nothing here has a second thread to be looked at.
    @unittest.skipIf("thread" in SANITIZERS, "the thread sanitizer loses such signals")
    def test_a_signal_right_after_the_announcement_is_heeded(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            for _ in range(10):
                server = Server(*self.FORKED)
                self.addCleanup(server.kill)
                server.terminate(number)
                self.assertEqual(server.wait(), 0)

    def test_a_unix_socket_is_shared_and_its_file_removed_at_the_end(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "echo.sock")
            with subprocess.Popen([program(), f"--host=unix:{path}", *self.FORKED],
                                  stdout=subprocess.PIPE) as process:
                self.addCleanup(process.kill)
                self.assertEqual(process.stdout.readline().decode(), f"listening on unix:{path}\n")
                for _ in range(10):
                    with socket.socket(socket.AF_UNIX) as client:
                        client.settimeout(DEADLINE)
                        client.connect(path)
                        client.sendall(b"x")
                        self.assertEqual(client.recv(1), b"x")
                process.terminate()
                self.assertEqual(process.wait(DEADLINE), 0)
            self.assertFalse(os.path.exists(path), "the socket's file is left behind")


if __name__ == "__main__":
    unittest.main()
