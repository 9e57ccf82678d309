#!/usr/bin/env python3
"""Compares the options in docs/reference/endpoints.md with the sources.

    endpoints_test.py ROOT  prints what differs; spoils the page and the sources in memory as well, to see
                            that differences are found
"""

import re
import sys
from pathlib import Path

PAGE = "docs/reference/endpoints.md"
OPTIONS = "framework/src/endpoint_options.hpp"
VALUES = "framework/src/endpoint_options.cpp"
SIDES = {(False, False): "servers and clients", (True, False): "servers", (False, True): "clients"}


def from_sources(options, values):
    """name -> (for whom, what value), in the words of the page."""
    described = dict(re.findall(r'case OptionValue::(\w+):\s+return "([^"]+)";', values))
    found = {}
    for name, kind, use in re.findall(r'KnownOption\{"([^"]+)", OptionValue::(\w+), ([^}]+)\}', options):
        words = set(re.findall(r"\w+", use))
        schemes = ", ".join(scheme for scheme in ("tcp", "tls", "unix") if f"on_{scheme}" in words)
        side = SIDES["server_only" in words, "client_only" in words]
        found[name] = (f"{schemes} {side}", described.get(kind))
    return found


def from_page(page):
    rows = re.findall(r"^\| `([\w-]+)` \| ([^|]+) \| ([^|]+) \|", page, re.MULTILINE)
    return {name: (who, value) for name, who, value in rows}


def differences(read):
    real, said = from_sources(read(OPTIONS), read(VALUES)), from_page(read(PAGE))
    found = [f"{name} is not on the page" for name in real if name not in said]
    for name, row in said.items():
        if name not in real:
            found.append(f"{name} is on the page but not in the sources")
        elif row != real[name]:
            found.append(f"{name} is {row} on the page and {real[name]} in the sources")
    return found if real else ["no options were found in the sources"]


SPOILED = [  # file, what to replace, by what, and what has to be said about it
    (PAGE, "| `mode` |", "| `rights` |", "mode is not on the page"),
    (PAGE, "| `mode` |", "| `rights` |", "rights is on the page but not"),
    (PAGE, "tls clients | yes or no", "tls servers | yes or no", "verify is"),
    (OPTIONS, '"backlog", OptionValue::count', '"backlog", OptionValue::time', "backlog is"),
    (OPTIONS, "on_unix | server_only", "on_unix", "backlog is"),
    (VALUES, "up to 0777", "up to 07777", "mode is"),
]


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    texts = {name: (Path(arguments[0]) / name).read_text(encoding="utf-8") for name in (PAGE, OPTIONS, VALUES)}
    problems = differences(texts.__getitem__)
    for file, old, new, expected in SPOILED:
        if old not in texts[file]:
            problems.append(f"self-test: there is no {old!r} in {file} to spoil")
            continue
        spoiled = {**texts, file: texts[file].replace(old, new, 1)}
        if not any(expected in line for line in differences(spoiled.__getitem__)):
            problems.append(f"self-test: {new!r} in {file} went unnoticed")
    for problem in problems:
        print(problem)
    print(f"{len(from_page(texts[PAGE]))} options, {len(SPOILED)} spoiled, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
