#!/usr/bin/env python3
"""Reads tests/vectors/resp.txt with a decoder and an encoder that share nothing with twister's.

    resp_vectors_test.py FILE    prints the vectors that do not say what the protocol says
"""

import re
import sys
from pathlib import Path

DEFAULTS = {"limit": 1 << 20, "items": 1 << 16, "line": 1 << 16, "depth": 32, "inline": "accept"}


class Refused(Exception):
    """With the name of the code that twister has for it."""


class Incomplete(Exception):
    pass

# ---- the protocol, as plainly as it can be written down

class Decoder:
    """One message from the front of `data`."""

    def __init__(self, data, options):
        self.data, self.at, self.options = data, 0, options
        self.bytes = self.items = 0

    def match(self, whole, beginning):
        """What the expression `whole` finds here; `beginning` finds what may still become that."""
        if found := re.compile(whole, re.DOTALL).match(self.data, self.at):
            self.at = found.end()
            return found[1]
        if re.compile(beginning, re.DOTALL).fullmatch(self.data, self.at):
            raise Incomplete()
        raise Refused("malformed_resp")

    def number(self):
        number = int(self.match(rb"(0|-?[1-9][0-9]{0,18})\r\n", rb"-?|(0|-?[1-9][0-9]{0,18})\r?"))
        if not -2**63 <= number < 2**63:
            raise Refused("malformed_resp")
        return number

    def count_bytes(self, size):
        self.bytes += size
        if self.bytes > self.options["limit"]:
            raise Refused("frame_too_long")

    def line(self):
        beginning = re.compile(rb"[^\r\n]*").match(self.data, self.at)[0]
        if len(beginning) > self.options["line"]:
            raise Refused("line_too_long")
        text = self.match(rb"([^\r\n]*)\r\n", rb"[^\r\n]*\r?")
        self.count_bytes(len(text))
        return text

    def bulk(self, size):
        self.count_bytes(size)
        return self.match(rb"(.{%d})\r\n" % size, rb".{0,%d}|.{%d}\r" % (size, size))

    def count_items(self, count):
        self.items += count
        if self.items > self.options["items"]:
            raise Refused("too_many_items")

    def type(self, types):
        return self.match(rb"([%b])" % re.escape(types), rb"")

    def reply(self, depth=0):
        kind = self.type(b"+-:$*")
        if kind in b"+-":
            return (kind, self.line())
        number = self.number()
        if kind == b":":
            return (kind, number)
        if number < -1:
            raise Refused("malformed_resp")
        if number == -1:
            return (kind, None)
        if kind == b"$":
            return (kind, self.bulk(number))
        if depth == self.options["depth"]:
            raise Refused("too_deep")
        self.count_items(number)
        return (kind, [self.reply(depth + 1) for _ in range(number)])

    def command(self):
        """None for what answers nothing."""
        if self.data[self.at:self.at + 1] != b"*":
            return self.inline()
        self.at += 1
        count = self.number()
        if count <= 0:
            return None
        self.count_items(count)
        return [self.argument() for _ in range(count)]

    def argument(self):
        self.type(b"$")
        size = self.number()
        if size < 0:
            raise Refused("malformed_resp")
        return self.bulk(size)

    def inline(self):
        if self.options["inline"] == "refuse":
            raise Refused("malformed_resp")
        line, end, _ = self.data[self.at:].partition(b"\n")
        text = line.removesuffix(b"\r")
        if len(text) > self.options["line"]:
            raise Refused("line_too_long")
        if not end:
            raise Incomplete()
        self.at += len(line) + 1
        word = rb"""([^\s"']*)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\'|\\)*')?(?=\s|\Z)"""
        words = []
        while text := text.lstrip():
            found = re.match(word, text, re.DOTALL)
            if not found:
                raise Refused("malformed_resp")
            words.append(found[1] + unquoted(found[2] or b""))
            self.count_bytes(len(words[-1]))
            text = text[found.end():]
        return words or None


