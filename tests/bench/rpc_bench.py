#!/usr/bin/env python3
"""twister's RPC beside gRPC, Thrift and Cap'n Proto, on this machine.

A payload of 32 bytes there and back. Each server has one core, and the load, which each peer's own client
makes, the other. All servers are alive at once and take turns, run by run; each run is compared with twister's
of the same round, and the ratios are pooled over fresh processes. CPU is the server's time a call, of all its
threads, by the scheduler's count: the figure to trust where others use the machine. "raw epoll" is the limit:
the same bytes as twister's, without RPC. "busy poll" is IOLoopOptions::busy_poll of 50 us at both ends: its CPU
is the core's. In flight is of each connection.
"""
import argparse
import collections
import contextlib
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from servers import LOAD_CORE, Server, need_two_cores

OURS = "twister"
BUSY = ["--busy-poll-us", "50"]
# name -> server, load; under build/tests
PROGRAMS = {
    "raw epoll": (["bench/rpc/raw_epoll_rpc"], ["rpc_echo_load"]),
    OURS: (["rpc_echo_server", "--port", "0"], ["rpc_echo_load"]),
    "twister, coroutine": (["rpc_echo_server", "--port", "0", "--coroutine"], ["rpc_echo_load"]),
    "twister, late": (["rpc_echo_server", "--port", "0", "--late"], ["rpc_echo_load"]),
    "twister, busy poll": (["rpc_echo_server", "--port", "0", *BUSY], ["rpc_echo_load", *BUSY]),
    "gRPC, queue": (["bench/rpc/grpc_server"], ["bench/rpc/grpc_load"]),
    "gRPC, callbacks": (["bench/rpc/grpc_server", "callbacks"], ["bench/rpc/grpc_load"]),
    "Thrift": (["bench/rpc/thrift_server"], ["bench/rpc/thrift_load"]),
    "Cap'n Proto": (["bench/rpc/capnp_server"], ["bench/rpc/capnp_load"]),
}
# connections, in flight on each
SHAPES = [(1, 1), (1, 64), (8, 1), (8, 64)]


