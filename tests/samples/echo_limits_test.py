"""The limits of a server, set from the command line."""

import os
import ssl
import tempfile
import time
import unittest

from harness import Client, ProgramTest, TlsClient, eventually, frame, make_certificate, receive_frame


class EchoTimeoutsTest(ProgramTest):
    def test_an_idle_connection_is_closed(self):
        client = self.connect(self.serve("--idle-timeout", "0.2"))
        client.send(b"x")
        client.receive(1)
        self.assertEqual(client.rest(), b"")

    def test_a_byte_now_and_then_does_not_keep_an_unfinished_message_alive(self):
        client = self.connect(self.serve("--codec", "lp32", "--read-timeout", "0.5"))
        client.send(frame(b"whole"))
        self.assertEqual(receive_frame(client), b"whole")
        client.socket.setblocking(False)
        message = frame(b"never complete" * 1000)

        def closed_after_another_byte():
            nonlocal message
            try:
                client.socket.send(message[:1])
                message = message[1:]
                return client.socket.recv(1) == b""
            except BlockingIOError:
                return False
            except (ConnectionResetError, BrokenPipeError):
                return True

        eventually(closed_after_another_byte, "the end of the connection")

    def test_a_message_that_is_whole_may_be_followed_by_silence(self):
        client = self.connect(self.serve("--codec", "lp32", "--read-timeout", "0.1"))
        client.send(frame(b"one"))
        receive_frame(client)
        time.sleep(0.3)  # more than the timeout, which must not count
        client.send(frame(b"two"))
        self.assertEqual(receive_frame(client), b"two")

    def test_a_silent_client_of_tls_is_cut(self):
        with tempfile.TemporaryDirectory() as directory:
            certificate, key = make_certificate(directory)
            server = self.serve("--tls-cert", certificate, "--tls-key", key, "--handshake-timeout", "0.3")
            client = self.connect(server)
            self.assertTrue(client.ends())
            whole = TlsClient(server.address, certificate)
            self.addCleanup(whole.close)
            whole.send(b"x")
            self.assertEqual(whole.receive(1), b"x")


class EchoLimitsTest(ProgramTest):
    def test_connections_of_one_address_are_limited(self):
        server = self.serve("--max-per-ip", "2")
        first, second, third = (self.connect(server) for _ in range(3))
        self.assertTrue(third.ends())
        second.send(b"x")
        self.assertEqual(second.receive(1), b"x")
        first.close()

        def another_is_welcome():
            client = Client(server.address)
            self.addCleanup(client.close)
            try:
                client.send(b"x")
                return client.receive(1) == b"x"
            except (AssertionError, ConnectionError):
                return False

        eventually(another_is_welcome, "a place for another connection")

    def test_serves_on_a_unix_socket_that_only_its_owner_may_use(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "echo.sock")
            server = self.serve("--unix", path)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            client = self.connect(server)
            client.send(b"hello")
            self.assertEqual(client.receive(5), b"hello")
            server.stop()
            self.assertFalse(os.path.exists(path))

    def test_bad_values_are_named(self):
        for option, value in (("--idle-timeout", "soon"), ("--max-per-ip", "0"), ("--read-timeout", "-1")):
            with self.subTest(option=option):
                status, text = self.refuses(option, value)
                self.assertEqual(status, 2)
                self.assertIn(option, text)
                self.assertIn(f'"{value}"', text)

    def test_half_of_a_certificate_is_not_enough(self):
        status, text = self.refuses("--tls-cert", "server.pem")
        self.assertEqual(status, 2)
        self.assertIn("--tls-key", text)


class EchoTlsTest(ProgramTest):
    def test_only_new_versions_are_spoken(self):
        with tempfile.TemporaryDirectory() as directory:
            certificate, key = make_certificate(directory)
            server = self.serve("--tls-cert", certificate, "--tls-key", key)
            old = ssl.create_default_context(cafile=certificate)
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
            old.set_ciphers("ALL:@SECLEVEL=0")
            with self.assertRaises((ssl.SSLError, ConnectionResetError)):
                TlsClient(server.address, certificate, context=old)


if __name__ == "__main__":
    unittest.main()
