#!/usr/bin/env python3
"""Reads tests/vectors/torpc.txt with a decoder that shares nothing with twister's.

    torpc_vectors_test.py FILE    prints the vectors that do not say what the wire says
"""

import json
import struct
import sys
from pathlib import Path

from tiny_msgpack import pack, unpack

LARGEST_BODY = 1 << 20


def has_shape(kind, body):
    if not isinstance(body, list) or len(body) != 2:
        return False
    return kind == 1 or (isinstance(body[0], str) and isinstance(body[1], str if kind == 3 else list))


def decode(data):
    """What comes of a whole stream, in the terms of the file."""
    while data:
        if len(data) >= 4 and not 0 <= struct.unpack("!i", data[:4])[0] <= LARGEST_BODY:
            yield "error frame_too_long"
            return
        if len(data) < 9:
            yield "end truncated"
            return
        size, kind, id_ = struct.unpack("!ibi", data[:9])
        if len(data) < 9 + size:
            yield "end truncated"
            return
        payload, data = data[9:9 + size], data[9 + size:]
        try:
            body = unpack(payload)
        except (ValueError, IndexError, struct.error):
            body = None
        if not 0 <= kind <= 3:
            yield "skipped unknown_type"
        elif not has_shape(kind, body):
            yield "skipped malformed_msgpack"
        else:
            yield f"message {kind} {id_} " + json.dumps(body, separators=(",", ":"), sort_keys=True)
    yield "end"


def check(text):
    """How many cases there are, and what is wrong with them."""
    problems = []
    cases = []
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "case":
            cases.append({"title": rest, "in": b"", "out": []})
        elif word == "in":
            cases[-1]["in"] += bytes.fromhex(rest)
        elif word == "out":
            cases[-1]["out"].append(rest)
        elif word in ("encode", "wire"):
            cases[-1][word] = rest
        elif word and word != "codec" and not word.startswith("#"):
            problems.append(f"not understood: {line}")
    for case in cases:
        got = list(decode(case["in"]))
        if got != case["out"]:
            problems.append(f"{case['title']}: {got}, not {case['out']}")
        if "encode" in case:
            kind, id_, body = json.loads(case["encode"])
            payload = pack(body)
            if (struct.pack("!ibi", len(payload), kind, id_) + payload).hex() != case["wire"]:
                problems.append(f"{case['title']}: {payload.hex()}")
    return len(cases), problems


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    count, problems = check(Path(arguments[0]).read_text(encoding="utf-8"))
    if len(check("case wrong\nin 000000030100000000" "92c0c3\nout message 1 0 [null,false]\nout end\n")[1]) != 1:
        problems.append("self-test: a wrong vector went unnoticed")
    if count < 12:
        problems.append("the file has lost its vectors")
    for problem in problems:
        print(problem)
    print(f"{count} vectors, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
