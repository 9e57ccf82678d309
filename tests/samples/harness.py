"""What the tests of whole programs share: starting one, talking to it, ending it.

CMake hands over, by environment variables, the program under test (TWISTER_PROGRAM) and what it was built
with (TWISTER_SANITIZE, empty without sanitizers). By hand:

    TWISTER_PROGRAM=build/release/samples/echo python3 tests/samples/echo_test.py

Nothing here waits for time to pass: what has to happen is awaited, and DEADLINE only turns a hang into a
failure. Every program that a test starts has to leave with status 0 after SIGTERM, unless the test says
otherwise.
"""

import os
import re
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import unittest
import urllib.request

# Of every wait. Generous, for machines that are busy and builds with sanitizers; ctest allows 60 s.
DEADLINE = 20

SANITIZERS = os.environ.get("TWISTER_SANITIZE", "").split("+")
# Sanitizers keep shadows, quarantines and records: how much memory is resident then says nothing.
SANITIZED = SANITIZERS != [""]


def program():
    path = os.environ.get("TWISTER_PROGRAM")
    if not path:
        raise SystemExit("TWISTER_PROGRAM is not set: it has to name the program under test")
    return path


def eventually(condition, what):
    """Asks until `condition()` is true, and returns what it said."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if result := condition():
            return result
        time.sleep(0.01)  # between two questions; nothing relies on it
    raise AssertionError(f"did not come about: {what}")


def sleeps(pid):
    """Whether the first thread of a process waits for something."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "S"
    except FileNotFoundError:
        return True


