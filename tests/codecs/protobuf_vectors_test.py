#!/usr/bin/env python3
"""Reads the vectors of tests/vectors/protobuf.txt with framings of its own, and messages of python3-protobuf.

    protobuf_vectors_test.py FILE     prints what differs; game_pb2.py and muduo_pb2.py, which protoc writes, are in
                                      PYTHONPATH
"""

import struct
import sys
import warnings
import zlib
from pathlib import Path

try:
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError, EncodeError
    from google.protobuf.any_pb2 import Any
except ImportError:
    print("skipped: python3-protobuf is not there")
    sys.exit(77)

import game_pb2 as game
import muduo_pb2 as muduo

TAGS = {1: game.Join, 2: game.Move, 3: game.Leave, 4: game.Map, 5: muduo.Empty, 6: muduo.Call}
TYPES = {type_.DESCRIPTOR.full_name: type_ for type_ in TAGS.values()}


class Refused(Exception):
    """With the name of the code that twister has for it."""


class Incomplete(Exception):
    pass


# ---- framings: how many bytes the header has, and how many the body; and a header

def read_varint(data):
    value = 0
    for i, byte in enumerate(data[:5]):
        value |= (byte & 0x7f) << 7 * i
        if byte < 0x80:
            if i > 0 and byte == 0 or value >= 1 << 32:
                raise Refused("malformed_varint")
            return i + 1, value
    if len(data) >= 5:
        raise Refused("malformed_varint")
    raise Incomplete()


def write_varint(value):
    data = bytearray()
    while value > 0x7f:
        data.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(data) + bytes([value])


def fixed(layout):
    width = struct.calcsize(layout)

    def read(data):
        if len(data) < width:
            raise Incomplete()
        return width, struct.unpack(layout, data[:width])[0]
    return read, lambda size: struct.pack(layout, size)


FRAMINGS = {"varint": (read_varint, write_varint), "length-prefixed:4be": fixed(">I"), "length-prefixed:2le": fixed("<H")}


# ---- payloads: a function of a frame and one of a message

def parsed(type_, data):
    message = type_()
    try:
        # FromString() would not mind if it ended early, at a field's number 0 for instance, and only warn
        # of a group that ends and never began.
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            whole = message.MergeFromString(bytes(data)) == len(data) and not warned
    except (DecodeError, UnicodeDecodeError):  # the second without protobuf's own C code
        whole = False
    if not whole or not message.IsInitialized():
        raise Refused("malformed_protobuf")
    return message


def serialized(message):
    try:
        return message.SerializeToString()
    except EncodeError:
        raise Refused("unencodable") from None


def checked(frame, at_least):
    """The frame without its checksum."""
    if len(frame) < at_least:
        raise Refused("bad_length")
    if struct.pack(">I", zlib.adler32(frame[:-4])) != frame[-4:]:
        raise Refused("bad_checksum")
    return frame[:-4]


def summed(body):
    return body + struct.pack(">I", zlib.adler32(body))


def protobuf(name):
    return lambda frame: parsed(TYPES[name], frame), serialized


def tagged(how):
    layout = {"1": "B", "2be": ">H", "4le": "<I"}[how]
    width = struct.calcsize(layout)

    def read(frame):
        if len(frame) < width:
            raise Refused("bad_length")
        type_ = TAGS.get(struct.unpack(layout, frame[:width])[0])
        if type_ is None:
            raise Refused("unknown_type")
        return parsed(type_, frame[width:])

    def write(message):
        number = next(number for number, type_ in TAGS.items() if isinstance(message, type_))
        return struct.pack(layout, number) + serialized(message)
    return read, write


def named():
    def read(frame):
        body = checked(frame, 10)
        size = struct.unpack(">I", body[:4])[0]
        if not 2 <= size <= len(body) - 4:
            raise Refused("bad_length")
        name = body[4:4 + size].decode("latin-1")
        if not name.endswith("\0") or name[:-1] not in TYPES:
            raise Refused("unknown_type")
        return parsed(TYPES[name[:-1]], body[4 + size:])

    def write(message):
        name = message.DESCRIPTOR.full_name.encode() + b"\0"
        return summed(struct.pack(">I", len(name)) + name + serialized(message))
    return read, write


