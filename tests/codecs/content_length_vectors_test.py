#!/usr/bin/env python3
"""Reads tests/vectors/content_length.txt with a decoder that shares nothing with twister's.

    content_length_vectors_test.py FILE    prints the vectors that do not say what the format says
"""

import re
import sys
from pathlib import Path

LARGEST_HEADER = 8192


def decode(data, limit, skips):
    """What comes of a whole stream, in the terms of the file."""
    while data:
        end = data.find(b"\r\n\r\n")
        header = data[:end] if end >= 0 else data[:LARGEST_HEADER]
        lines = header.split(b"\r\n") if end >= 0 else header.split(b"\r\n")[:-1]
        lengths = set()
        for line in lines:
            field = re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*", line)
            if not field:
                yield "error bad_length"
                return
            if field[1].lower() == b"content-length":
                if not re.fullmatch(rb"[0-9]+", field[2]) or int(field[2]) >= 1 << 64:
                    yield "error bad_length"
                    return
                lengths.add(int(field[2]))
        if b"\n" in header.replace(b"\r\n", b"") or len(lengths) > 1 or (end >= 0 and not lengths):
            yield "error bad_length"
            return
        if end < 0:
            yield "error line_too_long" if len(data) >= LARGEST_HEADER else "end truncated"
            return
        length = lengths.pop()
        body, rest = data[end + 4:end + 4 + length], data[end + 4 + length:]
        if length > limit:
            yield "skipped frame_too_long" if skips else "error frame_too_long"
            if not skips:
                return
        elif len(body) < length:
            yield "end truncated"
            return
        else:
            yield f"message {body.hex()}"
        data = rest
    yield "end"


def encode(body, limit):
    if len(body) > limit:
        return "refused frame_too_long"
    return f"wire {(b'Content-Length: %d' % len(body) + bytes([13, 10] * 2) + body).hex()}"


def check(text):
    """How many cases there are, and what is wrong with them."""
    problems = []
    cases = []
    options = {}
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "codec":
            options = {}
        elif word in ("limit", "oversize"):
            options[word] = rest
        elif word == "case":
            cases.append({"title": rest, "in": b"", "out": [], "options": dict(options)})
        elif word == "in":
            cases[-1]["in"] += bytes.fromhex(rest)
        elif word == "out":
            cases[-1]["out"].append(rest)
        elif word == "encode":
            cases[-1]["encode"] = bytes.fromhex(rest)
        elif word in ("wire", "refused"):
            cases[-1]["encoded"] = line
        elif word and not word.startswith("#"):
            problems.append(f"not understood: {line}")
    for case in cases:
        limit = int(case["options"].get("limit", 1 << 20))
        got = list(decode(case["in"], limit, "oversize" in case["options"]))
        if got != case["out"]:
            problems.append(f"{case['title']}: {got}, not {case['out']}")
        if "encode" in case and encode(case["encode"], limit) != case["encoded"]:
            problems.append(f"{case['title']}: {encode(case['encode'], limit)}")
    return len(cases), problems


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    count, problems = check(Path(arguments[0]).read_text(encoding="utf-8"))
    wrong = "case wrong\nin 436f6e74656e742d4c656e6774683a20310d0a0d0a61\nout message 62\nout end\n"
    if len(check(wrong)[1]) != 1:
        problems.append("self-test: a wrong vector went unnoticed")
    if count < 15:
        problems.append("the file has lost its vectors")
    for problem in problems:
        print(problem)
    print(f"{count} vectors, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
