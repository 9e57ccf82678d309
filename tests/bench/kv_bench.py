#!/usr/bin/env python3
"""The kv sample beside redis-server, under redis-benchmark, on this machine.

Each server is pinned to one core and the load to another; each has one thread that serves. Both are alive at
once and take turns, run by run, and each run is compared with the other server's of the same round. CPU is
the server's own time a command, by the scheduler's count: the figure to trust where others use the machine.
"""
import argparse
import contextlib
import csv
import io
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from servers import LOAD_CORE, SERVER_CORE, Server, need_two_cores

# pipelined commands -> requests in a run: some seconds each
REQUESTS = {1: 200_000, 16: 1_000_000}
COMMANDS = ["SET", "GET", "INCR", "LPUSH"]


class Redis:
    """redis-server, which keeps nothing on disk. Looks like servers.Server."""

    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.directory = tempfile.TemporaryDirectory(prefix="twister-bench-")
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), "redis-server", "--port", str(self.port), "--save", "",
             "--appendonly", "no", "--dir", self.directory.name], stdout=subprocess.DEVNULL)
        self.pid = self.process.pid
        end = time.monotonic() + 20
        while not self._accepts():
            if time.monotonic() > end or self.process.poll() is not None:
                self.stop()
                sys.exit("redis-server did not start")
            time.sleep(0.01)

    def _accepts(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()

    __enter__ = Server.__enter__
    __exit__ = Server.__exit__
    cpu_nanoseconds = Server.cpu_nanoseconds


def empty(server):
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        connection.recv(100)


def run(server, command, depth, requests, connections):
    """Requests a second, and nanoseconds of the server's CPU for each."""
    empty(server)
    before = server.cpu_nanoseconds()
    result = subprocess.run(
        ["taskset", "-c", str(LOAD_CORE), "redis-benchmark", "-p", str(server.port), "-t", command.lower(),
         "-n", str(requests), "-P", str(depth), "-c", str(connections), "--csv"],
        capture_output=True, text=True, check=True)
    cpu = (server.cpu_nanoseconds() - before) / requests
    rows = [row for row in csv.reader(io.StringIO(result.stdout)) if row and row[0] == command]
    return float(rows[0][1]), cpu


def show(command, depth, runs):
    """A line: the medians, and the median ratio with the span of all rounds."""
    def ratio(which):
        ratios = sorted(ours[which] / theirs[which] for ours, theirs in zip(runs["kv"], runs["redis"]))
        return f"{statistics.median(ratios):5.2f} [{ratios[0]:.2f}-{ratios[-1]:.2f}]"

    def median(name, which):
        return statistics.median(values[which] for values in runs[name])

    print(f"{command:6} {depth:5} {median('kv', 0):10,.0f} {median('redis', 0):10,.0f}  {ratio(0)}"
          f" {median('kv', 1):9,.0f} {median('redis', 1):9,.0f}  {ratio(1)}", flush=True)


def main():
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog="./dev bench kv", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=f"{root}/build/release", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="runs of each server (5)")
    parser.add_argument("--connections", type=int, default=50, metavar="N", help="of redis-benchmark (50)")
    parser.add_argument("--depth", type=int, action="append", choices=REQUESTS,
                        help="commands in a pipeline; may be repeated")
    parser.add_argument("--command", action="append", choices=COMMANDS, help="only this; may be repeated")
    parser.add_argument("--quick", action="store_true", help="three rounds of a fifth: a first look")
    settings = parser.parse_args()
    need_two_cores()
    for program in ("redis-server", "redis-benchmark"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not installed")
    part = 1
    if settings.quick:
        settings.rounds, part = 3, 5

    print("command depth   kv a s    redis a s  ratio [all rounds]  kv CPU ns  redis ns  ratio [all rounds]")
    with Server([f"{settings.build}/samples/kv", "--port", "0"]) as ours, Redis() as theirs:
        servers = {"kv": ours, "redis": theirs}
        for depth in settings.depth or REQUESTS:
            for command in settings.command or COMMANDS:
                runs = {"kv": [], "redis": []}
                for turn in range(settings.rounds):
                    for name in sorted(servers, reverse=turn % 2 == 1):  # nobody is always the first
                        runs[name].append(run(servers[name], command, depth, REQUESTS[depth] // part,
                                              settings.connections))
                show(command, depth, runs)


if __name__ == "__main__":
    sys.exit(main())
