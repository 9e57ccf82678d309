"""The proxy, in front of a server of the test's own."""

import socket
import threading
import unittest

from harness import DEADLINE, ProgramTest


class ProxyTest(ProgramTest):
    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(DEADLINE)
        self.addCleanup(self.listener.close)
        host, port = self.listener.getsockname()
        self.backend_address = f"{host}:{port}"

    def pair(self):
        """A client of the proxy, and what the backend has of it."""
        server = self.serve("--to", self.backend_address)
        client = self.connect(server)
        backend, _ = self.listener.accept()
        backend.settimeout(DEADLINE)
        self.addCleanup(backend.close)
        return client, backend

    def test_passes_bytes_both_ways(self):
        client, backend = self.pair()
        client.send(b"request")
        self.assertEqual(backend.recv(100), b"request")
        backend.sendall(b"reply")
        self.assertEqual(client.receive(5), b"reply")

    def test_passes_the_end_of_one_side_on_and_keeps_the_other_open(self):
        client, backend = self.pair()
        client.send(b"last words")
        client.end()
        received = b""
        while got := backend.recv(100):
            received += got
        self.assertEqual(received, b"last words")
        backend.sendall(b"a late reply")
        backend.close()
        self.assertEqual(client.rest(), b"a late reply")

    def test_passes_a_reset_on(self):
        client, backend = self.pair()
        client.send(b"x")
        backend.recv(1)
        client.reset()
        with self.assertRaises(ConnectionResetError):
            while backend.recv(100):
                pass

    def test_a_backend_that_takes_nothing_slows_the_client(self):
        client, backend = self.pair()
        taken = client.send_until_stuck(b"x" * 65536)
        self.assertLess(taken, 64 << 20)
        received = 0
        client.end()
        while got := backend.recv(1 << 20):
            received += len(got)
        self.assertEqual(received, taken)

    def test_carries_much_both_ways_at_once(self):
        client, backend = self.pair()
        size = 8 << 20
        echo = threading.Thread(target=self.echo_all, args=(backend,))
        sender = threading.Thread(target=client.send, args=(b"y" * size,))
        echo.start()
        sender.start()
        self.assertEqual(client.receive(size), b"y" * size)
        sender.join()
        client.end()
        echo.join()

    @staticmethod
    def echo_all(backend):
        while got := backend.recv(65536):
            backend.sendall(got)
        backend.shutdown(socket.SHUT_WR)

    def test_a_backend_that_is_not_there_resets_the_client(self):
        self.listener.close()
        client = self.connect(self.serve("--to", self.backend_address))
        self.assertTrue(client.ends())

    def test_an_address_that_is_none_is_refused(self):
        status, text = self.refuses("--to", "nonsense")
        self.assertEqual(status, 2)
        self.assertIn("nonsense", text)


if __name__ == "__main__":
    unittest.main()