class RpcServer(Server):
    def __init__(self, build, name, *options):
        program, *arguments = PROGRAMS[name][0]
        super().__init__([f"{build}/tests/{program}", *arguments, *options])

    def cpu_nanoseconds(self):
        """CPU time of all threads, also of those that have ended."""
        return time.clock_gettime_ns((~self.pid << 3) | 2)  # the kernel's number for another process's clock

    def waiting_nanoseconds(self):
        """For how long it could have run, and others did."""
        with open(f"/proc/{self.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1])

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


def there(build, name):
    server, load = PROGRAMS[name]
    return all(Path(f"{build}/tests/{program}").exists() for program in (server[0], load[0]))


def start_load(build, name, server, **options):
    arguments = [text for option, value in options.items()
                 for text in ("--" + option.replace("_", "-"), str(value))]
    program, *more = PROGRAMS[name][1]
    return subprocess.Popen(
        ["taskset", "-c", str(LOAD_CORE), f"{build}/tests/{program}", "--port", str(server.port), *more,
         *arguments], stdout=subprocess.PIPE, text=True)


def result_of(load):
    output, _ = load.communicate()
    try:
        return json.loads(output)
    except json.JSONDecodeError:
        sys.exit(f"{load.args[3]} failed")


def run(build, name, server, **options):
    before = server.cpu_nanoseconds()
    result = result_of(start_load(build, name, server, **options))
    if result["failed"]:
        sys.exit(f"{name}: calls failed")
    result["cpu_us"] = (server.cpu_nanoseconds() - before) / 1000 / result["all_calls"]
    return result


def spread(values):
    """The median and the middle half."""
    values = sorted(values)
    quarter = len(values) // 4
    return statistics.median(values), values[quarter], values[-1 - quarter]


# ---- side by side ----

def measure(settings, names):
    runs = collections.defaultdict(list)  # (shape, name) -> a result a round
    for process in range(settings.processes):
        with contextlib.ExitStack() as stack:
            servers = {name: stack.enter_context(RpcServer(settings.build, name)) for name in names}
            for turn in range(settings.rounds):
                for shape in settings.shapes:
                    for name in sorted(names, reverse=(process + turn) % 2 == 1):  # nobody is always the first
                        runs[shape, name].append(run(
                            settings.build, name, servers[name], connections=shape[0], in_flight=shape[1],
                            duration=settings.duration))
    return runs


def show(shape, names, runs):
    print(f"\n{shape[0]} connection{'s' * (shape[0] > 1)}, {shape[1]} in flight\n"
          "                     CPU us a call         times twister's      calls a s   times twister's"
          "       p50 us   p99 us")
    ours = runs[shape, OURS]
    for name in names:
        mine = runs[shape, name]
        parts = [f"{name:19}"]
        for key, form in (("cpu_us", "6.2f"), ("calls_per_s", "9,.0f")):
            value, low, high = spread([each[key] for each in mine])
            ratio, least, most = spread([each[key] / other[key] for each, other in zip(mine, ours)])
            middle = f" [{low:.2f}-{high:.2f}]" if key == "cpu_us" else ""
            parts.append(f"{value:{form}}{middle:14} {ratio:6.2f} [{least:.2f}-{most:.2f}]" if name != OURS
                         else f"{value:{form}}{middle:14}{'':19}")
        parts += [f"{statistics.median(each[key] for each in mine):8.0f}" for key in ("p50_us", "p99_us")]
        print(" ".join(parts), flush=True)


# ---- more than it can do ----

def overload(settings):
    """What becomes of twice the calls that a server can answer, made by the clock."""
    build, connections = settings.build, settings.connections
    options = ["--burn-us", str(settings.burn_us)]
    if settings.max_wait_ms:
        options += ["--max-wait-ms", str(settings.max_wait_ms)]
    with RpcServer(build, OURS, *options) as server:
        peaks = [run(build, OURS, server, connections=connections, in_flight=8, duration=2) for _ in range(3)]
        peak = statistics.median(each["calls_per_s"] for each in peaks)
        peak_us = statistics.median(each["cpu_us"] for each in peaks)
        print(f"each call burns {settings.burn_us} us of CPU, {connections} connections; the peak, with 8 in "
              f"flight on each, is {peak:,.0f} calls a s")
        before, cpu, waiting = server.resident_bytes(), server.cpu_nanoseconds(), server.waiting_nanoseconds()
        load = start_load(build, OURS, server, connections=connections, rate=2 * peak, duration=settings.duration)
        most = before
        while load.poll() is None:
            time.sleep(0.1)
            most = max(most, server.resident_bytes())
        result = result_of(load)
        cpu, waiting = server.cpu_nanoseconds() - cpu, server.waiting_nanoseconds() - waiting
    refused = result["refused"] / settings.duration
    cpu_s = cpu / 1e9 / (settings.duration * 1.1)  # a second, with the warm-up
    print(f"twice as many for {settings.duration:g} s:\n"
          f"  answered     {result['calls_per_s']:10,.0f} a s, {result['calls_per_s'] / peak:.1%} of the peak\n"
          f"  ... of its CPU   {result['calls_per_s'] / cpu_s:6,.0f} a s, "
          f"{result['calls_per_s'] / cpu_s * peak_us / 1e6:.1%} of the peak's\n"
          f"  refused      {refused:10,.0f} a s with RESOURCE_EXHAUSTED; failed otherwise: {result['failed']}\n"
          f"  of {2 * peak:,.0f} made; {(result['calls_per_s'] + refused) / (2 * peak):.1%} have ended\n"
          f"  latency of those answered, ms: p50 {result['p50_us'] / 1000:.0f}, p99 {result['p99_us'] / 1000:.0f}, "
          f"max {result['max_us'] / 1000:.0f}\n"
          f"  the server's memory: {before / 2**20:.1f} MiB before, {most / 2**20:.1f} MiB at most\n"
          f"  the server's CPU: {cpu_s:.0%} of its core; {waiting / cpu * cpu_s:.0%} had others")


def main():
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog="./dev bench rpc", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=f"{root}/build/release", help=argparse.SUPPRESS)
    parser.add_argument("--processes", type=int, default=3, metavar="N", help="fresh processes (3)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each in a process (3)")
    parser.add_argument("--duration", type=float, metavar="S", help="seconds of a run (1; of --overload 60)")
    parser.add_argument("--shape", action="append", metavar="CxF", choices=[f"{c}x{f}" for c, f in SHAPES],
                        help="only so many connections with so many in flight; may be repeated")
    parser.add_argument("--only", action="append", metavar="NAME", choices=PROGRAMS,
                        help="only this beside twister; may be repeated")
    parser.add_argument("--quick", action="store_true", help="one process, three rounds of half a second")
    parser.add_argument("--overload", action="store_true", help="instead: twice as many calls as can be answered")
    parser.add_argument("--connections", type=int, default=8, metavar="N", help="of --overload (8)")
    parser.add_argument("--burn-us", type=int, default=100, metavar="US", help="CPU of a call, for --overload (100)")
    parser.add_argument("--max-wait-ms", type=int, metavar="MS", help="of the server, for --overload (its default)")
    settings = parser.parse_args()
    need_two_cores()
    if settings.quick:
        settings.processes, settings.rounds = 1, 3
    settings.duration = settings.duration or (60 if settings.overload else 0.5 if settings.quick else 1)
    settings.shapes = [tuple(map(int, shape.split("x"))) for shape in settings.shape or ()] or SHAPES
    if settings.overload:
        overload(settings)
        return

    names = [name for name in PROGRAMS if not settings.only or name == OURS or name in settings.only]
    for name in names:
        if not there(settings.build, name):
            print(f"{name} is left out: it is not installed")
    names = [name for name in names if there(settings.build, name)]
    print(f"Median [middle half] of {settings.processes} processes x {settings.rounds} rounds of "
          f"{settings.duration:g} s")
    runs = measure(settings, names)
    for shape in settings.shapes:
        show(shape, names, runs)


if __name__ == "__main__":
    sys.exit(main())
