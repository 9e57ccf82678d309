"""What is measured, and how: pairs of slices, pooled over fresh processes."""
import statistics
from contextlib import ExitStack
from dataclasses import dataclass

from servers import OURS, YARDSTICK, Load, Server, command_of

FAST_PEERS = ["libuv", "Asio", "libevent"]
SLOW_PEERS = ["Twisted", "Tornado"]


@dataclass(frozen=True)
class Workload:
    name: str
    kind: str                    # of command_of()
    options: dict                # of the load generator
    peers: tuple = ()
    unit: str = "message"


WORKLOADS = [
    Workload("64 B, 1 connection", "echo", {"connections": 1}, (*FAST_PEERS, *SLOW_PEERS)),
    Workload("64 B, 50 connections", "echo", {"connections": 50}, (*FAST_PEERS, *SLOW_PEERS)),
    Workload("64 B, 1 000 connections", "echo", {"connections": 1000}, tuple(FAST_PEERS)),
    Workload("64 B, 1 connection, bursts of 16", "echo", {"connections": 1, "depth": 16}, tuple(FAST_PEERS)),
    Workload("64 B, 50 connections, bursts of 16", "echo", {"connections": 50, "depth": 16}, tuple(FAST_PEERS)),
    Workload("64 B, 1 000 connections, bursts of 16", "echo", {"connections": 1000, "depth": 16},
             tuple(FAST_PEERS)),
    Workload("4 KiB, 50 connections", "echo", {"connections": 50, "size": 4096}, tuple(FAST_PEERS)),
    Workload("64 KiB, 10 connections", "echo", {"connections": 10, "size": 65536}, tuple(FAST_PEERS)),
    Workload("length-prefixed, 50 connections", "lp32", {"connections": 50, "size": 68, "framing": "lp32"}),
    Workload("length-prefixed, bursts of 16", "lp32",
             {"connections": 50, "depth": 16, "size": 68, "framing": "lp32"}),
    Workload("protobuf, 50 connections", "protobuf", {"connections": 50, "size": 68, "framing": "protobuf"}),
    Workload("protobuf, bursts of 16", "protobuf",
             {"connections": 50, "depth": 16, "size": 68, "framing": "protobuf"}),
    Workload("JSON lines, 50 connections", "jsonl", {"connections": 50, "size": 68, "framing": "jsonl"}),
    Workload("JSON lines, bursts of 16", "jsonl",
             {"connections": 50, "depth": 16, "size": 68, "framing": "jsonl"}),
    Workload("TLS, 64 B, 50 connections", "tls", {"connections": 50, "tls": "yes"}),
    Workload("TLS, bursts of 16", "tls", {"connections": 50, "depth": 16, "tls": "yes"}),
    Workload("TLS, 64 KiB, 10 connections", "tls", {"connections": 10, "size": 65536, "tls": "yes"}),
    Workload("64 B to 1 000 connections", "fan-out", {"work": "fan-out", "connections": 1000}, (), "receiver"),
    Workload("connect, 64 B, reset", "echo", {"work": "connect", "connections": 50, "sources": 8},
             tuple(FAST_PEERS), "connection"),
]


def interval(values):
    """Median, and the span of the middle half."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return [statistics.median(ordered), ordered[quarter], ordered[-1 - quarter]]


def names_of(build, workload, with_peers):
    names = [YARDSTICK, OURS, *(workload.peers if with_peers else ())]
    return [name for name in names if command_of(build, workload.kind, name) is not None]


def measure(build, workload, settings):
    """A row for each server: CPU and rate as ratios to the yardstick's slice of the same round, percentiles."""
    names = names_of(build, workload, settings.peers)
    slices = {name: [] for name in names}
    for _ in range(settings.processes):
        with ExitStack() as stack:
            loads = {}
            for name in names:
                server = stack.enter_context(Server(command_of(build, workload.kind, name)))
                loads[name] = stack.enter_context(Load(build, server, **workload.options))
            for name in names:
                loads[name].slice(settings.slice)  # warm
            for turn in range(settings.rounds):
                # Neighbours change, and nobody is always the first.
                shift = turn % len(names)
                for name in names[shift:] + names[:shift]:
                    slices[name].append(loads[name].slice(settings.slice))
    rows = []
    for name in names:
        pairs = list(zip(slices[name], slices[YARDSTICK]))
        rows.append({
            "workload": workload.name, "unit": workload.unit, "server": name,
            "cpu_ratio": interval(one["cpu_ns"] / raw["cpu_ns"] for one, raw in pairs),
            "rate_ratio": interval(one["rate"] / raw["rate"] for one, raw in pairs),
            "cpu_ns": statistics.median(one["cpu_ns"] for one in slices[name]),
            "rate": statistics.median(one["rate"] for one in slices[name]),
            "p50_us": statistics.median(one["p50_us"] for one in slices[name]),
            "p99_us": statistics.median(one["p99_us"] for one in slices[name]),
        })
    return rows


def measure_latency(build, settings):
    """An open loop at half of what the yardstick can do, each server alone."""
    workload = next(one for one in WORKLOADS if one.options == {"connections": 50})
    with Server(command_of(build, "echo", YARDSTICK)) as server, Load(build, server, connections=50) as load:
        load.slice(settings.slice)
        rate = int(load.slice(1000)["rate"] / 2)
    rows = []
    for name in names_of(build, workload, settings.peers):
        if name in SLOW_PEERS:
            continue  # cannot do that rate: its latencies would only grow with the duration
        with Server(command_of(build, "echo", name)) as server, \
                Load(build, server, connections=50, rate=rate) as load:
            load.slice(settings.slice)
            slices = [load.slice(1000) for _ in range(settings.processes)]
        rows.append({"latency_at": rate, "server": name,
                     **{key: statistics.median(one[key] for one in slices)
                        for key in ("p50_us", "p90_us", "p99_us", "p999_us", "max_us")}})
    return rows


def measure_calls(build, settings):
    """System calls a message, by name."""
    rows = []
    for title, kind, options in (("64 B, 50 connections", "echo", {"connections": 50}),
                                 ("64 B, 50 connections, bursts of 16", "echo", {"connections": 50, "depth": 16}),
                                 ("64 B to 1 000 connections", "fan-out",
                                  {"work": "fan-out", "connections": 1000})):
        peers = settings.peers and kind == "echo"
        for name in [YARDSTICK, OURS, *(FAST_PEERS if peers else ())]:
            command = command_of(build, kind, name)
            if command is None:
                continue
            with Server(command) as server, Load(build, server, **options) as load:
                load.slice(50)
                counts, result = server.calls_during(lambda load=load: load.slice(1000))
            if counts is None:
                return rows
            rows.append({"calls": title, "server": name,
                         "by_name": {call: count / result["messages"] for call, count in counts.items()
                                     if count / result["messages"] >= 0.0005}})
    return rows
