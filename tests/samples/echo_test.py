"""The echo sample, and the command line that every program made with serve_main has."""

import os
import signal
import socket
import subprocess
import tempfile
import unittest

from harness import DEADLINE, ProgramTest, Server, program


class EchoTest(ProgramTest):
    def test_sends_back_what_it_receives(self):
        client = self.connect(self.serve())
        client.send(b"hello")
        self.assertEqual(client.receive(5), b"hello")

    def test_sends_everything_back_before_it_closes(self):
        client = self.connect(self.serve())
        client.send(b"the last words")
        client.end()
        self.assertEqual(client.rest(), b"the last words")

    def test_listens_on_the_host_it_is_told(self):
        server = self.serve("--host", "127.0.0.2")
        self.assertEqual(server.address[0], "127.0.0.2")
        client = self.connect(server)
        client.send(b"x")
        self.assertEqual(client.receive(1), b"x")

    def test_takes_options_with_an_equals_sign(self):
        server = self.serve("--host=127.0.0.3", "--threads=2")
        self.assertEqual(server.address[0], "127.0.0.3")

    def test_listens_on_a_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "echo.sock")
            with subprocess.Popen([program(), f"--host=unix:{path}"], stdout=subprocess.PIPE) as process:
                self.addCleanup(process.kill)
                self.assertEqual(process.stdout.readline().decode(), f"listening on unix:{path}\n")
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(DEADLINE)
                    client.connect(path)
                    client.sendall(b"x")
                    self.assertEqual(client.recv(1), b"x")
                process.terminate()
                self.assertEqual(process.wait(DEADLINE), 0)
            self.assertFalse(os.path.exists(path), "the socket's file is left behind")


class StartTest(ProgramTest):
    def test_refuses_an_option_it_does_not_know(self):
        status, said = self.refuses("--colour", "red")
        self.assertEqual((status, said), (2, "unknown option --colour; --help lists the options"))

    def test_refuses_an_option_without_its_value(self):
        status, said = self.refuses("--port")
        self.assertEqual((status, said), (2, "missing value after --port; --help lists the options"))

    def test_refuses_what_is_no_option(self):
        status, said = self.refuses("8888")
        self.assertEqual((status, said), (2, 'unexpected argument "8888"; --help lists the options'))

    def test_refuses_values_that_are_not_possible(self):
        for option, value in [("--port", "65536"), ("--port", "-1"), ("--port", "80x"), ("--port", ""),
                              ("--threads", "0"), ("--threads", "257"), ("--max-connections", "0"),
                              ("--drain-timeout", "-1"), ("--drain-timeout", "nan"),
                              ("--drain-timeout", "inf")]:
            with self.subTest(option=option, value=value):
                status, said = self.refuses(option, value)
                self.assertEqual(status, 2)
                self.assertIn(f'{option}: "{value}" is not', said)

    def test_says_which_port_is_taken(self):
        first = self.serve()
        status, said = self.refuses("--port", str(first.port))
        self.assertEqual(status, 1)
        self.assertIn(f"127.0.0.1:{first.port}", said)

    def test_says_which_port_is_taken_with_several_threads(self):
        first = self.serve()
        status, said = self.refuses("--port", str(first.port), "--threads", "2")
        self.assertEqual(status, 1)
        self.assertIn(f"127.0.0.1:{first.port}", said)

    def test_says_which_host_it_cannot_listen_on(self):
        status, said = self.refuses("--host", "192.0.2.1", "--port", "0")  # nobody's: for documentation
        self.assertEqual(status, 1)
        self.assertIn("192.0.2.1:0", said)

    def test_help_lists_every_option(self):
        result = subprocess.run([program(), "--help"], capture_output=True, text=True, timeout=DEADLINE,
                                check=True)
        self.assertEqual(result.stderr, "")
        for option in ["--host", "--port", "--threads", "--max-connections", "--drain-timeout"]:
            self.assertRegex(result.stdout, rf"(?m)^  {option} ")

    def test_starts_again_at_once_on_the_port_it_just_left(self):
        first = self.serve()
        client = self.connect(first)
        client.send(b"x")
        client.receive(1)
        first.terminate()  # the server's end closes first, and its port stays in TIME_WAIT
        client.rest()
        client.close()
        first.stop()
        second = self.serve(port=first.port)
        self.assertEqual(second.port, first.port)

    def test_a_signal_right_after_the_announcement_is_heeded(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            for threads in ("1", "2"):
                for _ in range(10):
                    server = Server("--threads", threads)
                    self.addCleanup(server.kill)
                    server.terminate(number)
                    self.assertEqual(server.wait(), 0)


if __name__ == "__main__":
    unittest.main()
