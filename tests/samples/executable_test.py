#!/usr/bin/env python3
"""What begins with #! among the samples can be started by its name.

    executable_test.py ROOT
"""

import os
import sys
import tempfile
from pathlib import Path


def not_executable(folder):
    scripts = [path for path in folder.rglob("*") if path.is_file() and path.read_bytes()[:2] == b"#!"]
    return scripts, [path for path in scripts if path.stat().st_mode & 0o111 != 0o111]


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text("#!/usr/bin/env python3\n")
        for mode, missed in ((0o644, [script]), (0o755, [])):
            os.chmod(script, mode)
            assert not_executable(Path(folder)) == ([script], missed)


def main(root):
    self_test()
    scripts, missing = not_executable(root / "samples")
    assert scripts, "there are no scripts among the samples"
    for path in missing:
        print(f"{path.relative_to(root)} begins with #! and is not executable")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
