#!/usr/bin/env python3
"""Reads tests/vectors/msgpack.txt with a decoder and an encoder that share nothing with twister's.

    msgpack_vectors_test.py FILE    prints the vectors that do not say what the format says

Where Python has the module msgpack (Debian: python3-msgpack), that has to agree too. What twister refuses by a
limit of its own, the module may accept.
"""

import json
import math
import struct
import sys
from collections import namedtuple
from pathlib import Path

try:
    import msgpack
except ImportError:
    msgpack = None

Ext = namedtuple("Ext", "type body")
LARGEST_DEPTH = 64
LARGEST_ITEMS = 64 * 1024


class Malformed(Exception):
    def __init__(self, code="malformed_msgpack"):
        super().__init__(code)
        self.code = code


# ---- the format, as plainly as it can be written down

class Decoder:
    def __init__(self, data):
        self.data = data
        self.at = 0
        self.items = 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Malformed()
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, layout):
        return struct.unpack(">" + layout, self.take(struct.calcsize(">" + layout)))[0]

    def whole(self):
        value = self.value(0)
        if self.at != len(self.data):
            raise Malformed()
        return value

    def value(self, depth):
        first = self.number("B")
        if first < 0x80:
            return first
        if first < 0x90:
            return self.map(first & 0x0f, depth)
        if first < 0xa0:
            return self.array(first & 0x0f, depth)
        if first < 0xc0:
            return self.text(first & 0x1f)
        if first >= 0xe0:
            return first - 256
        if 0xca <= first <= 0xd3:
            return self.number("fdBHIQbhiq"[first - 0xca])
        if 0xd4 <= first <= 0xd8:
            return self.ext(1 << (first - 0xd4))
        simple = {0xc0: None, 0xc2: False, 0xc3: True}
        if first in simple:
            return simple[first]
        for row, layouts, read in ((0xc4, "BHI", self.binary), (0xc7, "BHI", self.ext), (0xd9, "BHI", self.text)):
            if row <= first < row + len(layouts):
                return read(self.number(layouts[first - row]))
        for row, read in ((0xdc, self.array), (0xde, self.map)):
            if row <= first < row + 2:
                return read(self.number("HI"[first - row]), depth)
        raise Malformed()

    def text(self, size):
        try:
            return self.take(size).decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("invalid_utf8") from None

    def binary(self, size):
        return bytes(self.take(size))

    def ext(self, size):
        return Ext(self.number("b"), self.binary(size))

    def enter(self, count, depth, bytes_each):
        self.items += count
        if depth >= LARGEST_DEPTH:
            raise Malformed("too_deep")
        if self.items > LARGEST_ITEMS:
            raise Malformed("too_many_items")
        if count * bytes_each > len(self.data) - self.at:
            raise Malformed()

    def array(self, count, depth):
        self.enter(count, depth, 1)
        return [self.value(depth + 1) for _ in range(count)]

    def map(self, count, depth):
        self.enter(count, depth, 2)
        found = {}
        for _ in range(count):
            if not self.data[self.at:self.at + 1] or not is_text(self.data[self.at]):
                raise Malformed()
            key = self.value(depth)
            found[key] = self.value(depth + 1)
        return found


def is_text(first):
    return 0xa0 <= first < 0xc0 or 0xd9 <= first <= 0xdb


def encode(value, depth=0):
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return encode_integer(value)
    if isinstance(value, float):
        return encode_float(value)
    if isinstance(value, str):
        body = value.encode("utf-8")
        return sized(len(body), (0xa0, 32), (0xd9, "BHI")) + body
    if isinstance(value, bytes):
        return sized(len(value), None, (0xc4, "BHI")) + value
    if isinstance(value, Ext):
        if not -128 <= value.type <= 127:
            raise Malformed("unencodable")
        size = len(value.body)
        header = bytes([0xd4 + size.bit_length() - 1]) if size in (1, 2, 4, 8, 16) else \
            sized(size, None, (0xc7, "BHI"))
        return header + struct.pack("b", value.type) + value.body
    if depth >= LARGEST_DEPTH:
        raise Malformed("too_deep")
    if isinstance(value, list):
        return sized(len(value), (0x90, 16), (0xdc, "HI")) + b"".join(encode(one, depth + 1) for one in value)
    pairs = (encode(key) + encode(value[key], depth + 1) for key in sorted(value))
    return sized(len(value), (0x80, 16), (0xde, "HI")) + b"".join(pairs)


def encode_integer(value):
    if -32 <= value < 128:
        return struct.pack("b", value)
    first, layouts = (0xcc, "BHIQ") if value > 0 else (0xd0, "bhiq")
    for offset, layout in enumerate(layouts):
        try:
            return bytes([first + offset]) + struct.pack(">" + layout, value)
        except struct.error:
            continue
    raise Malformed("unencodable")


def encode_float(value):
    try:
        narrow = struct.pack(">f", value)
    except OverflowError:
        narrow = None
    if narrow and (math.isnan(value) or struct.unpack(">f", narrow)[0] == value):
        return b"\xca" + narrow
    return b"\xcb" + struct.pack(">d", value)


