"""The HTTP client, against Python's own server and against servers that misbehave."""

import contextlib
import functools
import http.server
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from harness import DEADLINE, program


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def file_server(directory):
    """What `python3 -m http.server` runs, on a port that the kernel chose."""
    handler = functools.partial(QuietHandler, directory=directory)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(DEADLINE)


@contextlib.contextmanager
def raw_server(reply):
    """Accepts one connection, reads the request, sends `reply` and closes."""
    def serve():
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(DEADLINE)
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65536)
                connection.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE)
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(DEADLINE)


def get(server, path="/"):
    return subprocess.run([program(), server, path], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=DEADLINE, check=False)


class HttpGetTest(unittest.TestCase):
    def test_prints_the_header_and_the_page(self):
        page = b"<p>" + b"hello, " * 50_000 + b"</p>\n"
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "page.html").write_bytes(page)
            with file_server(directory) as port:
                result = get(f"localhost:{port}", "/page.html")
        header, _, body = result.stdout.partition(b"\r\n\r\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(b"200 OK", header)
        self.assertEqual(body, page)

    def test_prints_an_empty_page(self):
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "empty.txt").write_bytes(b"")
            with file_server(directory) as port:
                result = get(f"127.0.0.1:{port}", "/empty.txt")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(result.stdout.endswith(b"\r\n\r\n"))

    def test_says_whom_it_could_not_reach(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        result = get(f"127.0.0.1:{port}")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr.decode(),
                         f"{program()}: cannot connect to 127.0.0.1:{port}: Connection refused\n")

    def test_says_that_a_page_was_cut_off(self):
        with raw_server(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nshort") as port:
            result = get(f"127.0.0.1:{port}")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"ended the stream inside a message", result.stderr)

    def test_believes_no_length_that_it_could_not_hold(self):
        with raw_server(b"HTTP/1.0 200 OK\r\nContent-Length: 99999999999999\r\n\r\n") as port:
            result = get(f"127.0.0.1:{port}")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"read limit exceeded", result.stderr)

    def test_explains_its_arguments(self):
        result = subprocess.run([program()], stdin=subprocess.DEVNULL, capture_output=True,
                                timeout=DEADLINE, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"usage:", result.stderr)


if __name__ == "__main__":
    unittest.main()
