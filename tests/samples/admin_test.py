"""The admin listener as Prometheus, an operator with curl, and a load balancer meet it."""

import http.client
import json
import math
import re
import shutil
import signal
import socket
import subprocess
import unittest

from harness import DEADLINE, Client, ProgramTest, eventually, program

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")
VALUE = re.compile(r"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN")
SUFFIXES = ("_bucket", "_sum", "_count")


def require(condition, what):
    if not condition:
        raise ValueError(what)


def parse_exposition(text):
    """Text format 0.0.4, stricter than Prometheus: HELP, then TYPE, then the family's samples together, no
    other comments, no sample twice, histograms whole. Returns (name, labels) -> value, and name -> type."""
    require(text.endswith("\n"), "the last line has no end")
    samples, types = {}, {}
    family = helped = None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            match = re.fullmatch(rf"# HELP ({NAME}) ((?:[^\\]|\\\\|\\n)*)", line)
            require(match, f"not a HELP line: {line!r}")
            require(match[1] not in types, f"family {match[1]} comes twice")
            helped, family = match[1], None
            continue
        if line.startswith("#"):
            match = re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge|histogram)", line)
            require(match, f"not a TYPE line: {line!r}")
            require(match[1] == helped, f"TYPE without its HELP right above: {line!r}")
            family, helped = match[1], None
            types[family] = match[2]
            continue
        match = SAMPLE.fullmatch(line)
        require(match, f"not a sample: {line!r}")
        name, value = match[1], match[match.re.groups]
        require(VALUE.fullmatch(value), f"not a value: {line!r}")
        require(family is not None, f"a sample outside of a family: {line!r}")
        allowed = [family + suffix for suffix in SUFFIXES] if types[family] == "histogram" else [family]
        require(name in allowed, f"{name} is no sample of {family}")
        pairs = re.findall(LABEL, match[2] or "")
        labels = frozenset(pairs)
        require(len({label for label, _ in pairs}) == len(pairs), f"a label twice: {line!r}")
        require((name, labels) not in samples, f"a sample twice: {line!r}")
        samples[name, labels] = float(value)
    for name, kind in types.items():
        if kind == "histogram":
            check_histogram(name, samples)
        if kind == "counter":
            require(name.endswith("_total"), f"a counter that is called {name}")
    return samples, types


def check_histogram(name, samples):
    series = {}
    for (sample, labels), value in samples.items():
        if sample == name + "_bucket":
            bound = dict(labels)["le"]
            rest = labels - {("le", bound)}
            series.setdefault(rest, []).append((float(bound), value))
    for labels, buckets in series.items():
        require(buckets == sorted(buckets), f"{name}: bounds that do not rise")
        counts = [count for _, count in buckets]
        require(counts == sorted(counts), f"{name}: buckets that are not cumulative")
        require(math.isinf(buckets[-1][0]), f"{name}: there is no +Inf")
        require(counts[-1] == samples[name + "_count", labels], f"{name}: _count is not +Inf")
        require((name + "_sum", labels) in samples, f"{name}: there is no _sum")


class ObservedCase(ProgramTest):
    """What the tests below share; it has none of its own."""

    def observe(self, *arguments):
        """A server with an admin listener."""
        server = self.serve("--admin", "127.0.0.1:0", *arguments)
        line = server.process.stdout.readline().decode()
        match = re.fullmatch(r"admin on (127\.0\.0\.1):(\d+)\n", line)
        self.assertTrue(match, line)
        server.admin = (match[1], int(match[2]))
        return server

    def get(self, server, path, method="GET", headers=None):
        connection = http.client.HTTPConnection(*server.admin, timeout=DEADLINE)
        try:
            connection.request(method, path, headers=headers or {})
            reply = connection.getresponse()
            return reply.status, reply.getheader("Content-Type"), reply.read().decode()
        finally:
            connection.close()

    def metrics(self, server):
        status, kind, text = self.get(server, "/metrics")
        self.assertEqual((status, kind), (200, "text/plain; version=0.0.4; charset=utf-8"))
        return parse_exposition(text)

    def total(self, server, name, **labels):
        """The sum of a metric's series that have these labels."""
        samples, types = self.metrics(server)
        self.assertIn(name, types)
        return sum(value for (sample, have), value in samples.items()
                   if sample == name and set(labels.items()) <= have)

    def exchange(self, server, client, data):
        client.send(data)
        self.assertEqual(client.receive(len(data)), data)


