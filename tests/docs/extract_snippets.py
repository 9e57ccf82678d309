#!/usr/bin/env python3
"""Turns the C++ blocks of Markdown pages into source files that can be compiled.

    extract_snippets.py ROOT OUT PAGE...   writes OUT/*.cpp, prints their names, removes stale ones
    extract_snippets.py --self-test CXX    compiles good and bad blocks with CXX and expects its verdicts

A block that holds "int main" is a whole program and is compiled as it stands. Any other block is a
fragment: all public headers are there for it, and it is taken for declarations at file scope unless an
HTML comment right above the block (readers do not see it) says otherwise:

    <!-- snippet: body(twister::IOLoop& loop) -->      statements of a function that has these parameters
    <!-- snippet: coroutine(twister::IOStream& s) -->  the same for a coroutine
    <!-- snippet: members(twister::Protocol) -->       members of a class with that base
    <!-- snippet: continues -->                        belongs behind the previous block of the page
    <!-- snippet: continues(words.hpp) -->             the same; that is a file words.hpp, which this one includes

Parentheses with nothing in them may be left out. Further lines of the comment are code that the reader
need not see, at file scope, ahead of the block:

    <!-- snippet: body
    struct Player { int id; };
    -->

What is not meant to compile is not C++: mark it ```text.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

LANGUAGES = {"cpp", "c++", "cc", "cxx", "hpp"}
FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})[ \t]*([^\s`{]*)(.*)$")
# In the blank lines between a comment and its block nothing else may stand.
COMMENT = re.compile(r"<!--\s*snippet:\s*(?P<kind>\w+)[ \t]*(?:\((?P<arguments>[^\n]*)\))?[ \t]*"
                     r"(?:\n(?P<hidden>.*?))?\s*-->\s*\Z", re.DOTALL)
# g++ 12 lays a coroutine out wrongly that begins with such a condition: docs/explanation/gcc-12-coroutines.md.
AWAITING_CONDITION = re.compile(r"\b(?:if|while)\s*\(\s*!?\s*co_await\b")
COMMENT_START = re.compile(r"<!--\s*snippet:")
WRAPPERS = {
    "declarations": ("", ""),
    "body": ("void snippet({arguments}) {{", "}}"),
    "coroutine": ("asio::awaitable<void> snippet({arguments}) {{", "}}"),
    "members": ("class Snippet : public {arguments} {{ public:", "}};"),
    "continues": ("", ""),
}


class Block:
    def __init__(self, page, line, language, code, kind=None, arguments="", hidden="", hidden_line=0):
        self.page, self.line, self.language, self.code = page, line, language, code
        self.kind, self.arguments = kind, arguments
        self.hidden, self.hidden_line = hidden, hidden_line
        self.error = None


def blocks_of(page, text):
    """The C++ blocks of a page in order. What is wrong with a block is its error, not an exception."""
    lines = text.splitlines()
    blocks = []
    pending = ""          # the text since the last block, where a comment may be
    pending_line = 1
    index = 0
    while index < len(lines):
        opening = FENCE.match(lines[index])
        if not opening:
            pending += lines[index] + "\n"
            index += 1
            continue
        indent, fence, language = len(opening[1]), opening[2], opening[3].lower()
        closing = re.compile(r"^[ \t]*" + re.escape(fence[0]) + "{" + str(len(fence)) + r",}[ \t]*$")
        first = index + 1
        index = first
        while index < len(lines) and not closing.match(lines[index]):
            index += 1
        if language in LANGUAGES:
            code = [line[min(indent, len(line) - len(line.lstrip())):] for line in lines[first:index]]
            block = Block(page, first + 1, language, "\n".join(code) + "\n")
            read_comment(block, pending, pending_line)
            if index == len(lines):
                block.error = "this block has no end"
            elif AWAITING_CONDITION.search(block.code):
                block.error = "g++ 12 cannot be trusted with a condition that awaits: name the result"
            blocks.append(block)
        index += 1
        pending, pending_line = "", index + 1
    return blocks


def read_comment(block, text, first_line):
    starts = list(COMMENT_START.finditer(text))
    if not starts:
        return
    comment = COMMENT.match(text, starts[-1].start())
    if not comment:
        block.error = "the snippet comment above is not understood, or does not stand right above the block"
        return
    block.kind, block.arguments = comment["kind"], comment["arguments"] or ""
    block.hidden = (comment["hidden"] or "") + "\n" if comment["hidden"] else ""
    if block.hidden:
        block.hidden_line = first_line + text.count("\n", 0, comment.start("hidden"))
    if block.kind not in WRAPPERS:
        block.error = f"no kind of snippet: {block.kind}; there are {', '.join(WRAPPERS)}"


def programs_of(blocks):
    """Groups of blocks that are compiled together."""
    groups = []
    for block in blocks:
        if block.kind == "continues" and groups:
            groups[-1].append(block)
        else:
            if block.kind == "continues":
                block.error = "there is no block to continue"
            groups.append([block])
    return groups


def directive(line, page):
    return f'#line {line} "{page}"\n'


def source_of(group):
    """(is a whole program, text). Messages of the compiler name the page and its line."""
    whole = any(re.search(r"\bint\s+main\b", block.code) for block in group)
    text = ""
    for block in group:
        if block.error:
            text += directive(block.line, block.page) + f"#error {block.error}\n"
            continue
        arguments = block.arguments
        if block.kind == "members" and not arguments:
            arguments = "twister::Protocol"
        before, after = WRAPPERS[block.kind or "declarations"]
        code = block.code.replace("#pragma once\n", "\n", 1)  # of a header, which is a main file here
        if block.kind == "continues" and arguments:
            # What stands above is that file; not to include it is an error that only readers would meet.
            include = f'#include "{arguments}"'
            if include not in code:
                text += directive(block.line, block.page) + f"#error {include} is missing\n"
            code = code.replace(include, "")
        if before:
            # A header cannot be included inside a function.
            for number, line in enumerate(code.splitlines()):
                if line.lstrip().startswith("#include"):
                    text += directive(block.line + number, block.page) + line + "\n"
            code = re.sub(r"^[ \t]*#include[^\n]*", "", code, flags=re.MULTILINE)
        if block.hidden:
            text += directive(block.hidden_line, block.page) + block.hidden
        text += before.format(arguments=arguments) + ("\n" if before else "")
        text += directive(block.line, block.page) + code
        text += after.format() + ("\n" if after else "")
    return whole, text


def extract(root, out, pages):
    """Writes what changed only, so that only what changed is compiled again."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for page in pages:
        relative = Path(page).resolve().relative_to(root.resolve()).as_posix()
        blocks = blocks_of(relative, Path(page).read_text(encoding="utf-8"))
        for number, group in enumerate(programs_of(blocks), start=1):
            whole, text = source_of(group)
            stem = re.sub(r"[^A-Za-z0-9]+", "_", relative.removesuffix(".md"))
            file = out / f"{stem}_{number}.{'program' if whole else 'fragment'}.cpp"
            if not file.exists() or file.read_text(encoding="utf-8") != text:
                file.write_text(text, encoding="utf-8")
            written.append(file)
    for stale in set(out.glob("*.cpp")) - set(written):
        stale.unlink()
    return written


