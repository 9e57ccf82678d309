#!/usr/bin/env python3
"""Reads the files of tests/vectors about framings with decoders and encoders that share nothing with twister's.

    vectors_test.py FOLDER    prints the vectors that do not say what the framing does; before that, spoils some to
                              see that it is noticed

A decoder here has the whole stream and is as plain as it can be written down. A file that is not about framings has
a test of its own, FOLDER/NAME_vectors_test.py or NAME/vectors_test; one that nobody reads is a mistake, and so is a framing that
is not known here.
"""

import re
import sys
from pathlib import Path

KIB = 1024
MIB = 1024 * 1024
FILES = {"content_length", "delimited", "fixed", "json_texts", "length_prefixed", "lines", "netstring", "varint"}


class Refused(Exception):
    """With the code."""


class Error(Exception):
    """The stream cannot be read any further. With the code."""


class Framing:
    """What the framings have in common: `next` gives the size of the first frame and its message."""

    limit = MIB
    too_long_code = "frame_too_long"

    def __init__(self, parameters, limit, skips):
        self.skips = skips
        if limit is not None:
            self.limit = limit
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            self.take(key, value)

    def take(self, key, value):
        raise KeyError(f"parameter {key}")

    def blanks(self, data):
        return 0

    def next(self, data):
        """(bytes, message) of the frame at the front; message is None for one to skip, and Error what it is skipped
        for. None when all of `data` is only the beginning of one."""
        raise NotImplementedError

    def decode(self, data):
        out = []
        try:
            while True:
                data = data[self.blanks(data):]
                if not data:
                    return out + ["end"]
                found = self.next(data)
                if found is None:
                    return out + ["end truncated"]
                size, message = found
                if isinstance(message, Error):
                    if not self.skips:
                        raise message
                    out.append(f"skipped {message}")
                    if size is None or size > len(data):
                        return out + ["end truncated"]
                else:
                    out.append("message " + message.hex())
                data = data[size:]
        except Error as error:
            return out + [f"error {error}"]

    def too_long(self):
        return Error(self.too_long_code)

    def require_within_limit(self, size):
        if size > self.limit:
            raise Refused(self.too_long_code)


class LengthPrefixed(Framing):
    width, order, offset, adjustment, strip, counts_itself = 4, "big", 0, 0, None, False

    def take(self, key, value):
        width = re.fullmatch(r"(\d)(be|le)?", key)
        if width:
            self.width = int(width[1])
            self.order = "little" if width[2] == "le" else "big"
        elif key == "includes-itself":
            self.counts_itself = True
        elif key in ("offset", "adjustment", "strip"):
            setattr(self, key, int(value))
        else:
            raise KeyError(f"parameter {key}")

    @property
    def header(self):
        return self.offset + self.width

    @property
    def stripped(self):
        return self.header if self.strip is None else self.strip

    def next(self, data):
        if len(data) < self.header:
            return None
        length = int.from_bytes(data[self.offset:self.header], self.order)
        body = length + self.adjustment - (self.width if self.counts_itself else 0)
        size = self.header + body
        if body < 0 or size < self.stripped:
            self.skips = False  # where would the next frame begin?
            raise Error("bad_length")
        if body > self.limit:
            return size, self.too_long()
        return (size, data[self.stripped:size]) if len(data) >= size else None

    def encode(self, message):
        frame = bytearray(bytes(self.stripped) + message)
        body = len(frame) - self.header
        if body < 0:
            raise Refused("unencodable")
        self.require_within_limit(body)
        length = body - self.adjustment + (self.width if self.counts_itself else 0)
        if length < 0:
            raise Refused("unencodable")
        if length >= 256 ** self.width:
            raise Refused("frame_too_long")
        frame[self.offset:self.header] = length.to_bytes(self.width, self.order)
        return bytes(frame)


class Varint(Framing):
    longest = 5

    def take(self, key, value):
        self.longest = int(key)

    def next(self, data):
        found = re.match(rb"[\x80-\xff]*[\x00-\x7f]", data)
        if found is None:
            if len(data) >= self.longest:
                raise Error("malformed_varint")
            return None
        digits = found[0]
        length = sum((digit & 0x7f) << 7 * place for place, digit in enumerate(digits))
        is_minimal = len(digits) == 1 or digits[-1] != 0
        if len(digits) > self.longest or not is_minimal or length >= 1 << (32 if self.longest == 5 else 64):
            raise Error("malformed_varint")
        size = len(digits) + length
        if length > self.limit:
            return size, self.too_long()
        return (size, data[len(digits):size]) if len(data) >= size else None

    def encode(self, message):
        self.require_within_limit(len(message))
        digits = []
        left = len(message)
        while left or not digits:
            digits.append(left % 128)
            left //= 128
        return bytes([digit | 0x80 for digit in digits[:-1]] + digits[-1:]) + message


