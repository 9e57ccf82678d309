"""Echo behind TLS, seen by Python's ssl module, openssl s_client and curl."""

import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import unittest

from harness import DEADLINE, Client, ProgramTest, TlsClient, eventually, make_certificate


class TlsEchoTest(ProgramTest):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.certificate, self.key = make_certificate(self.directory)

    def start(self, *arguments):
        return self.serve(*arguments, directory=self.directory)

    def connect_tls(self, server, authority=None, name="localhost"):
        client = TlsClient(server.address, authority or self.certificate, name)
        self.addCleanup(client.close)
        return client

    def test_echoes(self):
        client = self.connect_tls(self.start())
        self.assertEqual(client.socket.version(), "TLSv1.3")
        client.send(b"hello")
        self.assertEqual(client.receive(5), b"hello")

    def test_carries_much(self):
        client = self.connect_tls(self.start())
        block = os.urandom(60_000)
        for _ in range(50):
            client.send(block)
            self.assertEqual(client.receive(len(block)), block)

    def test_says_goodbye(self):
        client = self.connect_tls(self.start())
        client.send(b"bye")
        client.receive(3)
        plain = client.socket.unwrap()  # sends close_notify and waits for the server's
        self.addCleanup(plain.close)

    def test_a_client_that_does_not_trust_it_costs_nothing(self):
        server = self.start()
        for _ in range(5):
            with self.assertRaises(ssl.SSLError):
                self.connect_tls(server, name="other.example")
        client = self.connect_tls(server)
        client.send(b"x")
        self.assertEqual(client.receive(1), b"x")

    def test_plain_text_is_refused_soon(self):
        server = self.start()
        client = Client(server.address)
        self.addCleanup(client.close)
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        self.assertNotIn(b"GET", client.rest())  # an alert, perhaps
        eventually(lambda: "is not TLS" in server.errors(), "a line in the log")

    def test_openssl_s_client_talks_to_it(self):
        server = self.start()
        result = subprocess.run(
            ["openssl", "s_client", "-quiet", "-no_ign_eof", "-verify_return_error", "-CAfile", self.certificate,
             "-servername", "localhost", "-connect", "{}:{}".format(*server.address)],
            input=b"spoken\nQ\n", capture_output=True, timeout=DEADLINE, check=False)
        self.assertIn(b"verify return:1", result.stderr)

    @unittest.skipUnless(shutil.which("curl"), "curl is not there")
    def test_curl_connects(self):
        server = self.start()
        # An echo of the request is no answer in HTTP; curl says so after the handshake.
        result = subprocess.run(
            ["curl", "--silent", "--verbose", "--http0.9", "--max-time", "2", "--cacert", self.certificate,
             "--connect-to", "localhost:443:{}:{}".format(*server.address), "https://localhost/"],
            capture_output=True, timeout=DEADLINE, check=False)
        self.assertIn(b"SSL certificate verify ok", result.stderr)
        self.assertIn(b"GET / HTTP/1.1", result.stdout)

    def test_sighup_shows_the_new_certificate(self):
        server = self.start()
        old = self.connect_tls(server)
        make_certificate(self.directory, name="renewed.example")
        server.process.send_signal(signal.SIGHUP)

        def renewed():
            try:
                return self.connect_tls(server, name="renewed.example")
            except ssl.SSLError:
                return None

        eventually(renewed, "the new certificate")
        old.send(b"still here")
        self.assertEqual(old.receive(10), b"still here")

    def test_sighup_with_a_broken_file_changes_nothing(self):
        server = self.start()
        authority = os.path.join(self.directory, "kept.pem")
        shutil.copy(self.certificate, authority)
        with open(self.certificate, "w", encoding="ascii") as broken:
            broken.write("broken")
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: "server.pem" in server.errors(), "a line in the log")
        self.connect_tls(server, authority)

    def test_a_hundred_reloads_under_load_fail_no_connection(self):
        server = self.start()
        anybody = ssl.create_default_context()
        anybody.check_hostname = False
        anybody.verify_mode = ssl.CERT_NONE
        made, failures, over = [0, 0, 0], [], threading.Event()

        def keep_connecting(number):
            while not over.is_set():
                try:
                    client = TlsClient(server.address, None, context=anybody)
                    client.send(b"x")
                    client.receive(1)
                    client.close()
                    made[number] += 1
                except Exception as failure:  # whatever it is: it has to be told
                    failures.append(failure)

        threads = [threading.Thread(target=keep_connecting, args=(number,)) for number in range(len(made))]
        for thread in threads:
            thread.start()
        try:
            for _ in range(100):
                before = sum(made)
                server.process.send_signal(signal.SIGHUP)
                eventually(lambda: sum(made) > before + 1 or failures, "further connections")
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])

    def test_missing_files_are_named(self):
        os.remove(self.key)
        os.chdir(self.directory)
        self.addCleanup(os.chdir, "/")
        status, text = self.refuses("--port", "0")
        self.assertEqual(status, 1)
        self.assertIn("server.key", text)


if __name__ == "__main__":
    unittest.main()