# ---- the self-test: a check that cannot fail checks nothing ----------------------------------------------

CASES = [  # name, page, does it compile, where the compiler has to point (page:line)
    ("a program", "Text.\n\n```cpp\nint main() { return 0; }\n```\n", True, None),
    ("a bad program", "Text.\n\n```cpp\nint main() {\n  return nothing;\n}\n```\n", False, "page.md:5"),
    ("declarations", "```cpp\nstruct A {};\nA make();\n```\n", True, None),
    ("bad declarations", "```c++\nstruct A {};\nB make();\n```\n", False, "page.md:3"),
    ("a body", "<!-- snippet: body(int n) -->\n```cpp\n#include <string>\nstd::string s(n, 'x');\n```\n", True, None),
    ("a bad body", "<!-- snippet: body -->\n\n```cpp\nint i = 1;\nj = i;\n```\n", False, "page.md:5"),
    ("a body without its comment", "```cpp\nfor (;;) {}\n```\n", False, "page.md:2"),
    ("hidden code", "<!-- snippet: members(Base)\nstruct Base { virtual void f(); };\n-->\n"
     "```cpp\nvoid f() override;\n```\n", True, None),
    ("bad hidden code", "<!-- snippet: members(Base)\nstruct Base { virtual void g(); };\n-->\n"
     "```cpp\nvoid f() override;\n```\n", False, "page.md:5"),
    ("a continuation", "```cpp\nstruct A {};\n```\nmore\n<!-- snippet: continues -->\n```cpp\nA a;\n```\n", True, None),
    ("a missing continuation", "```cpp\nstruct A {};\n```\nmore\n```cpp\nA a;\n```\n", False, "page.md:6"),
    ("a continuation of a file", "```cpp\nstruct A {};\n```\n<!-- snippet: continues(a.hpp) -->\n"
     "```cpp\n#include \"a.hpp\"\nA a;\n```\n", True, None),
    ("a continuation that does not include it", "```cpp\nstruct A {};\n```\n<!-- snippet: continues(a.hpp) -->\n"
     "```cpp\nA a;\n```\n", False, "page.md:6"),
    ("a condition that awaits", "```cpp\nwhile (co_await f()) {}\n```\n", False, "page.md:2"),
    ("nothing to continue", "<!-- snippet: continues -->\n```cpp\nint i;\n```\n", False, "page.md:3"),
    ("an unknown kind", "<!-- snippet: ignore -->\n```cpp\nint i;\n```\n", False, "page.md:3"),
    ("a comment too far away", "<!-- snippet: body -->\ntext\n```cpp\nint i;\n```\n", False, "page.md:4"),
    ("no end", "```cpp\nint i;\n", False, "page.md:2"),
    ("an indented block", "1. Step\n\n   ```cpp\n   int i;\n   ```\n", True, None),
]


def self_test(compiler):
    failures = []
    for name, page, compiles, where in CASES:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "page.md").write_text(page, encoding="utf-8")
            results = [subprocess.run([compiler, "-std=c++20", "-fsyntax-only", str(file)],
                                      capture_output=True, text=True, check=False)
                       for file in extract(root, root / "out", [root / "page.md"])]
            compiled = all(result.returncode == 0 for result in results)
            said = "".join(result.stderr for result in results)
            if not results:
                failures.append(f"{name}: no block was found")
            elif compiled != compiles:
                failures.append(f"{name}: compiles: {compiled}, expected {compiles}\n{said}")
            elif where and where not in said:
                failures.append(f"{name}: expected a message about {where}, got\n{said}")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.md"
        page.write_text("```text\nnot code\n```\n```sh\nls\n```\n", encoding="utf-8")
        if extract(Path(folder), Path(folder) / "out", [page]):
            failures.append("a block that is not C++ was taken for C++")
    for failure in failures:
        print(failure)
    print(f"self-test: {len(CASES) + 1} cases, {len(failures)} failed")
    return 1 if failures else 0


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--self-test":
        return self_test(arguments[1])
    if len(arguments) < 2 or arguments[0].startswith("-"):
        print(__doc__)
        return 2
    for file in extract(Path(arguments[0]), Path(arguments[1]), arguments[2:]):
        print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