class Terminated(Framing):
    """Frames with something at their end: `find` gives the size of the message and that with its end."""

    limit = 64 * KIB
    keeps = False

    def find(self, data):
        raise NotImplementedError

    def possible(self, data):
        """How many bytes of `data`, in which there is no end, are certain to be in the message."""
        raise NotImplementedError

    def next(self, data):
        found = self.find(data)
        if found is None:
            return (None, self.too_long()) if self.possible(data) > self.limit else None
        length, size = found
        return size, self.too_long() if length > self.limit else data[:size if self.keeps else length]

    def encode(self, message):
        if self.keeps:
            found = self.find(message)
            if found is None:
                raise Refused("unencodable")
            if found[1] != len(message):
                raise Refused("embedded_delimiter")
            self.require_within_limit(found[0])
            return message
        self.require_within_limit(len(message))
        wire = message + self.sent
        if self.find(wire) != (len(message), len(wire)):
            raise Refused("embedded_delimiter")
        return wire


class Lines(Terminated):
    too_long_code = "line_too_long"
    ending = rb"\r?\n"
    sent = b"\n"

    def take(self, key, value):
        if key == "keep":
            self.keeps = True
        elif key == "send":
            self.sent = {"lf": b"\n", "crlf": b"\r\n"}[value]
        else:
            self.ending, self.sent = {"either": (rb"\r?\n", b"\n"), "lf": (rb"\n", b"\n"),
                                      "crlf": (rb"\r\n", b"\r\n")}[key]

    def find(self, data):
        found = re.search(self.ending, data)
        return found and found.span()

    def possible(self, data):
        return len(data) - (data[-1:] == b"\r" and self.ending != rb"\n")


class Delimited(Terminated):
    def __init__(self, parameters, limit, skips):
        self.delimiters = []
        super().__init__(parameters, limit, skips)
        self.sent = self.delimiters[0]

    def take(self, key, value):
        if key == "keep":
            self.keeps = True
        else:
            self.delimiters.append(bytes.fromhex(key))

    def find(self, data):
        found = [(data.find(each), place) for place, each in enumerate(self.delimiters) if each in data]
        if not found:
            return None
        at, place = min(found)
        return at, at + len(self.delimiters[place])

    def possible(self, data):
        begun = [size for each in self.delimiters for size in range(1, len(each)) if data.endswith(each[:size])]
        return len(data) - max(begun, default=0)


class Fixed(Framing):
    def take(self, key, value):
        self.size = int(key)

    def next(self, data):
        return (self.size, data[:self.size]) if len(data) >= self.size else None

    def encode(self, message):
        if len(message) != self.size:
            raise Refused("wrong_size")
        return message


class Netstring(Framing):
    broken = False  # the frame that was skipped last has no comma

    def next(self, data):
        digits = re.match(rb"(?:0|[1-9][0-9]*)?", data)[0]
        after = data[len(digits):]
        # Without skipping, the first digit that leads over the limit decides.
        for count in range(1, len(digits) + 1):
            if int(digits[:count]) >= 1 << 64:
                raise Error("malformed_netstring")
            if int(digits[:count]) > self.limit and not self.skips:
                raise self.too_long()
        if not after and not self.broken:
            return None
        if after[:1] != b":" or not digits or self.broken:
            raise Error("malformed_netstring")
        header, length = len(digits) + 1, int(digits)
        size = header + length + 1
        comma = data[size - 1:size]
        if length > self.limit:
            self.broken = comma not in (b"", b",")
            return size - self.broken, self.too_long()
        if comma not in (b"", b","):
            raise Error("malformed_netstring")
        return (size, data[header:size - 1]) if comma else None

    def encode(self, message):
        self.require_within_limit(len(message))
        return b"%d:%s," % (len(message), message)


class JsonTexts(Framing):
    depth = None
    TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)

    def take(self, key, value):
        if key != "depth":
            raise KeyError(f"parameter {key}")
        self.depth = int(value)

    def blanks(self, data):
        return len(data) - len(data.lstrip(b" \t\r\n"))

    def ends_at(self, data):
        """Bytes of the text at the front, and those up to the first bracket that leads too deep; or None."""
        depth, deep_at = 0, None
        for token in self.TOKEN.finditer(data):
            if token[0] in b"[{":
                depth += 1
                if self.depth is not None and depth > self.depth and deep_at is None:
                    deep_at = token.end()
            elif token[0] in b"]}":
                depth -= 1
                if depth == 0:
                    return token.end(), deep_at
        return None, deep_at

    def next(self, data):
        if data[:1] not in (b"{", b"["):
            raise Error("malformed_json")
        size, deep_at = self.ends_at(data)
        if deep_at is not None and deep_at <= self.limit:
            return size, Error("too_deep")
        if (size or len(data) + 1) > self.limit:
            return size, self.too_long()
        return (size, data[:size]) if size else None

    def encode(self, message):
        self.require_within_limit(len(message))
        if message[:1] not in (b"{", b"["):
            raise Refused("unencodable")
        size, deep_at = self.ends_at(message)
        if deep_at is not None:
            raise Refused("too_deep")
        if size != len(message):
            raise Refused("unencodable")
        return message