def sized(size, fix, row):
    if fix and size < fix[1]:
        return bytes([fix[0] + size])
    for offset, layout in enumerate(row[1]):
        if size < 1 << (8 * struct.calcsize(layout)):
            return bytes([row[0] + offset]) + struct.pack(">" + layout, size)
    raise Malformed("unencodable")


# ---- the file

def from_json(value):
    if isinstance(value, dict):
        if "$bin" in value:
            return bytes.fromhex(value["$bin"])
        if "$ext" in value:
            return Ext(value["$ext"][0], bytes.fromhex(value["$ext"][1]))
        if "$float" in value:
            return float(value["$float"])
        return {key: from_json(member) for key, member in value.items()}
    if isinstance(value, list):
        return [from_json(member) for member in value]
    return value


def written(value):
    """Text that differs where values do: 1, 1.0 and True; 0.0 and -0.0; bytes and text. Every NaN is one."""
    if isinstance(value, dict):
        return {key: written(member) for key, member in value.items()}
    if isinstance(value, list):
        return [written(member) for member in value]
    return f"{type(value).__name__} {value!r}"


def read_cases(text):
    cases = []
    for line in text.splitlines():
        if not line or line.startswith("#") or line.startswith("codec "):
            continue
        words = line.split(" ", 2 if line.startswith("out ") else 1)
        rest = words.pop() if len(words) > (2 if line.startswith("out ") else 1) else ""
        name = " ".join(words)
        if name == "case":
            cases.append({"case": rest})
        elif name in ("in", "out message", "out error", "encode", "wire", "refused"):
            cases[-1][name] = rest
        else:
            raise ValueError(f"not understood: {line}")
    return cases


def outcome(function, argument):
    try:
        return "is", function(argument)
    except Malformed as error:
        return "fails", error.code


def module_decode(data):
    """What the module makes of it; it tells no reasons."""
    try:
        value = msgpack.unpackb(data, raw=False, strict_map_key=True,
                                ext_hook=lambda kind, body: Ext(kind, bytes(body)),
                                timestamp=0)
    except Exception as error:  # it has a class of its own for each, and some of Python's
        raise Malformed() from error
    return value


def module_ready(value):
    """A value of ours as the module wants it."""
    if isinstance(value, Ext):
        return msgpack.ExtType(value.type, value.body)
    if isinstance(value, dict):
        return {key: module_ready(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [module_ready(member) for member in value]
    return value


def differences(case):
    """What is wrong with a case, as lines of text."""
    if "in" in case:
        data = bytes.fromhex(case["in"])
        how, got = outcome(lambda bytes_: Decoder(bytes_).whole(), data)
        if "out message" in case:
            wanted = written(from_json(json.loads(case["out message"])))
            if how != "is" or written(got) != wanted:
                yield f"{data.hex()} is {got!r}"
        elif (how, got) != ("fails", case["out error"]):
            yield f"{data.hex()} {how} {got!r}"
    if "encode" in case:
        value = from_json(json.loads(case["encode"]))
        how, got = outcome(encode, value)
        wanted = ("is", bytes.fromhex(case["wire"])) if "wire" in case else ("fails", case["refused"])
        if (how, got) != wanted:
            yield f"{value!r} encoded {how} {got!r}"


def module_differences(case):
    if "$ext\": [-" in case.get("out message", case.get("encode", "")):
        return  # the module has times for -1, and refuses the other types that are negative
    if "in" in case:
        data = bytes.fromhex(case["in"])
        how, got = outcome(module_decode, data)
        if "out message" in case:
            if how != "is" or written(got) != written(from_json(json.loads(case["out message"]))):
                yield f"python3-msgpack: {data.hex()} is {got!r}"
        elif how == "is" and case["out error"] not in ("too_deep", "too_many_items") and not is_key_of_module(got):
            yield f"python3-msgpack: {data.hex()} is {got!r}"
    if "wire" in case and "." not in case["encode"] and "$float" not in case["encode"]:
        packed = msgpack.packb(module_ready(from_json(json.loads(case["encode"]))), use_bin_type=True)
        if packed != bytes.fromhex(case["wire"]):
            yield f"python3-msgpack: {case['encode']} is {packed.hex()}"


def is_key_of_module(value):
    """It takes binary keys too, which twister refuses."""
    return isinstance(value, dict) and any(isinstance(key, bytes) for key in value)


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    cases = read_cases(Path(arguments[0]).read_text(encoding="utf-8"))
    problems = [f"{case['case']}: {line}" for case in cases for line in differences(case)]
    if msgpack:
        problems += [f"{case['case']}: {line}" for case in cases for line in module_differences(case)]
    # It has to be able to fail.
    for spoiled in ({"in": "01", "out message": "2"}, {"in": "c1", "out message": "0"}, {"in": "01", "out message": "1.0"},
                    {"in": "c0", "out error": "too_deep"}, {"encode": "1", "wire": "cc01"}, {"encode": "1", "refused": "too_deep"}):
        if not list(differences(spoiled)):
            problems.append(f"self-test: {spoiled} went unnoticed")
    if len(cases) < 60:
        problems.append("the file has lost its vectors")
    for problem in problems:
        print(problem)
    peer = f"python3-msgpack {'.'.join(map(str, msgpack.version))}" if msgpack else "no python3-msgpack"
    print(f"{len(cases)} vectors, {peer}, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