class AdminMetricsTest(ObservedCase):
    def test_are_what_prometheus_reads(self):
        server = self.observe("--threads", "3")
        self.exchange(server, self.connect(server), b"hello")
        samples, types = self.metrics(server)
        self.assertEqual(types["twister_loop_turn_seconds"], "histogram")
        loops = {dict(labels)["loop"] for name, labels in samples if name == "twister_loop_up"}
        self.assertEqual(loops, {"0", "1", "2"})
        servers = {dict(labels)["server"] for name, labels in samples if name == "twister_connections"}
        self.assertEqual(servers, {f"127.0.0.1:{server.port}"})

    def test_count_what_happens(self):
        server = self.observe("--threads", "2", "--max-connections", "3")
        clients = [self.connect(server) for _ in range(2)]
        for client in clients:
            self.exchange(server, client, b"x" * 1000)
        self.assertEqual(self.total(server, "twister_connections_accepted_total"), 2)
        self.assertEqual(self.total(server, "twister_connections"), 2)
        self.assertEqual(self.total(server, "twister_received_bytes_total"), 2000)
        self.assertEqual(self.total(server, "twister_sent_bytes_total"), 2000)
        clients[0].end()
        self.assertEqual(clients[0].rest(), b"")
        clients[1].reset()
        for cause in ("clean", "gone"):
            eventually(lambda: self.total(server, "twister_connections_closed_total", cause=cause) == 1, cause)
        self.assertEqual(self.total(server, "twister_connections"), 0)

    def test_count_who_was_refused(self):
        server = self.observe("--max-connections", "1")
        self.exchange(server, self.connect(server), b"x")
        self.assertTrue(self.connect(server).ends())
        self.assertEqual(
            self.total(server, "twister_connections_refused_total", cause="max_connections"), 1)

    def test_only_grow(self):
        server = self.observe("--threads", "2")
        before, types = self.metrics(server)
        client = self.connect(server)
        for _ in range(20):
            self.exchange(server, client, b"x")
        after, _ = self.metrics(server)
        self.assertEqual(before.keys(), after.keys())
        for (name, labels), value in before.items():
            if types.get(name) == "counter" or name.endswith(("_bucket", "_count")):
                self.assertGreaterEqual(after[name, labels], value, name)

    def test_the_parser_can_fail(self):
        good = "# HELP a b\n# TYPE a gauge\na 1\n"
        parse_exposition(good)
        for bad in ("a 1\n", good[:-1], good + "a 2\n", good + good, good + "\n", good + "# EOF\n",
                    "# TYPE a gauge\na 1\n", "# HELP a b\n# TYPE a gauge\nb 1\n",
                    "# HELP a b\n# TYPE a gauge\na  1\n", "# HELP a b\n# TYPE a gauge\na one\n",
                    '# HELP a b\n# TYPE a gauge\na{x="1",x="2"} 1\n',
                    '# HELP a b\n# TYPE a gauge\na{x="a"b"} 1\n',
                    "# HELP a b\\c\n# TYPE a gauge\na 1\n", "# HELP a b\n# TYPE a counter\na 1\n",
                    '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n'):
            with self.subTest(text=bad), self.assertRaises(ValueError):
                parse_exposition(bad)