class ContentLength(Framing):
    largest_header = 8 * KIB
    FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*\r\n")

    def take(self, key, value):
        if key != "header":
            raise KeyError(f"parameter {key}")
        self.largest_header = int(value)

    def next(self, data):
        length, at = None, 0
        while True:
            end = data.find(b"\n", at, self.largest_header) + 1
            if not end:
                if len(data) >= self.largest_header:
                    self.skips = False  # where would the next frame begin?
                    raise Error("line_too_long")
                return None
            line = data[at:end]
            field = self.FIELD.fullmatch(line)
            says = field and field[1].lower() == b"content-length"
            bad = says and not (re.fullmatch(rb"[0-9]+", field[2]) and int(field[2]) < 1 << 64
                                and length in (None, int(field[2])))
            if bad or (not field and (line != b"\r\n" or length is None)):
                raise Error("bad_length")
            length, at = int(field[2]) if says else length, end
            if not field:
                break
        size = at + length
        if length > self.limit:
            return size, self.too_long()
        return (size, data[at:size]) if len(data) >= size else None

    def encode(self, message):
        self.require_within_limit(len(message))
        return b"Content-Length: %d\r\n\r\n" % len(message) + message


FRAMINGS = {"content-length": ContentLength, "length-prefixed": LengthPrefixed, "varint": Varint, "lines": Lines, "delimited": Delimited,
            "fixed": Fixed, "netstring": Netstring, "json-texts": JsonTexts}


def framing(name, limit, skips):
    family, _, parameters = name.partition(":")
    short = re.fullmatch(r"lp(8|16|24|32|64)(le)?", family)
    if short:
        family = "length-prefixed"
        parameters = f"{int(short[1]) // 8}{short[2] or 'be'}" + (parameters and "," + parameters)
    return FRAMINGS[family](parameters.split(",") if parameters else [], limit, skips)


# ---- the files

def bytes_of(text):
    data = b""
    for word in text.split():
        digits, star, times = word.partition("*")
        data += bytes.fromhex(digits) * (int(times) if star else 1)
    return data


def groups(text):
    """name, limit, skips, title, and the lines of a case as (word, rest)."""
    name, limit, skips, title, lines = None, None, False, None, []
    for line in text.splitlines() + ["codec"]:
        if not line or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        if word in ("codec", "case") and title is not None:
            yield name, limit, skips, title, lines
            title = None
        if word == "codec":
            name, limit, skips = rest, None, False
        elif word == "limit":
            limit = int(rest)
        elif word == "oversize":
            assert rest == "skip", rest
            skips = True
        elif word == "case":
            title, lines = rest, []
        else:
            lines.append((word, rest))


def check_case(name, limit, skips, lines):
    said = {}
    for word, rest in lines:
        if word not in ("in", "out", "encode", "wire", "refused"):
            yield f"{word} is not understood"
        said.setdefault(word, []).append(rest)
    if "out" not in said and "encode" not in said:
        yield "says nothing"
    if "out" in said:
        expected = ["message " + bytes_of(out[7:]).hex() if out.startswith("message") else out for out in said["out"]]
        stream = b"".join(bytes_of(each) for each in said.get("in", []))
        found = framing(name, limit, skips).decode(stream)
        if found != expected:
            yield f"{found} comes of it, not {expected}"
    if "encode" in said:
        try:
            found = "wire", framing(name, limit, skips).encode(bytes_of(said["encode"][0]))
        except Refused as refused:
            found = "refused", str(refused)
        expected = ("wire", bytes_of(said["wire"][0])) if "wire" in said else ("refused", said["refused"][0])
        if found != expected:
            yield f"{str(found)[:200]} is written, not {str(expected)[:200]}"


def check(text):
    found = []
    for name, limit, skips, title, lines in groups(text):
        try:
            found += [f"{name}: {title}: {problem}" for problem in check_case(name, limit, skips, lines)]
        except KeyError as error:
            found.append(f"{name}: {title}: not known: {error}")
    return found


def unread(folder, files):
    return [f"{file.name} is read by nobody" for file in files if file.stem not in FILES
            and not list(folder.parent.glob(f"*/{file.stem}_vectors_test.py"))
            and not list(folder.parent.glob(f"{file.stem}/vectors_test.*"))]


SPOILED = [("\nout end\n", "\nout end truncated\n"), ("\ncodec ", "\ncodec un"), ("\nout ", "\nsays "),
           ("\nencode ", "\nencode 20 ")]


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    files = sorted(Path(arguments[0]).glob("*.txt"))
    texts = {file: file.read_text() for file in files if file.stem in FILES}
    problems = unread(Path(__file__).parent, files)
    problems += [f"{name}.txt is missing" for name in FILES - {file.stem for file in files}]
    for file, text in texts.items():
        problems += [f"{file.name}: {problem}" for problem in check(text)]
        for old, new in SPOILED:
            if old not in text or not check(text.replace(old, new, 1)):
                problems.append(f"self-test: {new!r} for {old!r} in {file.name} went unnoticed")
    if not unread(Path(__file__).parent, [Path("no_such_codec.txt")]):
        problems.append("self-test: a file that nobody reads went unnoticed")
    for problem in problems:
        print(problem)
    cases = sum(1 for text in texts.values() for _ in groups(text))
    print(f"{cases} cases in {len(texts)} files, {len(problems)} problems")
    return 1 if problems or not cases else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
