#!/usr/bin/env python3
"""Compares the codes on docs/reference/errors.md with the sources.

    errors_test.py ROOT     prints what differs; before that, spoils the page and the sources in memory to
                            see that differences are found

Every code is on the page, in the order of its enumeration, with the condition that the comment beside it names and
that the program says.
"""

import re
import sys
from pathlib import Path

PAGE = "docs/reference/errors.md"
HEADER = "codecs/include/twister/codecs/error.hpp"
SOURCE = "codecs/src/error.cpp"


def on_page(text):
    return re.findall(r"^\| `(\w+)` \| (\w+) \| \S.*\|$", text, re.MULTILINE)


def in_header(text):
    body = re.search(r"^enum class CodecErrc \{\n(.*?)^\};", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^  (\w+)(?: = 1)?, +// (\w+)  ", body[1], re.MULTILINE) if body else []


def limits_in_source(text):
    body = re.search(r"^Condition condition_of\(CodecErrc.*?^}", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"case CodecErrc::(\w+):", body[0])) if body else set()


def differences(read):
    said, real = on_page(read(PAGE)), in_header(read(HEADER))
    limits = limits_in_source(read(SOURCE))
    found = [f"{name} of {HEADER} is not on the page as {condition}" for name, condition in real
             if (name, condition) not in said]
    found += [f"{name}, {condition}, is not in {HEADER}" for name, condition in said if (name, condition) not in real]
    found += [f"{name} is {condition} in {HEADER} and not in {SOURCE}" for name, condition in real
              if (condition == "limit") != (name in limits)]
    if not found and said != real:
        found.append("the page has another order")
    enumeration = read(HEADER).partition("enum class CodecErrc {")[2].partition("};")[0]
    if len(real) != len(re.findall(r"^  \w+(?: = 1)?,", enumeration, re.MULTILINE)):
        found.append(f"{HEADER} has a code without a condition beside it")
    return found


SPOILED = [  # file, what to replace, by what, and what has to be said about it
    (PAGE, "| `too_deep` | limit |", "| `too_deep` | malformed |", "too_deep of"),
    (PAGE, "| `bad_checksum` |", "| `checksum` |", "checksum, malformed, is not in"),
    (HEADER, "  wrong_size, ", "  a_new_one,  // limit  new\n  wrong_size, ", "a_new_one of"),
    (HEADER, "  wrong_size, ", "  a_new_one,\n  wrong_size, ", "without a condition"),
    (SOURCE, "case CodecErrc::too_deep:\n    case", "case", "too_deep is limit in"),
]


def main(root):
    def read(path):
        return (root / path).read_text(encoding="utf-8")

    problems = differences(read)
    for file, old, new, expected in SPOILED:
        if old not in read(file):
            problems.append(f"self-test: there is no {old!r} in {file} to spoil")
            continue

        def spoiled(path, file=file, old=old, new=new):
            return read(path).replace(old, new) if path == file else read(path)

        if not any(expected in line for line in differences(spoiled)):
            problems.append(f"self-test: {new!r} in {file} went unnoticed")
    for problem in problems:
        print(problem)
    print(f"{len(on_page(read(PAGE)))} codes, {len(SPOILED)} spoiled, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
