"""A server that expects PROXY headers: from a client that writes them itself, and from haproxy."""

import os
import shutil
import socket
import subprocess
import tempfile
import unittest

from harness import DEADLINE, Client, ProgramTest, eventually

HAPROXY = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
LINE = b"PROXY TCP4 203.0.113.9 192.0.2.1 51022 443\r\n"


class ProxyHeaderTest(ProgramTest):
    def setUp(self):
        self.server = self.serve("--proxy-protocol", "--codec", "lines")

    def log_line(self, words):
        """A line of the server's log with these words."""
        return eventually(lambda: next((line for line in self.server.errors().splitlines() if words in line), None),
                          f"a log line with {words!r}")

    def test_takes_both_versions_byte_by_byte(self):
        binary = SIGNATURE + b"\x21\x11\x00\x0c" + bytes([203, 0, 113, 9, 192, 0, 2, 1, 0xC7, 0x4E, 1, 0xBB])
        for header in (LINE, binary, b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x20\x00\x00\x00"):
            with self.subTest(header=header):
                client = self.connect(self.server)
                client.send_bytewise(header + b"hello\n")
                self.assertEqual(client.line(), "hello")

    def test_knows_the_client_by_the_header(self):
        client = self.connect(self.server)
        client.send(LINE + b"x" * 70_000)  # over the limit of a line, which the server logs
        self.log_line("peer=203.0.113.9:51022")

    def test_drops_whoever_sends_no_header(self):
        for text in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", SIGNATURE + b"\x21\x11\xff\xff"):
            client = self.connect(self.server)
            client.send(text)
            self.assertTrue(client.ends())
        self.log_line("not a PROXY header")

    def test_forgets_a_port_check(self):
        client = self.connect(self.server)
        client.end()
        self.assertTrue(client.ends())


CONFIGURATION = """
global
    stats socket {folder}/admin.sock
defaults
    mode tcp
    timeout connect 20s
    timeout client 20s
    timeout server 20s
listen line
    bind "fd@${{IPV4_1}}"
    bind "fd@${{IPV6_1}}"
    bind unix@{folder}/line.sock
    server one 127.0.0.1:{port} send-proxy
listen binary
    bind "fd@${{IPV4_2}}"
    bind "fd@${{IPV6_2}}"
    bind unix@{folder}/binary.sock
    server one 127.0.0.1:{port} send-proxy-v2 proxy-v2-options crc32c,ssl,authority
listen checked
    bind "fd@${{IPV4_3}}"
    server one 127.0.0.1:{port} send-proxy-v2 proxy-v2-options crc32c check inter 50ms rise 1 fall 1
"""


@unittest.skipUnless(HAPROXY, "haproxy is not installed")
class HaproxyTest(ProgramTest):
    def setUp(self):
        self.server = self.serve("--proxy-protocol", "--codec", "lines")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        configuration = os.path.join(self.folder, "haproxy.cfg")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(folder=self.folder, port=self.server.port))
        self.listeners = {}
        for name, host in (("IPV4_1", "127.0.0.1"), ("IPV4_2", "127.0.0.1"), ("IPV4_3", "127.0.0.1"),
                           ("IPV6_1", "::1"), ("IPV6_2", "::1")):
            self.listeners[name] = self.listen(host)
        descriptors = {name: listener.fileno() for name, listener in self.listeners.items()}
        self.haproxy = subprocess.Popen(
            [HAPROXY, "-db", "-q", "-f", configuration], pass_fds=tuple(descriptors.values()),
            env={**os.environ, **{name: str(fd) for name, fd in descriptors.items()}},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.haproxy.wait, DEADLINE)
        self.addCleanup(self.haproxy.kill)

    def listen(self, host):
        """A socket on a port that the kernel chose; haproxy accepts on it, and what comes earlier waits."""
        listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.addCleanup(listener.close)
        return listener

    def client(self, name):
        client = Client(self.listeners[name].getsockname()[:2])
        self.addCleanup(client.close)
        return client

    def test_both_versions_arrive_and_nothing_of_them_is_data(self):
        for name in ("IPV4_1", "IPV4_2", "IPV6_1", "IPV6_2"):
            with self.subTest(name):
                client = self.client(name)
                for text in ("first", "second"):
                    client.say(text)
                    self.assertEqual(client.line(), text)

    def expect_the_server_knows_the_client(self, name):
        client = self.client(name)
        host, port = client.socket.getsockname()[:2]
        client.send(b"x" * 70_000)  # over the limit of a line, which the server logs
        self.assertTrue(client.ends())
        peer = f"peer=[{host}]:{port} " if ":" in host else f"peer={host}:{port} "
        eventually(lambda: peer in self.server.errors(), peer)

    def test_version_1_tells_the_client_over_ipv4(self):
        self.expect_the_server_knows_the_client("IPV4_1")

    def test_version_1_tells_the_client_over_ipv6(self):
        self.expect_the_server_knows_the_client("IPV6_1")

    def test_version_2_tells_the_client_over_ipv4(self):
        self.expect_the_server_knows_the_client("IPV4_2")

    def test_version_2_tells_the_client_over_ipv6(self):
        self.expect_the_server_knows_the_client("IPV6_2")

    def test_clients_without_an_address_are_served(self):
        for name in ("line.sock", "binary.sock"):
            with self.subTest(name), socket.socket(socket.AF_UNIX) as client:
                client.settimeout(DEADLINE)
                path = os.path.join(self.folder, name)
                eventually(lambda: os.path.exists(path), path)
                client.connect(path)
                client.sendall(b"hello\n")
                self.assertEqual(client.recv(6), b"hello\n")

    def check_status(self):
        """What haproxy says of its last check of the server; "INI" before the first."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(DEADLINE)
            admin.connect(os.path.join(self.folder, "admin.sock"))
            admin.sendall(b"show stat\n")
            table = admin.makefile(encoding="ascii").read().splitlines()
        names = table[0].lstrip("# ").split(",")
        for line in table[1:]:
            row = dict(zip(names, line.split(",")))
            if row.get("pxname") == "checked" and row.get("svname") == "one":
                return row["check_status"]
        return "INI"

    def test_its_health_checks_are_no_clients_and_no_errors(self):
        client = self.client("IPV4_3")  # haproxy runs when it is answered
        client.say("hello")
        self.assertEqual(client.line(), "hello")
        eventually(lambda: self.check_status() == "L4OK", "a check that went well")
        client.say("still there")
        self.assertEqual(client.line(), "still there")
        self.assertEqual(self.server.errors(), "")


if __name__ == "__main__":
    unittest.main()
