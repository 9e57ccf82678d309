#!/usr/bin/env python3
"""Echo servers beside a raw epoll server: CPU and system calls a message, rate, bytes an idle connection.

  compare_echo.py BUILD_DIR [--rounds N] [--processes N] [--slice MS] [--quick]

Servers are pinned to one core and the load to another. All servers of a workload are alive at once and are
driven in short alternating slices; each slice is compared with the yardstick's of the same round, and the
ratios are pooled over several fresh processes, because the same binary differs by a few per cent from process
to process. CPU a message is the figure to trust: the clock of a shared machine is not.
"""
import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

SERVER_CORE, LOAD_CORE = 0, 1

WORKLOADS = [  # name, connections, depth, bytes, framed
    ("64 B x 1", 1, 1, 64, False),
    ("64 B x 50", 50, 1, 64, False),
    ("64 B x 50, depth 16", 50, 16, 64, False),
    ("64 B x 1000", 1000, 1, 64, False),
    ("4 KiB x 50", 50, 1, 4096, False),
    ("64 KiB x 10", 10, 1, 65536, False),
    ("64 B x 50, length-prefixed", 50, 1, 64, True),
    ("64 B x 50, length-prefixed, depth 16", 50, 16, 64, True),
]


def servers(build):
    return {
        "raw epoll": [f"{build}/tests/bench/raw_epoll_echo"],
        "twister": [f"{build}/samples/echo", "--port", "0", "--max-connections", "100000"],
        "twister, framed": [f"{build}/samples/framed_echo", "--port", "0"],
    }


class Server:
    def __init__(self, command):
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True)
        line = self.process.stdout.readline()
        found = re.search(r"listening on .*:(\d+)", line)
        if not found:
            sys.exit(f"{command[0]} did not start: {line!r}")
        self.port = int(found.group(1))
        self.pid = self.process.pid

    def stop(self):
        self.process.kill()
        self.process.wait()

    def user_bytes(self):
        total = 0
        with open(f"/proc/{self.pid}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Anonymous:"):
                    total += int(line.split()[1]) * 1024
        return total


class Load:
    def __init__(self, build, server, connections, depth, size, framed):
        self.process = subprocess.Popen(
            ["taskset", "-c", str(LOAD_CORE), f"{build}/tests/bench/echo_load", str(server.port), str(server.pid),
             str(connections), str(depth), str(size), "4" if framed else "0"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit("the load did not start")

    def slice(self, milliseconds):
        self.process.stdin.write(f"{milliseconds}\n")
        self.process.stdin.flush()
        messages, seconds, cpu = self.process.stdout.readline().split()
        return int(messages), float(seconds), int(cpu)

    def stop(self):
        self.process.kill()
        self.process.wait()


def measure(build, workload, arguments):
    """name -> (CPU ratios, rate ratios, CPU nanoseconds a message), pooled over fresh processes."""
    _, connections, depth, size, framed = workload
    names = ["raw epoll", "twister, framed" if framed else "twister"]
    pooled = {name: ([], [], []) for name in names}
    for _ in range(arguments.processes):
        alive = {name: Server(servers(build)[name]) for name in names}
        loads = {name: Load(build, alive[name], connections, depth, size, framed) for name in names}
        for name in names:
            loads[name].slice(arguments.slice)  # warm
        for turn in range(arguments.rounds):
            order = names if turn % 2 == 0 else names[::-1]
            got = {name: loads[name].slice(arguments.slice) for name in order}
            cpu = {name: got[name][2] / got[name][0] for name in names}
            rate = {name: got[name][0] / got[name][1] for name in names}
            for name in names:
                pooled[name][0].append(cpu[name] / cpu["raw epoll"])
                pooled[name][1].append(rate[name] / rate["raw epoll"])
                pooled[name][2].append(cpu[name])
        for name in names:
            loads[name].stop()
            alive[name].stop()
    return pooled


def interval(values):
    """The median and the span of its middle half."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return statistics.median(ordered), ordered[quarter], ordered[-1 - quarter]


def calls_a_message(build, name, workload):
    """System calls a message, by strace; None without strace."""
    if shutil.which("strace") is None:
        return None
    _, connections, depth, size, framed = workload
    server = Server(servers(build)[name])
    load = Load(build, server, connections, depth, size, framed)
    load.slice(50)
    trace = subprocess.Popen(["strace", "-c", "-q", "-f", "-p", str(server.pid), "-o", "/dev/stdout"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while "TracerPid:\t0" in open(f"/proc/{server.pid}/status").read():
        time.sleep(0.01)
    messages, _, _ = load.slice(1000)
    trace.send_signal(2)
    counts = {}
    for line in trace.communicate()[0].splitlines():
        fields = line.split()
        if len(fields) >= 5 and fields[0].replace(".", "").isdigit() and fields[-1] != "total":
            counts[fields[-1]] = int(fields[3])
    load.stop()
    server.stop()
    return {call: count / messages for call, count in counts.items()}


def idle_bytes(build, name, count=10000):
    server = Server(servers(build)[name])
    warm = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
    time.sleep(0.3)
    before = server.user_bytes()
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(count)]
    time.sleep(1)
    used = server.user_bytes() - before
    server.stop()
    for client in warm + idle:
        client.close()
    return used / count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=20, help="slices of each server in one process")
    parser.add_argument("--processes", type=int, default=3, help="fresh processes")
    parser.add_argument("--slice", type=int, default=200, help="milliseconds")
    parser.add_argument("--only", default="", help="part of a workload's name")
    arguments = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two cores are needed: one for the server, one for the load")

    print(f"CPU a message and rate, as ratios to raw epoll: median [middle half] of "
          f"{arguments.processes} processes x {arguments.rounds} rounds of {arguments.slice} ms")
    print(f"{'workload':40} {'server':18} {'CPU a message':>22} {'rate':>22} {'ns a message':>13}")
    for workload in WORKLOADS:
        if arguments.only not in workload[0]:
            continue
        for name, (cpu, rate, nanoseconds) in measure(arguments.build, workload, arguments).items():
            middle, low, high = interval(cpu)
            rate_middle, rate_low, rate_high = interval(rate)
            print(f"{workload[0]:40} {name:18} {middle:8.3f} [{low:.3f}-{high:.3f}]"
                  f" {rate_middle:8.3f} [{rate_low:.3f}-{rate_high:.3f}] {statistics.median(nanoseconds):13.0f}",
                  flush=True)

    print("\nsystem calls a message (64 B x 50)")
    for name in ("raw epoll", "twister"):
        calls = calls_a_message(arguments.build, name, WORKLOADS[1])
        if calls is None:
            print("  strace is not installed")
            break
        detail = ", ".join(f"{call} {count:.2f}" for call, count in sorted(calls.items()) if count >= 0.005)
        print(f"  {name:18} {sum(calls.values()):.2f}  ({detail})")

    print("\nbytes of user memory an idle connection (10 000 connections)")
    for name in ("raw epoll", "twister", "twister, framed"):
        print(f"  {name:18} {idle_bytes(arguments.build, name):.0f}")


if __name__ == "__main__":
    main()
