#!/usr/bin/env python3
"""Compares docs/reference/metrics.md with the sources.

    metrics_test.py ROOT    prints what differs; before that, spoils the page and the sources in memory to
                            see that differences are found

Of the page it reads the rows that begin with a metric (name, type, labels, help), and the tables of causes
below the headings "refused", "end", "started" and "wrong".
"""

import re
import sys
from pathlib import Path

PAGE = "docs/reference/metrics.md"
TABLES = "framework/src/builtin_metrics.cpp"
CAUSES = "framework/src/counters.cpp"
CALLS = "protocols/src/rpc/metrics.cpp"
METRIC = re.compile(r'\{"(twister_\w+)",\s*"(\w+)",\s*"([^"]+)"')
# The array, or the type of a single one, says which labels a metric has.
KIND = re.compile(r'^constexpr (\w+) \w+(?:\[\] = )?\{(.*?)(?:^|")\};', re.MULTILINE | re.DOTALL)
# How metrics of calls are registered.
CALL_METRIC = re.compile(r'registry_?\.(counter|gauge|histogram)\(\s*"(rpc_\w+)",\s*"([^"]+)"(.*?)\}\}\)', re.DOTALL)


def labels_of(kind, name):
    if kind == "ServerMetric":
        return ("loop", "server")
    if kind in ("LoopMetric", "TimesMetric") or name.startswith("twister_loop_"):
        return ("loop",)
    return ("loop", "server", "cause") if name.startswith("twister_connections_") else ()


def from_sources(source, calls):
    """name -> (type, labels, help)"""
    found = {}
    for kind, name, text, rest in CALL_METRIC.findall(calls):
        found[name] = (kind, tuple(re.findall(r'\{"(\w+)", ', rest)), text)
    for kind in KIND.finditer(source):
        for metric in METRIC.finditer("{" + kind[2] + '"'):
            found[metric[1]] = (metric[2], labels_of(kind[1], metric[1]), metric[3])
    return found


def from_page(page):
    found = {}
    for line in page.splitlines():
        if line.startswith(("| `twister_", "| `rpc_")):
            name, kind, labels, text = [cell.strip() for cell in line.split("|")[1:5]]
            found[name.strip("`")] = (kind, tuple(re.findall(r"`(\w+)`", labels)), text)
    return found


def causes_on_page(page, heading):
    section = re.search(rf"^### [^\n]*{heading}\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `(\w+)` \| ", section[1], re.MULTILINE) if section else []
    return set(rows) - {"cause"}  # the head of the table


def names_in(source, array):
    """The texts of an array."""
    names = re.search(rf"\b{array}\{{(.*?)\}};", source, re.DOTALL)
    return set(re.findall(r'"(\w+)"', names[1] if names else ""))


def differences(page, tables, causes, calls):
    found = []
    real, said = from_sources(tables, calls), from_page(page)
    found += [f"{name} is not on the page" for name in sorted(real.keys() - said.keys())]
    found += [f"{name} is on the page but not in the sources" for name in sorted(said.keys() - real.keys())]
    for name in sorted(real.keys() & said.keys()):
        if real[name] != said[name]:
            found.append(f"{name} is {said[name]} on the page and {real[name]} in the sources")
    pairs = (("end", names_in(causes, "names")),
             ("started", names_in(calls, "refusal_names")),
             ("wrong", names_in(calls, "fault_names")),
             ("refused", set(re.findall(r'^    write\("(\w+)", server', tables, re.MULTILINE))))
    for heading, real_causes in pairs:
        said_causes = causes_on_page(page, heading)
        if not real_causes or real_causes != said_causes:
            found.append(f"causes under {heading!r}: {sorted(real_causes ^ said_causes)} differ")
    return found


SPOILED = [  # file, what to replace, by what, and what has to be said about it
    (PAGE, "`twister_connections` | gauge", "`twister_connections` | counter", "twister_connections is"),
    (PAGE, "| `twister_drains_total`", "| `twister_drain_total`", "twister_drains_total is not on the page"),
    (PAGE, "Times that a drain began.", "Drains.", "twister_drains_total is"),
    (PAGE, "`loop`, `server`, `cause` | Connections that ended", "`loop`, `cause` | Connections that ended",
     "twister_connections_closed_total is"),
    (PAGE, "| `timed_out` |", "| `late` |", "causes under 'end'"),
    (PAGE, "| `factory` |", "| `null` |", "causes under 'refused'"),
    (TABLES, '"twister_loop_timers", "gauge"', '"twister_loop_timers", "counter"', "twister_loop_timers is"),
    (TABLES, "twister_loop_up", "twister_loop_alive", "twister_loop_alive is not on the page"),
    (TABLES, 'write("handshake"', 'write("layer"', "causes under 'refused'"),
    (CAUSES, '"other"};', '"other", "more"};', "causes under 'end'"),
    (PAGE, "| `method`, `code` |", "| `method` |", "rpc_calls_total is"),
    (PAGE, "`rpc_calls_in_flight` | gauge", "`rpc_calls_in_flight` | counter", "rpc_calls_in_flight is"),
    (PAGE, "| `max_wait` |", "| `waited` |", "causes under 'started'"),
    (PAGE, "| `unknown_id` |", "| `id` |", "causes under 'wrong'"),
    (CALLS, '"rpc_call_seconds"', '"rpc_seconds"', "rpc_seconds is not on the page"),
    (CALLS, '"draining"', '"leaving"', "causes under 'started'"),
]


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    texts = {path: (Path(arguments[0]) / path).read_text(encoding="utf-8") for path in (PAGE, TABLES, CAUSES, CALLS)}
    problems = differences(*texts.values())
    for file, old, new, expected in SPOILED:
        if old not in texts[file]:
            problems.append(f"self-test: there is no {old!r} in {file} to spoil")
            continue
        spoiled = {**texts, file: texts[file].replace(old, new, 1)}
        if not any(expected in line for line in differences(*spoiled.values())):
            problems.append(f"self-test: {new!r} in {file} went unnoticed")
    for problem in problems:
        print(problem)
    print(f"{len(from_page(texts[PAGE]))} metrics, {len(SPOILED)} spoiled, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