class AdminPagesTest(ObservedCase):
    def test_connections_are_listed_as_json(self):
        server = self.observe("--threads", "2")
        clients = [self.connect(server) for _ in range(3)]
        for size, client in enumerate(clients, start=1):
            self.exchange(server, client, b"x" * size)
        status, kind, text = self.get(server, "/connections")
        self.assertEqual((status, kind), (200, "application/json"))
        page = json.loads(text)
        self.assertEqual((page["total"], page["truncated"], page["missing_loops"]), (3, False, []))
        peers = {"%s:%d" % client.socket.getsockname(): size for size, client in enumerate(clients, 1)}
        self.assertEqual({one["peer"]: one["received_bytes"] for one in page["connections"]}, peers)
        self.assertEqual({one["peer"]: one["sent_bytes"] for one in page["connections"]}, peers)
        for one in page["connections"]:
            self.assertEqual(one["server"], f"127.0.0.1:{server.port}")
            self.assertIn(one["loop"], (0, 1))
            self.assertLess(one["seconds_open"], 60)
        self.assertEqual(len({one["id"] for one in page["connections"]}), 3)

    def test_curl_reads_every_page(self):
        if not shutil.which("curl"):
            self.skipTest("there is no curl")
        server = self.observe()
        base = "http://%s:%d" % server.admin
        result = subprocess.run(
            ["curl", "-sS", "--fail", "--max-time", str(DEADLINE), "-w", "%{http_code} %{num_connects}\n",
             *(base + page for page in ("/healthz", "/readyz", "/connections?all", "/metrics"))],
            capture_output=True, text=True, timeout=DEADLINE, check=True)
        self.assertEqual(result.stderr, "")
        self.assertTrue(result.stdout.startswith("ok\n200 1\nready\n200 0\n"), result.stdout)
        head = subprocess.run(["curl", "-sS", "--head", "--max-time", str(DEADLINE), base + "/metrics"],
                              capture_output=True, text=True, timeout=DEADLINE, check=True)
        self.assertIn("\nContent-Length: ", head.stdout.replace("\r", ""))

    def test_readiness_ends_when_the_drain_begins_and_health_does_not(self):
        server = self.observe("--threads", "2", "--drain-timeout", "1000")
        stuck = self.connect(server, receive_buffer=65536)
        stuck.send_until_stuck(b"x" * 65536)
        self.assertEqual(self.get(server, "/readyz")[::2], (200, "ready\n"))
        server.terminate()
        eventually(lambda: not server.accepts(), "a drain")
        status, _, text = self.get(server, "/readyz")
        self.assertEqual(status, 503)
        self.assertIn(f"127.0.0.1:{server.port} is draining\n", text)
        self.assertEqual(self.get(server, "/healthz")[::2], (200, "ok\n"))
        self.assertEqual(self.total(server, "twister_draining"), 1)
        stuck.reset()

    def test_other_pages_and_methods_are_refused(self):
        server = self.observe()
        self.assertEqual(self.get(server, "/")[0], 404)
        self.assertEqual(self.get(server, "/metrics/")[0], 404)
        self.assertEqual(self.get(server, "/metrics", method="DELETE")[0], 405)
        self.assertEqual(self.get(server, "/metrics", headers={"Content-Length": "5"})[0], 400)
        self.assertEqual(self.get(server, "/metrics", headers={"Cookie": "x" * 9000})[0], 431)
        self.assertEqual(self.get(server, "/metrics", headers={"Host": "evil.example"})[0], 400)

    def test_what_is_not_http_ends_soon_and_hurts_nobody(self):
        server = self.observe()
        for garbage in (b"\x16\x03\x01\x02\x00\x01\x00", b"\x00" * 9000, b"GET /metrics\n\n", b"x" * 100_000):
            with socket.create_connection(server.admin, DEADLINE) as peer:
                peer.sendall(garbage)
                peer.shutdown(socket.SHUT_WR)
                reply = b""
                try:
                    while got := peer.recv(65536):
                        reply += got
                except ConnectionResetError:
                    pass
                self.assertRegex(reply, rb"\AHTTP/1\.1 4(00|31) ")
        self.exchange(server, self.connect(server), b"x")

    def test_connections_beyond_its_limit_are_closed(self):
        server = self.observe()
        held = [Client(server.admin) for _ in range(16)]
        for client in held:
            self.addCleanup(client.close)
        eventually(lambda: self.refused(server), "a refusal")
        self.exchange(server, self.connect(server), b"x")
        held.pop().close()
        eventually(lambda: not self.refused(server), "an answer")

    def refused(self, server):
        try:
            self.get(server, "/healthz")
            return False
        except (http.client.HTTPException, OSError):
            return True


class AdminStartTest(ObservedCase):
    def test_says_which_address_is_taken(self):
        first = self.observe()
        status, said = self.refuses("--port", "0", "--admin", "127.0.0.1:%d" % first.admin[1])
        self.assertEqual(status, 1)
        self.assertIn("127.0.0.1:%d" % first.admin[1], said)

    def test_each_of_several_processes_has_its_own(self):
        server = self.serve("--processes", "2", "--admin", "localhost:0")
        ports = set()
        while len(ports) < 2:
            match = re.fullmatch(r"admin on (.+):(\d+)\n", server.process.stdout.readline().decode())
            self.assertTrue(match)
            ports.add(int(match[2]))  # the same for both families
        for port in ports:
            server.admin = ("127.0.0.1", port)
            self.assertEqual(self.get(server, "/healthz")[0], 200)

    def test_refuses_a_limit_of_no_length(self):
        for value in ("0", "-1", "x"):
            status, said = self.refuses("--stall-limit", value)
            self.assertEqual(status, 2)
            self.assertIn(f'--stall-limit: "{value}" is not', said)

    def test_help_tells_of_both(self):
        result = subprocess.run([program(), "--help"], capture_output=True, text=True, timeout=DEADLINE,
                                check=True)
        for option in ("--admin", "--stall-limit"):
            self.assertRegex(result.stdout, rf"(?m)^  {option} ")

    def test_a_watched_server_is_served_and_ends_as_any_other(self):
        for threads in ("1", "2"):
            server = self.observe("--threads", threads, "--stall-limit", "0.5")
            client = self.connect(server)
            self.exchange(server, client, b"x")
            client.close()
            server.terminate(signal.SIGINT)
            server.stop()
            self.assertNotIn("loop_stall", server.errors())


if __name__ == "__main__":
    unittest.main()
