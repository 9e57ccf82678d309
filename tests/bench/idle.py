"""Memory of connections that do nothing."""
import resource
import subprocess
import sys
import time

from servers import LOAD_CORE, OURS, YARDSTICK, Server, command_of


class Crowd:
    """Connections that are accepted and then idle, held by processes of their own."""

    def __init__(self, build, port, count, framing="raw"):
        self.process = subprocess.Popen(
            ["taskset", "-c", str(LOAD_CORE), f"{build}/tests/bench/load", "--port", str(port), "--work", "idle",
             "--connections", str(count), "--sources", "64", "--framing", framing],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait(self):
        if '"connected"' not in self.process.stdout.readline():
            raise RuntimeError("not all connections were accepted")

    def stop(self):
        self.process.kill()
        self.process.wait()


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def measure_idle(build, peers, count=10000):
    rows = []
    count = min(count, raise_descriptor_limit() - 200)
    names = [(YARDSTICK, "echo"), (OURS, "echo"), (OURS, "lp32")]
    names += [(name, "echo") for name in ("libuv", "Asio", "libevent", "Twisted", "Tornado") if peers]
    for name, kind in names:
        command = command_of(build, kind, name)
        if command is None:
            continue
        with Server(command) as server:
            framing = "raw" if kind == "echo" else kind
            warm = Crowd(build, server.port, 100, framing)
            warm.wait()
            before = server.user_bytes()
            crowd = Crowd(build, server.port, count - 100, framing)
            crowd.wait()
            rows.append({"idle": count, "server": name if kind == "echo" else f"{name}, length-prefixed",
                         "bytes": (server.user_bytes() - before) / (count - 100)})
            crowd.stop()
            warm.stop()
    return rows


def available_bytes():
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:"))


def probe(build, wanted):
    """As many idle connections as the system allows, spread over server processes by the descriptor limit."""
    limit = raise_descriptor_limit()
    each = limit - 200
    # The kernel's share of both ends is some 10 kB; a quarter of the memory stays free.
    wanted = min(wanted, int(available_bytes() * 0.75 / 11000))
    print(f"up to {wanted} connections, {each} for each server process (descriptor limit {limit})", flush=True)
    command = command_of(build, "echo", OURS)
    servers, crowds, held, started = [], [], 0, time.monotonic()
    at_first = available_bytes()
    why = ""
    try:
        while held < wanted:
            count = min(each, wanted - held)
            server = Server(command)
            before = server.user_bytes()
            servers.append((server, before))
            crowd = Crowd(build, server.port, count)
            crowds.append(crowd)
            try:
                crowd.wait()
            except RuntimeError as error:
                why = f", then {error}"
                break
            held += count
            if sys.stdout.isatty():
                print(f"\r{held} connections", end="", flush=True)
        user = sum(server.user_bytes() - before for server, before in servers)
        row = {"probe": held, "user_bytes": user / max(held, 1), "seconds": time.monotonic() - started,
               "system_bytes": (at_first - available_bytes()) / max(held, 1), "processes": len(servers)}
        start = "\r" if sys.stdout.isatty() else ""
        print(f"{start}{held} connections in {len(servers)} processes{why}: {row['user_bytes']:.0f} bytes of user memory "
              f"each, {row['system_bytes']:.0f} bytes of the system's for both ends, after {row['seconds']:.0f} s")
        return row
    finally:
        for crowd in crowds:
            crowd.stop()
        for server, _ in servers:
            server.stop()
