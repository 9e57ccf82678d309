#!/usr/bin/env python3
"""Compares the defaults in docs/reference/limits.md with the sources.

    limits_test.py ROOT     prints what differs; before that, spoils the page and the sources in memory to
                            see that differences are found

Of the page it reads headings that name an options struct, the source named below them, and the first two
columns of the tables. Rows outside such a section name a constant and, in their last column, its source. A
struct that is on the page has to be there whole.
"""

import re
import sys
from pathlib import Path

PAGE = "docs/reference/limits.md"
UNITS = {"KiB": 1024, "MiB": 1024 ** 2, "ms": 1, "s": 1000}  # bytes; times in milliseconds
SOURCE = re.compile(r"`([\w./-]+\.[ch]pp)`")
MEMBER = re.compile(r"^\s+[\w:<>]+\*? (\w+)\s*(?:=\s*([^;]+)|\{([^}]*)\});", re.MULTILINE)
CONSTANT = r"constexpr [\w:]+ {}\s*=\s*([^;]+);"


def from_page(cell):
    """The value that the beginning of a cell says: bytes, milliseconds, a number or a word."""
    cell = cell.strip()
    number = re.match(r"(\d+(?: \d{3})*)(?: (KiB|MiB|ms|s))?$", cell)
    if number:
        digits = number[1].replace(" ", "")
        base = 8 if len(digits) > 1 and digits.startswith("0") else 10
        return int(digits, base) * UNITS.get(number[2], 1)
    if cell.startswith("unset"):
        return "unset"
    return cell.strip("`")


def from_source(text):
    """The value of an initializer."""
    text = re.sub(r"std::chrono::(?:milli)?seconds\b(?=[({])", lambda m: m[0].split("::")[-1], text.strip())
    time = re.fullmatch(r"(seconds|milliseconds)[({](\d+)[)}]", text)
    if time:
        return int(time[2]) * (1000 if time[1] == "seconds" else 1)
    if not text:
        return "unset"
    if re.fullmatch(r"[\d' *]+", text):
        value = 1
        for factor in text.replace("'", "").split("*"):
            factor = factor.strip()
            value *= int(factor, 8 if len(factor) > 1 and factor.startswith("0") else 10)
        return value
    return text.strip('"').split("::")[-1]


def struct_members(source, struct):
    """name -> value of every member; a nested options struct is described by a table of its own."""
    body = re.search(r"^struct " + struct + r" \{\n(.*?)^\};", source, re.MULTILINE | re.DOTALL)
    if not body:
        return None
    members = {}
    for match in MEMBER.finditer(re.sub(r"//[^\n]*", "", body[1])):
        kind = match[0].split()[0]
        if kind.endswith("Options"):
            continue
        value = from_source(match[2] if match[2] is not None else match[3])
        # seconds idle{60}: the unit is in the type
        if kind == "std::chrono::seconds" and match[3] is not None:
            value *= 1000
        members[match[1]] = value
    return members


def differences(page, read):
    """What the page says otherwise than the sources, as lines of text. `read` gives a file's text or None."""
    found = []
    struct = path = members = None
    seen = set()

    def finish():
        if members:
            found.extend(f"{struct}::{name} is not on the page" for name in members if name not in seen)

    for line in page.splitlines() + ["## end"]:
        if line.startswith("#"):
            finish()
            named = re.search(r"`(\w+)`", line)
            struct, path, members = named and named[1], None, None
            seen = set()
        elif struct and path is None and SOURCE.search(line):
            path = SOURCE.search(line)[1]
            members = struct_members(read(path) or "", struct)
            if not members:
                found.append(f"there is no struct {struct} in {path}")
        elif re.match(r"\| `", line):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            name, said = cells[0].strip("`"), from_page(cells[1])
            seen.add(name)
            if struct:
                real = (members or {}).get(name)
                where = f"{struct}::{name}"
            else:
                file = SOURCE.search(cells[-1])
                constant = file and re.search(CONSTANT.format(name), read(file[1]) or "")
                real = from_source(constant[1]) if constant else None
                where = name
            if real is None:
                found.append(f"{where} is on the page but not in the sources")
            elif real != said:
                found.append(f"{where} is {said!r} on the page and {real!r} in the sources")
            if name == "max_connections" and struct == "ServerOptions":
                found.extend(check_max_connections(cells[1], read("framework/src/tcp_server.cpp") or ""))
    return found


def check_max_connections(cell, source):
    """The one default that is computed: a part of the descriptors is left out."""
    code = re.search(r"rlim_cur / (\d+), 1, ([\d']+)\)", source)
    said = re.search(r"([\d ]+), or (\d+) %", cell)
    if not code or not said:
        return ["max_connections: the computed default is not understood"]
    real = (int(code[2].replace("'", "")), 100 - 100 // int(code[1]))
    told = (int(said[1].replace(" ", "")), int(said[2]))
    return [] if real == told else [f"max_connections is {told} on the page and {real} in the sources"]


SPOILED = [  # file, what to replace, by what, and what has to be said about it
    (PAGE, "| 30 s |", "| 31 s |", "StreamOptions::message_timeout is 31000"),
    (PAGE, "| `linger_timeout` |", "| `lingering` |", "StreamOptions::linger_timeout is not on the page"),
    (PAGE, "| `lf` |", "| `crlf` |", "LinesOptions::line_ending"),
    (PAGE, "80 %", "90 %", "max_connections is (10000, 90)"),
    (PAGE, "max_accepts_a_turn` | 128 |", "max_accepts_a_turn` | 129 |", "max_accepts_a_turn is 129"),
    (PAGE, "| 0600 |", "| 600 |", "BindOptions::unix_mode"),
    ("framework/include/twister/stream_options.hpp", "16 * 1024 * 1024", "8 * 1024 * 1024",
     "StreamOptions::max_write_buffer_size"),
    ("framework/include/twister/keep_alive.hpp", "idle{60}", "idle{90}", "KeepAlive::idle"),
    ("framework/include/twister/serve.hpp", "127.0.0.1\";", "0.0.0.0\";", "ServeOptions::host"),
    ("framework/include/twister/stream_options.hpp", "struct StreamOptions {\n",
     "struct StreamOptions {\n  std::size_t another = 1;\n", "StreamOptions::another is not on the page"),
    ("codecs/include/twister/codecs/lines.hpp", "64 * 1024", "32 * 1024", "LinesOptions::max_line_bytes"),
    ("framework/src/acceptor.cpp", "milliseconds(100)", "milliseconds(200)", "back_off is 100"),
]


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    root = Path(arguments[0])

    def read(path):
        file = root / path
        return file.read_text(encoding="utf-8") if file.exists() else None

    page = read(PAGE)
    if page is None:
        print(f"{PAGE} is missing")
        return 1
    problems = differences(page, read)
    for file, old, new, expected in SPOILED:
        if old not in (read(file) or ""):
            problems.append(f"self-test: there is no {old!r} in {file} to spoil")
            continue

        def spoiled(path, file=file, old=old, new=new):
            text = read(path)
            return text.replace(old, new, 1) if path == file and text else text

        if not any(expected in line for line in differences(spoiled(PAGE), spoiled)):
            problems.append(f"self-test: {new!r} in {file} went unnoticed")
    for problem in problems:
        print(problem)
    print(f"{page.count(chr(10) + '| `')} rows, {len(SPOILED)} spoiled, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