def unquoted(quoted):
    def escape(found):
        if found[1][:1] == b"x" and len(found[1]) == 3:
            return bytes([int(found[1][1:], 16)])
        return {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}.get(found[1], found[1])

    if quoted[:1] == b"'":
        return quoted[1:-1].replace(b"\\'", b"'")
    return re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", escape, quoted[1:-1], flags=re.DOTALL)


def encode(value):
    kind, content = value
    if content is None:
        return kind + b"-1\r\n"
    if kind == b"*":
        return b"*%d\r\n" % len(content) + b"".join(encode(item) for item in content)
    if kind == b"$":
        return b"$%d\r\n%b\r\n" % (len(content), content)
    if kind in b"+-" and re.search(rb"[\r\n]", content):
        raise Refused("embedded_delimiter")
    return kind + (b"%d" % content if kind == b":" else content) + b"\r\n"

# ---- the file

def parse(words):
    """A message as the file writes it, from a list of words that is used up."""
    word = words.pop(0)
    if word == "(":
        items = []
        while words[0] != ")":
            items.append(parse(words))
        words.pop(0)
        return (b"*", items)
    if word in ("nil", "nil-array"):
        return (b"$" if word == "nil" else b"*", None)
    content = int(word[1:]) if word[0] == ":" else bytes.fromhex(word[1:])
    return (word[0].encode(), content)


def parse_all(text):
    words, values = text.split(), []
    while words:
        values.append(parse(words))
    return values


def decoded(data, codec, options):
    out = []
    while data:
        decoder = Decoder(data, options)
        try:
            if codec == "resp-replies":
                out.append(("message", [decoder.reply()]))
            elif (command := decoder.command()) is not None:
                out.append(("message", [(b"$", argument) for argument in command]))
        except Incomplete:
            return out + [("end", "truncated")]
        except Refused as refused:
            return out + [("error", str(refused))]
        data = data[decoder.at:]
    return out + [("end", "")]


def encoded(values, codec, options):
    """What has to be said of a message: what is written, if it reads back under the same limits."""
    try:
        if not values:
            raise Refused("unencodable")
        wire = encode((b"*", values)) if codec == "resp-commands" else encode(values[0])
        decoder = Decoder(wire, options)
        if codec == "resp-commands":
            decoder.command()
        else:
            decoder.reply()
    except Refused as refused:
        return ("refused", str(refused))
    return ("wire", wire.hex())


def check(lines, codec, options):
    outs = [line for line in lines if line[0] == "out"]
    found = {line[0]: line[1] for line in lines if line[0] != "out"}
    problems = []
    if outs:
        said = []
        for _, text in outs:
            kind, _, rest = text.partition(" ")
            said.append((kind, parse_all(rest) if kind == "message" else rest))
        real = decoded(bytes.fromhex(found["in"]), codec, options)
        if real != said:
            problems.append(f"{codec}, {found['case']}: {real}")
    if "encode" in found:
        said = next((kind, found[kind]) for kind in ("wire", "refused") if kind in found)
        real = encoded(parse_all(found["encode"]), codec, options)
        if real != said:
            problems.append(f"{codec}, {found['case']}: {real}")
    return problems


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    codec, options, lines, cases, problems = None, {}, [], 0, []
    for line in [*Path(arguments[0]).read_text(encoding="ascii").splitlines(), "case end"]:
        if not line or line.startswith("#"):
            continue
        what, _, value = line.partition(" ")
        if what in ("codec", "case"):
            if lines:
                problems += check(lines, codec, options)
                cases += 1
            lines = [(what, value)] if what == "case" else []
        if what == "codec":
            codec, options = value, dict(DEFAULTS)
        elif what in DEFAULTS:
            options[what] = value if what == "inline" else int(value)
        elif what != "case":
            lines.append((what, value))
    for problem in problems:
        print(problem)
    print(f"{cases} cases, {len(problems)} problems")
    return 1 if problems or cases < 75 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
