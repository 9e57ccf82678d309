#!/usr/bin/env python3
"""Looks up in the public headers what docs/reference/names.md says that twister has.

    names_test.py ROOT    prints the names that no header declares; before that, looks for one that there is not,
                          to see that it is missed

Of the page it reads the second column of each table: what is in backquotes, by identifiers.
"""

import re
import sys
from pathlib import Path

PAGE = "docs/reference/names.md"
# Of C++ and of others, and what only stands for something.
FOREIGN = {"std", "dup", "waitpid", "sendfile", "function", "coroutine", "fd", "read_fd", "write_fd", "unix", "args", "P",
           "twister", "opened"}


def names_of(page):
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 5 or cells[1].startswith("-"):
            continue
        for code in re.findall(r"`([^`]+)`", cells[2]):
            code = re.sub(r'"[^"]*"', "", code)
            yield from (name for name in re.findall(r"[A-Za-z_]\w*", code) if name not in FOREIGN)


def main(root):
    headers = "\n".join(path.read_text() for part in ("codecs", "framework", "protocols")
                        for path in (root / part / "include").rglob("*.hpp"))
    known = set(re.findall(r"[A-Za-z_]\w*", re.sub(r"//.*", "", headers)))
    assert "no_such_name" not in known and "on_connect" in known
    assert list(names_of("| a | `no_such_name` | |")) == ["no_such_name"]
    names = list(names_of((root / PAGE).read_text()))
    assert len(names) > 150, "the page has lost its tables"
    missing = sorted({name for name in names if name not in known and not re.fullmatch(r"\d+", name)})
    for name in missing:
        print(f"{PAGE}: there is no {name}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
