"""Tables for a terminal, a file to keep, a comparison with a kept one, a picture."""
import html
import json
import sys

from servers import OURS, YARDSTICK


def span(values):
    return f"{values[0]:.2f} [{values[1]:.2f}-{values[2]:.2f}]"


def print_table(header, rows):
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        cells = [str(cell).ljust(width) if i < 2 else str(cell).rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip(), flush=True)


def print_workload(rows, first):
    if first:
        print(f"{'':38} {'CPU / raw epoll':>18} {'rate / raw epoll':>18} {'CPU ns':>8} {'rate /s':>9} "
              f"{'p50 us':>8} {'p99 us':>8}")
    print(rows[0]["workload"])
    for row in rows:
        print(f"  {row['server']:36} {span(row['cpu_ratio']):>18} {span(row['rate_ratio']):>18} {row['cpu_ns']:8.0f} "
              f"{row['rate']:9.0f} {row['p50_us']:8.0f} {row['p99_us']:8.0f}", flush=True)


def print_latency(rows):
    if not rows:
        return
    print(f"\nLatency of 64 B on 50 connections at {rows[0]['latency_at']} messages a second (open loop), us")
    keys = ("p50_us", "p90_us", "p99_us", "p999_us", "max_us")
    print_table(["", "", "p50", "p90", "p99", "p99.9", "max"],
                [["", row["server"], *(f"{row[key]:.0f}" for key in keys)] for row in rows])


def print_calls(rows):
    title = None
    for row in rows:
        if row["calls"] != title:
            title = row["calls"]
            print(f"\nSystem calls a message: {title}")
        names = ", ".join(f"{call} {count:.3g}" for call, count in
                          sorted(row["by_name"].items(), key=lambda item: -item[1]))
        print(f"  {row['server']:12} {sum(row['by_name'].values()):6.3f}  ({names})", flush=True)


def print_idle(rows):
    if rows:
        print(f"\nBytes of user memory an idle connection, {rows[0]['idle']} connections")
        print_table(["", "", "bytes"], [["", row["server"], f"{row['bytes']:.0f}"] for row in rows])


# ---- a file to keep ----

def save(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.strip()]
    except (OSError, ValueError) as error:
        sys.exit(f"bench: cannot read {path}: {error}")


def compare(before, now):
    """What changed: ratios whose middle halves do not meet, and every count that differs by 5 %."""
    print("\nChanged since (only what the spread does not explain):")
    found = False
    old = {(row["workload"], row["server"]): row for row in before if "workload" in row}
    for row in now:
        was = old.get((row.get("workload"), row.get("server")))
        if was is None or row["server"] == YARDSTICK:
            continue
        for key in ("cpu_ratio", "rate_ratio"):
            one, other = was[key], row[key]
            if one[2] < other[1] or other[2] < one[1]:
                found = True
                print(f"  {row['workload']}, {row['server']}: {key.split('_')[0]} {span(one)} -> {span(other)}")
    counts = {(row["server"], row.get("calls"), row.get("idle")): row for row in before
              if "calls" in row or "idle" in row}
    for row in now:
        was = counts.get((row.get("server"), row.get("calls"), row.get("idle")))
        if was is None:
            continue
        values = [one["bytes"] if "idle" in one else sum(one["by_name"].values()) for one in (was, row)]
        if abs(values[1] - values[0]) > 0.05 * values[0]:
            found = True
            what = "bytes an idle connection" if "idle" in row else f"system calls a message ({row['calls']})"
            print(f"  {row['server']}, {what}: {values[0]:.2f} -> {values[1]:.2f}")
    if not found:
        print("  nothing")


# ---- a picture ----

COLOURS = {YARDSTICK: "#8a8f98", OURS: "#0b7285", "libuv": "#e8590c", "Asio": "#9c36b5", "libevent": "#2f9e44",
           "Twisted": "#1971c2", "Tornado": "#f08c00"}


def draw(path, rows):
    """Server CPU a message as bars, one group a workload; what is beyond the edge says its number."""
    rows = [row for row in rows if "workload" in row]
    groups = {}
    for row in rows:
        groups.setdefault(row["workload"], []).append(row)
    left, bar, most, scale = 260, 13, 2.0, 300
    out, y = [], 58
    for title, members in groups.items():
        middle = y + len(members) * (bar + 2) / 2 + 4
        out.append(f'<text x="{left - 10}" y="{middle:.0f}" text-anchor="end">{html.escape(title)}</text>')
        for row in members:
            value, low, high = row["cpu_ratio"]
            x, end = left, left + min(value, most) * scale
            out.append(f'<rect x="{x}" y="{y}" width="{end - x:.1f}" height="{bar}" '
                       f'fill="{COLOURS.get(row["server"], "#555")}"/>')
            if high < most:
                out.append(f'<path d="M{left + low * scale:.1f} {y + bar / 2}H{left + high * scale:.1f}" '
                           'stroke="#000" stroke-opacity=".55"/>')
            out.append(f'<text x="{max(end, left + min(high, most) * scale) + 6:.1f}" y="{y + bar - 2}" '
                       f'font-size="11">{row["server"]} {value:.2f}</text>')
            y += bar + 2
        y += 10
    one = left + scale
    body = "\n".join(out)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + int(most * scale) + 110} {y + 10}" '
                   'font-family="sans-serif" font-size="13">\n<rect width="100%" height="100%" fill="#fff"/>\n'
                   '<text x="12" y="24" font-size="16">Server CPU a message, raw epoll = 1 (less is better)</text>\n'
                   '<text x="12" y="42" font-size="11">bar: median of paired slices; line: their middle half</text>\n'
                   f'<path d="M{one} 50V{y}" stroke="#000" stroke-opacity=".3" stroke-dasharray="3 3"/>\n'
                   f"{body}\n</svg>\n")