def checksummed(mark, name):
    def read(frame):
        body = checked(frame, len(mark) + 4)
        if not body.startswith(mark.encode()):
            raise Refused("unknown_type")
        return parsed(TYPES[name], body[len(mark):])
    return read, lambda message: summed(mark.encode() + serialized(message))


def any_():
    def read(frame):
        packed = parsed(Any, frame)
        _, slash, name = packed.type_url.rpartition("/")
        if not slash or name not in TYPES:
            raise Refused("unknown_type")
        return parsed(TYPES[name], packed.value)

    def write(message):
        packed = Any()
        packed.Pack(message)
        return packed.SerializeToString()
    return read, write


PAYLOADS = {"protobuf": protobuf, "tagged": tagged, "named": named, "checksummed": checksummed, "any": any_}


# ---- the file

def message_of(text):
    name, _, fields = text.partition(" ")
    return text_format.Parse(fields, TYPES[name](), allow_unknown_field=False)


class Group:
    def __init__(self, codec):
        framing, _, payload = codec.partition("/")
        self.read_size, self.write_size = FRAMINGS[framing]
        kind, *arguments = payload.split(":")
        self.read, self.write = PAYLOADS[kind](*arguments)
        self.limit = 1 << 20
        self.skips = False

    def decode(self, data):
        out = []
        while data:
            try:
                header, size = self.read_size(data)
                if size > self.limit:
                    raise Refused("frame_too_long")
            except Refused as error:
                return out + [f"error {error}"]
            except Incomplete:
                break
            if len(data) < header + size:
                break
            try:
                out.append(self.read(data[header:header + size]))
            except Refused as error:
                if not self.skips:
                    return out + [f"error {error}"]
                out.append(f"skipped {error}")
            data = data[header + size:]
        return out + ["end truncated" if data else "end"]

    def encode(self, message):
        try:
            body = self.write(message)
            if len(body) > self.limit:
                raise Refused("frame_too_long")
        except Refused as error:
            return f"refused {error}"
        return "wire " + (self.write_size(len(body)) + body).hex()


def wanted_of(line):
    return message_of(line.removeprefix("message ")) if line.startswith("message ") else line


def differences(lines):
    """What is not as the lines say; the last thing is how many cases there were."""
    found, cases = [], 0
    group = name = data = value = None
    out = []

    def finish():
        nonlocal data, out
        if data is not None:
            got, wanted = group.decode(data), [wanted_of(line) for line in out]
            if got != wanted:
                found.append(f"{name}: {got} instead of {wanted}")
        data, out = None, []

    for line in lines:
        word, _, rest = line.partition(" ")
        if word in ("codec", "case"):
            finish()
        if word == "codec":
            group = Group(rest)
        elif word == "limit":
            group.limit = int(rest)
        elif word == "bad":
            group.skips = rest == "skip"
        elif word == "case":
            name, cases = rest, cases + 1
        elif word == "in":
            data = bytes.fromhex(rest)
        elif word == "out":
            out.append(rest)
        elif word == "encode":
            value = message_of(rest)
        elif word in ("wire", "refused"):
            if group.encode(value) != line:
                found.append(f"{name}: {group.encode(value)} instead of {line}")
        elif word and not word.startswith("#"):
            found.append(f"not understood: {line}")
    finish()
    return found, cases


SPOILED = [
    ("out message game.Move x: 1 y: -2", "out message game.Move x: 2 y: -2"),
    ("out error bad_checksum", "out error bad_length"),
    ("out end", "out end truncated"),
    ("wire 0000000408021003", "wire 0000000408021004"),
    ("refused unencodable", "refused frame_too_long"),
]


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    lines = Path(arguments[0]).read_text(encoding="utf-8").splitlines()
    problems, cases = differences(lines)
    for old, new in SPOILED:
        at = lines.index(old)
        if len(differences(lines[:at] + [new] + lines[at + 1:])[0]) != 1:
            problems.append(f"self-test: {new!r} went unnoticed")
    if cases < 70:
        problems.append(f"only {cases} cases")
    for problem in problems:
        print(problem)
    print(f"{cases} cases, {len(SPOILED)} spoiled, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