class Server:
    """A program that serves, on a port that the kernel chose."""

    def __init__(self, *arguments, port=0, directory=None):
        self._errors = tempfile.TemporaryFile()  # not a pipe: nobody would empty it
        self._signalled = False
        self.process = subprocess.Popen(
            [program(), "--port", str(port), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors, cwd=directory)
        try:
            self.address = self._read_address()
            self.port = None if isinstance(self.address, str) else self.address[1]
        except BaseException:
            self.kill()
            raise

    def _read_address(self):
        line = b""
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
            byte = os.read(self.process.stdout.fileno(), 1) if readable else b""
            if not byte:
                raise AssertionError(f"no address, but {line!r}; on standard error: {self.errors()}")
            line += byte
        match = re.fullmatch(r"listening on (?:unix:(.+)|(.+):(\d+))\n", line.decode())
        if not match:
            raise AssertionError(f"not an address: {line!r}")
        return match[1] or (match[2].strip("[]"), int(match[3]))

    def errors(self):
        """Everything on standard error so far."""
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), size, 0).decode(errors="replace")

    def terminate(self, number=signal.SIGTERM):
        if "thread" in SANITIZERS:
            # Its runtime defers a signal to the next call that it intercepts, and one in a hundred that
            # come while a process is starting is never handed on (seen in a trace of system calls:
            # delivered, no handler run). Children may be starting; those that sleep have started.
            gives_up_at = time.monotonic() + 5  # a server that is kept busy never sleeps, and has started
            while not all(map(sleeps, self.processes())) and time.monotonic() < gives_up_at:
                time.sleep(0.01)
        self._signalled = True
        self.process.send_signal(number)

    def processes(self):
        """The program's process and its children's."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return [pid, *map(int, children.read().split())]

    def wait(self):
        """Waits for the end, and returns the exit status."""
        try:
            return self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still runs after {DEADLINE} s; on standard error: {self.errors()}") from None

    def stop(self):
        """SIGTERM has to lead to status 0. Not sent a second time: a program that is just leaving heeds
        signals as any other program does, and a second one is its end."""
        if not self._signalled:
            self.terminate()
        status = self.wait()
        if status != 0:
            raise AssertionError(f"exit status {status}; on standard error: {self.errors()}")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._errors.close()

    def accepts(self):
        """True as long as somebody listens."""
        try:
            socket.create_connection(self.address, DEADLINE).close()
        except ConnectionRefusedError:
            return False
        return True

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"^VmRSS:\s+(\d+) kB$", status.read(), re.MULTILINE)[1]) * 1024

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Client:
    """One connection. Every call returns in time or fails."""

    def __init__(self, address, receive_buffer=None):
        if isinstance(address, str):
            family = socket.AF_UNIX
        else:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:  # has to be set before connecting
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE)
        try:
            self.socket.connect(address)
        except ConnectionResetError:
            pass  # it was made, and reset before this thread was told of either: what is read now is its end
        except BaseException:
            self.socket.close()
            raise
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        self.socket.sendall(data)

    def send_bytewise(self, data):
        for byte in data:
            self.socket.sendall(bytes([byte]))

    def receive(self, size):
        """Exactly `size` bytes."""
        data = bytearray()
        while len(data) < size:
            got = self.socket.recv(size - len(data))
            if not got:
                raise AssertionError(f"the connection ended after {bytes(data)!r}, {size} bytes were expected")
            data += got
        return bytes(data)

    def line(self):
        """A line, without its end."""
        data = b""
        while not data.endswith(b"\n"):
            data += self.receive(1)
        return data[:-1].decode()

    def say(self, text):
        self.send(text.encode() + b"\n")

    def rest(self):
        """Everything up to the end of the connection, which has to be a FIN."""
        data = bytearray()
        while got := self.socket.recv(65536):
            data += got
        return bytes(data)

    def ends(self):
        """True once the connection has ended, in whichever way; False when a byte comes."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def end(self):
        """FIN; receiving goes on."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send_until_stuck(self, data, limit=1 << 30):
        """Sends `data` over and over, until nothing was taken for half a second. Returns the bytes taken."""
        taken = 0
        self.socket.setblocking(False)
        while select.select([], [self.socket], [], 0.5)[1]:
            try:
                # From the middle of a message on, if the last one was cut.
                taken += self.socket.send(data[taken % len(data):])
            except BlockingIOError:
                continue
            if taken > limit:
                raise AssertionError(f"{taken} bytes were taken from a client that reads nothing")
        self.socket.settimeout(DEADLINE)
        return taken

    def close(self):
        self.socket.close()


class ProgramTest(unittest.TestCase):
    """A test case that cleans up: clients first, then the servers, which have to leave with status 0."""

    def serve(self, *arguments, port=0, directory=None):
        server = Server(*arguments, port=port, directory=directory)
        self.addCleanup(server.kill)
        self.addCleanup(server.stop)
        return server

    def admin_page(self, server):
        """What the admin listener says, of a server that was started with --admin 127.0.0.1:0; once."""
        line = server.process.stdout.readline().decode()
        match = re.fullmatch(r"admin on (127\.0\.0\.1:\d+)\n", line)
        self.assertTrue(match, line)
        with urllib.request.urlopen(f"http://{match[1]}/metrics", timeout=DEADLINE) as reply:
            return reply.read().decode()

    def connect(self, server, receive_buffer=None):
        client = Client(server.address, receive_buffer)
        self.addCleanup(client.close)
        return client

    def refuses(self, *arguments):
        """Runs the program with arguments that it cannot start with: one line, and this exit status."""
        result = subprocess.run([program(), *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, timeout=DEADLINE, check=False)
        self.assertEqual(result.stdout, "")
        self.assertRegex(result.stderr, r"\A[^\n]+\n\Z", "not one line")
        self.assertTrue(result.stderr.startswith(program() + ": "), result.stderr)
        return result.returncode, result.stderr[len(program()) + 2:-1]


# ---- TLS ----


def make_certificate(directory, name="localhost", stem="server"):
    """A self-signed certificate: returns the paths of its file and its key's."""
    if not shutil.which("openssl"):
        raise unittest.SkipTest("the command openssl is not there")
    certificate, key = os.path.join(directory, stem + ".pem"), os.path.join(directory, stem + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


class TlsClient(Client):
    """The same over TLS, believing the certificate in `authority` alone."""

    def __init__(self, address, authority, name="localhost", context=None):
        super().__init__(address)
        context = context or ssl.create_default_context(cafile=authority)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=name, suppress_ragged_eofs=False)
        except BaseException:
            self.socket.close()
            raise


# ---- wire formats, by hand ----


def frame(body):
    """A body behind its length: 4 bytes, big-endian."""
    return struct.pack(">I", len(body)) + body


def receive_frame(client):
    return client.receive(*struct.unpack(">I", client.receive(4)))


def varint(number):
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)


def number_field(field, number):
    return varint(field << 3) + varint(number)


def text_field(field, text):
    data = text if isinstance(text, bytes) else text.encode()
    return varint(field << 3 | 2) + varint(len(data)) + data


def parts(body):
    """The fields of a protobuf message in order, as (number, value): what has a length is bytes."""
    position = 0

    def next_varint():
        nonlocal position
        value = shift = 0
        while True:
            byte = body[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(body):
        tag = next_varint()
        if tag & 7 == 0:
            yield tag >> 3, next_varint()
        elif tag & 7 == 2:
            size = next_varint()
            yield tag >> 3, body[position:position + size]
            position += size
        else:
            raise AssertionError(f"wire type {tag & 7}")


def fields(body):
    """The number and text fields of a protobuf message, by their numbers."""
    return {number: value.decode() if isinstance(value, bytes) else value for number, value in parts(body)}
