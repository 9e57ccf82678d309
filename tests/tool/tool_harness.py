"""What the tests of the program twister share: running it in a pipe, and on a terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "samples"))
from harness import DEADLINE  # noqa: E402

OK, STATUS, USAGE, CONNECTION, DEADLINE_PASSED, OUTPUT, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130


def tool_path():
    path = os.environ.get("TWISTER_TOOL")
    if not path:
        raise SystemExit("TWISTER_TOOL is not set: it has to name the program twister")
    return path


def environment(**more):
    """Without what the machine's user prefers."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "XDG_STATE_HOME", "TERM")}
    return {**kept, "HOME": "/nonexistent", "TERM": "xterm", **more}


def tool(*arguments, given=None, **more):
    """Runs it in a pipe: returncode, stdout, stderr. `given` is its standard input; nothing unless said."""
    stdin = {"input": given} if given is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run([tool_path(), *map(str, arguments)], capture_output=True, timeout=DEADLINE, check=False,
                          text=not isinstance(given, bytes), env=environment(), **stdin, **more)


def address_of(server):
    host, port = server.address
    return f"{host}:{port}"


def edits_lines():
    return "no line editing" not in tool("--version").stdout


# What goes on meanwhile, and what takes it away: on a machine that is busy anything may take long enough for it.
PROGRESS = re.compile(r"(waiting for [^\r\n]*|\d+ received), \d+ s")
ERASED = re.compile(r"\r\x1b\[K")


class Terminal:
    """The program on a terminal of its own. What is said of its progress is passed over, unless asked for."""

    def __init__(self, test, *arguments, keeps_progress=False, **more):
        master, slave = pty.openpty()
        state = tempfile.TemporaryDirectory()
        test.addCleanup(state.cleanup)
        more.setdefault("XDG_STATE_HOME", state.name)
        self.master, self.said, self.keeps_progress = master, "", keeps_progress
        self.process = subprocess.Popen([tool_path(), *map(str, arguments)], stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, env=environment(**more),
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        test.addCleanup(self.close)

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self):
        """What is there, sooner or later; empty at the end."""
        readable, _, _ = select.select([self.master], [], [], DEADLINE)
        if not readable:
            raise AssertionError(f"nothing more on the terminal than {self.said!r}")
        try:
            return os.read(self.master, 65536).decode(errors="replace")
        except OSError:  # the program has ended
            return ""

    def add(self, more):
        self.said += more
        if not self.keeps_progress:
            self.said = re.sub(PROGRESS.pattern + ERASED.pattern, "", self.said)

    def wait_for(self, pattern):
        """What was said up to and with the pattern, which is not looked at again."""
        while not (found := re.search(pattern, self.said)):
            more = self.read()
            if not more:
                raise AssertionError(f"{pattern!r} is not in {self.said!r}")
            self.add(more)
        before, self.said = self.said[:found.end()], self.said[found.end():]
        return before

    def interrupt(self):
        """Ctrl-C, once the program heeds it."""
        self.type("\x03")

    def end(self):
        """(exit status, what was still said)"""
        while more := self.read():
            self.add(more)
        return self.process.wait(DEADLINE), self.said

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.master)
