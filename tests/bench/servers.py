"""The servers that are compared, and what the kernel knows of a running one."""
import atexit
import functools
import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SERVER_CORE, LOAD_CORE = 0, 1
PEERS = Path(__file__).resolve().parent / "peers"
YARDSTICK = "raw epoll"
OURS = "twister"


@functools.cache
def python_with(module):
    """A Python that has the module: ours, or the system's."""
    for python in (sys.executable, "/usr/bin/python3"):
        if Path(python).exists() and subprocess.run([python, "-c", f"import {module}"], check=False,
                                                    stderr=subprocess.DEVNULL).returncode == 0:
            return python
    return "not installed"


@functools.cache
def certificate():
    """A certificate and its key for the TLS servers; None without the command openssl."""
    if shutil.which("openssl") is None:
        return None
    directory = tempfile.mkdtemp(prefix="twister-bench-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    files = f"{directory}/bench.pem", f"{directory}/bench.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-out", files[0], "-keyout", files[1]],
                   check=True, capture_output=True)
    return files


def _tls_options():
    files = certificate()
    return ["--tls-cert", files[0], "--tls-key", files[1]] if files else []


def command_of(build, kind, name):
    """How to start the server `name` for a kind of work; None if that does not exist or is not installed."""
    bench, many = f"{build}/tests/bench", ["--port", "0", "--max-connections", "1000000"]
    echo_server = [f"{build}/tests/echo_server", *many, "--codec"]
    commands = {
        "echo": {
            YARDSTICK: [f"{bench}/raw_epoll"],
            OURS: [f"{build}/samples/echo", *many],
            "libuv": [f"{bench}/libuv_echo"],
            "Asio": [f"{bench}/asio_echo"],
            "libevent": [f"{bench}/libevent_echo"],
            "Twisted": [python_with("twisted"), "-B", f"{PEERS}/twisted_echo.py"],
            "Tornado": [python_with("tornado"), "-B", f"{PEERS}/tornado_echo.py"],
        },
        # The framed yardstick decodes and encodes by hand; for payloads it is the same server, which
        # does not look into them.
        "lp32": {YARDSTICK: [f"{bench}/raw_epoll", "framed"], OURS: [f"{build}/samples/framed_echo", *many]},
        "protobuf": {YARDSTICK: [f"{bench}/raw_epoll", "framed"], OURS: [*echo_server, "protobuf"]},
        "jsonl": {YARDSTICK: [f"{bench}/raw_epoll"], OURS: [*echo_server, "jsonl"]},
        "tls": {YARDSTICK: [f"{bench}/raw_epoll_tls", *(certificate() or ())],
                OURS: [*echo_server, "raw", *_tls_options()]},
        "fan-out": {YARDSTICK: [f"{bench}/raw_epoll", "fan-out"], OURS: [f"{bench}/fan_out", *many]},
    }
    command = commands[kind].get(name)
    if kind == "tls" and certificate() is None:
        return None
    return command if command is not None and Path(command[0]).exists() else None


class Server:
    def __init__(self, command, core=SERVER_CORE):
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], 20)
        line = self.process.stdout.readline() if ready else "nothing in 20 s"
        found = re.search(r"listening on .*:(\d+)", line)
        if not found:
            self.stop()
            sys.exit(f"{command[0]} did not start: {line!r}")
        self.port = int(found.group(1))
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.kill()
        self.process.wait()

    def cpu_nanoseconds(self):
        """CPU time of the first thread, by the scheduler's own count."""
        with open(f"/proc/{self.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0])

    def user_bytes(self):
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as file:
            return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Anonymous:"))

    def calls_during(self, work):
        """System calls by name while work() runs, and its result; None without strace."""
        if shutil.which("strace") is None:
            return None, None
        trace = subprocess.Popen(["strace", "-c", "-q", "-f", "-p", str(self.pid), "-o", "/dev/stdout"],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        while trace.poll() is None:
            with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
                if "TracerPid:\t0\n" not in file.read():
                    break
            time.sleep(0.01)
        else:
            return None, None  # not allowed to trace
        result = work()
        trace.send_signal(2)
        counts = {}
        for line in trace.communicate()[0].splitlines():
            fields = line.split()
            if len(fields) >= 5 and fields[0].replace(".", "").isdigit() and fields[-1] != "total":
                counts[fields[-1]] = int(fields[3])
        return counts, result


class Load:
    """A load generator that works in slices."""

    def __init__(self, build, server, core=LOAD_CORE, **options):
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        self.server = server
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), f"{build}/tests/bench/load", "--port", str(server.port), "--slices",
             *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit(f"the load did not start: {options}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def slice(self, milliseconds):
        """What one slice did, with the server's CPU time of a message."""
        before = self.server.cpu_nanoseconds()
        self.process.stdin.write(f"{milliseconds}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("the load has ended")
        result = json.loads(line)
        result["cpu_ns"] = (self.server.cpu_nanoseconds() - before) / result["messages"]
        return result


def need_two_cores():
    if not {SERVER_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        sys.exit("two cores are needed: one for the server, one for the load")
