"""The load client of the arena, against servers that misbehave; with the arena itself: arena_test.py."""

import contextlib
import fcntl
import itertools
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

from harness import DEADLINE, eventually, frame, number_field, program, text_field, varint


def welcome(number=7, width=10, ticks_per_second=20):
    return frame(text_field(1, number_field(1, number) + text_field(2, "den") + number_field(3, width) +
                            number_field(4, 5) + number_field(5, ticks_per_second)))


def snapshot(tick, *players, dots=()):
    """Players are (id, x, y)."""
    body = number_field(1, tick)
    for number, x, y in players:
        body += text_field(2, number_field(1, number) + number_field(2, x) + number_field(3, y))
    return frame(text_field(4, body + text_field(3, b"".join(map(varint, dots)))))


# The terminal's second screen, and back.
ENTERED = b"\x1b[?1049h\x1b[?25l"
LEFT = b"\x1b[?25h\x1b[?1049l"


@contextlib.contextmanager
def server_that_says(*messages, stay=True, to=None, reset=False):
    """Accepts connections and says the same to each, or to the first few, a message every 10 ms; then listens."""
    def serve(connection, number):
        with connection, contextlib.suppress(OSError):
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            for message in messages if to is None or number < to else ():
                connection.sendall(message)
                time.sleep(0.01)  # nothing relies on it
            while stay and connection.recv(65536):
                pass

    def accept():
        with contextlib.suppress(OSError):
            for number in itertools.count():
                connection, _ = listener.accept()
                connection.settimeout(DEADLINE)
                threading.Thread(target=serve, args=(connection, number), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield "127.0.0.1:%d" % listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE)


class ArenaBotTest(unittest.TestCase):
    def run_bots(self, address, *arguments):
        """(exit status, summary, standard error)"""
        result = subprocess.run([program(), address, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, timeout=DEADLINE, check=False)
        return result.returncode, json.loads(result.stdout.splitlines()[-1]), result.stderr

    def fails(self, why, *messages, **options):
        with server_that_says(*messages, **options) as address:
            status, summary, errors = self.run_bots(address, "--bots", "2", "--seconds", "1")
        self.assertEqual((status, summary["failed"]), (1, 2), errors)
        self.assertIn(why, errors)
        return summary

    def test_counts_what_it_sees(self):
        with server_that_says(welcome(), snapshot(1, (7, 0, 0)), snapshot(2, (7, 1, 0)),
                              snapshot(6, (5, 0, 0), (7, 2, 0))) as address:
            status, summary, errors = self.run_bots(address, "--bots", "3", "--seconds", "1")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual([summary[key] for key in ("bots", "joined", "failed", "snapshots", "gaps")], [3, 3, 0, 9, 9])

    def test_a_tick_has_to_rise(self):
        self.fails("the tick did not rise", welcome(), snapshot(3, (7, 0, 0)), snapshot(3, (7, 0, 0)))
        self.fails("the tick did not rise", welcome(), snapshot(0, (7, 0, 0)))

    def test_a_tick_that_rises_out_of_all_proportion_is_a_failure_and_no_gap(self):
        for tick in (1_000_002, 1 << 33, 1 << 63, (1 << 64) - 1):
            summary = self.fails(f"the tick rose by {tick - 1}", welcome(), snapshot(1, (7, 0, 0)), snapshot(tick, (7, 0, 0)))
            self.assertEqual(summary["gaps"], 0)

    def test_a_player_has_to_be_there(self):
        self.fails("not in the snapshot", welcome(), snapshot(3, (6, 0, 0)))

    def test_the_welcome_has_to_come_first_and_make_sense(self):
        self.fails("before the welcome", snapshot(3, (7, 0, 0)))
        self.fails("a welcome that makes no sense", welcome(number=0))
        self.fails("a welcome that makes no sense", welcome(width=0))
        self.fails("a welcome that makes no sense", welcome(width=1 << 31))
        self.fails("a welcome that makes no sense", welcome(), welcome())

    def test_a_refusal_is_a_failure_and_its_text_does_not_reach_the_terminal_raw(self):
        self.fails(r"refused: \x1b[2J", frame(text_field(5, "\x1b[2J")))

    def test_what_is_no_message_is_a_failure(self):
        self.fails("bot_failed", b"\x00\x00\x00\x02\x0a\x7f")
        self.fails("bot_failed", b"HTTP/1.1 400 Bad Request\r\n\r\n")

    def test_who_and_what_is_shown_has_to_be_on_the_field(self):
        for shown in (snapshot(1, (7, 0, 0), (28, 10, 4)), snapshot(1, (7, 0, 1 << 31)), snapshot(1, (7, (1 << 32) - 1, 0)),
                      snapshot(1, (7, 0, 0), dots=(50,)), snapshot(1, (7, 0, 0), dots=(49, (1 << 32) - 1))):
            self.fails("outside of the field", welcome(), shown)

    def test_who_is_never_let_in_has_failed(self):
        with server_that_says(welcome(), snapshot(1, (7, 0, 0)), to=1) as address:
            status, summary, errors = self.run_bots(address, "--bots", "5", "--seconds", "1")
        self.assertEqual((status, summary["joined"], summary["failed"]), (1, 1, 4), errors)
        self.assertIn("was not welcomed", errors)

    def test_who_sees_no_snapshot_has_failed(self):
        self.assertEqual(self.fails("saw no snapshot", welcome())["joined"], 2)

    def test_a_game_that_has_stopped_is_a_failure(self):
        self.fails("the snapshots have stopped", welcome(ticks_per_second=1000), snapshot(1, (7, 0, 0)))

    def test_an_end_before_its_time_is_a_failure(self):
        self.fails("by the peer", welcome(), stay=False)

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        for address, why in ((f"127.0.0.1:{port}", "Connection refused"), ("unix:/nonexistent", "No such file")):
            status, summary, errors = self.run_bots(address, "--bots", "3", "--seconds", "3600")  # ends at once
            self.assertEqual((status, summary["connected"], summary["failed"]), (1, 0, 3))
            self.assertIn(why, errors)

    def test_ends_when_nobody_is_let_in_any_more(self):
        with server_that_says(reset=True) as address:
            status, summary, _ = self.run_bots(address, "--bots", "3", "--seconds", "3600")
        self.assertEqual((status, summary["failed"]), (1, 3))

    def test_nobody_answers(self):
        with server_that_says() as address:
            status, summary, _ = self.run_bots(address, "--bots", "3", "--seconds", "1")
        self.assertEqual((status, summary["connected"], summary["joined"], summary["failed"]), (1, 3, 0, 3))

    def test_text_that_is_not_utf_8_is_a_failure_that_protobuf_itself_does_not_tell(self):
        with server_that_says(frame(text_field(5, b"\xff\xfe"))) as address:
            status, _, errors = self.run_bots(address, "--bots", "5", "--seconds", "3600")
        self.assertEqual(status, 1)
        self.assertNotIn("libprotobuf", errors)


class ArenaBotArgumentsTest(unittest.TestCase):
    def run_with(self, *arguments, **options):
        return subprocess.run([program(), *arguments], stdin=subprocess.DEVNULL, text=True, timeout=DEADLINE, check=False,
                              **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})

    def test_says_what_is_wrong_with_its_arguments(self):
        number = "is not a number from 1 to 1000000"
        for arguments, wrong in (([], "HOST:PORT is missing"), (["a:1", "b:1"], 'unexpected argument "b:1"'),
                                 (["a:1", "--", "--b"], 'unexpected argument "--b"'),
                                 (["a:1", "--bots"], "missing value after --bots"),
                                 (["a:1", "--bots", "0"], f'--bots: "0" {number}'),
                                 (["--seconds=1x", "a:1"], f'--seconds: "1x" {number}'),
                                 (["a:1", "--seed", "-1"], f'--seed: "-1" {number}'),
                                 (["a:1", "--bots", "3", "--what", "x"], "unknown option --what"),
                                 (["a:1", "-x"], "unknown option -x"), (["a:1", "--plain=1"], "unknown option --plain=1")):
            with self.subTest(arguments=arguments):
                result = self.run_with(*arguments)
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertEqual(result.stderr, f"{program()}: {wrong}; --help lists the options\n")
        result = self.run_with("nonsense")
        self.assertEqual(result.returncode, 1)
        self.assertIn('"nonsense"', result.stderr)

    def test_lists_its_options(self):
        for option in ("--help", "-h"):
            result = self.run_with(option)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertTrue(result.stdout.startswith(f"usage: {program()} HOST:PORT [--bots N] "), result.stdout)

    def test_output_that_nobody_takes_ends_it_with_a_word(self):
        with server_that_says(welcome(), snapshot(1, (7, 0, 0))) as address:
            arguments = (address, "--bots", "2", "--seconds", "3600")
            with open("/dev/full", "wb") as full:
                result = self.run_with(*arguments, stdout=full)
            self.assertEqual((result.returncode, result.stderr),
                             (1, f"{program()}: standard output: No space left on device\n"))
            receiver, sender = os.pipe()
            os.close(receiver)
            with open(sender, "wb") as nobody:
                result = self.run_with(*arguments, stdout=nobody)
            self.assertEqual((result.returncode, result.stderr), (1, f"{program()}: standard output: Broken pipe\n"))

    def test_no_connection_takes_the_place_of_a_closed_standard_descriptor(self):
        with server_that_says(welcome(), snapshot(1, (7, 0, 0))) as address:
            for closed in ((1,), (0, 1), (0, 1, 2)):
                script = "import os, sys\nfor fd in %r: os.close(fd)\nos.execv(sys.argv[1], sys.argv[1:])" % (closed,)
                result = subprocess.run([sys.executable, "-c", script, program(), address, "--bots", "2"],
                                        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE, check=False)
                said = "" if 2 in closed else f"{program()}: standard output: Bad file descriptor\n"
                self.assertEqual((result.returncode, result.stdout, result.stderr), (1, "", said))


class ArenaBotViewTest(unittest.TestCase):
    def start(self, address, *arguments, columns=80, rows=24, kind="xterm"):
        """The bots on a terminal, and a function that reads from it until something has come, counted anew."""
        self.terminal, theirs = pty.openpty()
        self.addCleanup(os.close, self.terminal)
        self.resize(columns, rows)
        self.errors = tempfile.TemporaryFile()
        self.addCleanup(self.errors.close)
        bots = subprocess.Popen([program(), address, "--bots", "1", "--seconds", "3600", *arguments],
                                stdin=subprocess.DEVNULL, stdout=theirs, stderr=self.errors,
                                env={**os.environ, "TERM": kind})
        os.close(theirs)
        self.addCleanup(bots.wait)
        self.addCleanup(bots.kill)
        seen = b""

        def until(what, anew=False):
            nonlocal seen
            if anew:
                seen = b""
            while what not in seen:
                readable, _, _ = select.select([self.terminal], [], [], DEADLINE)
                self.assertTrue(readable, f"{what!r} did not come, but {seen[-2000:]!r}")
                seen += os.read(self.terminal, 65536)
            return seen

        return bots, until

    def resize(self, columns, rows):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @contextlib.contextmanager
    def game(self):
        with server_that_says(welcome(), snapshot(4, (7, 3, 1), (28, 9, 4), dots=(0, 49))) as address:
            yield address

    def test_draws_the_room_in_place_and_gives_the_terminal_back(self):
        with self.game() as address:
            bots, until = self.start(address)
            until(b"|   @      |\x1b[K")
            seen = until(b"|         c|\x1b[K")
            self.assertIn(b"\x1b[H", seen)
            self.assertIn(b"|.         |", seen)
            self.assertIn(b"1 of 1 bots play, 0 failed", seen)
            bots.send_signal(signal.SIGINT)
            seen = until(b"}\r\n")
            self.assertEqual(bots.wait(DEADLINE), 0)
        last = seen[seen.rindex(LEFT):].decode().splitlines()[-1]
        self.assertEqual(json.loads(last[last.index("{"):])["joined"], 1)

    def test_plain_is_plain_on_a_terminal_too(self):
        with self.game() as address:
            for arguments, kind in ((["--plain"], "xterm"), ([], "dumb"), ([], "")):
                bots, until = self.start(address, *arguments, kind=kind)
                until(b"1 of 1 bots play")
                bots.send_signal(signal.SIGINT)
                self.assertNotIn(b"\x1b", until(b"}\r\n"))
                self.assertEqual(bots.wait(DEADLINE), 0)

    def test_a_terminal_that_is_too_small_gets_lines(self):
        with self.game() as address:
            for columns, rows in ((0, 0), (10, 3), (39, 24), (80, 7)):
                bots, until = self.start(address, columns=columns, rows=rows)
                until(b"1 of 1 bots play, 0 failed; ")
                bots.send_signal(signal.SIGINT)
                self.assertNotIn(b"\x1b", until(b"}\r\n"))
                self.assertEqual(bots.wait(DEADLINE), 0)

    def test_follows_the_size_of_the_terminal(self):
        with self.game() as address:
            bots, until = self.start(address)
            until(b"|   @      |")
            self.resize(10, 3)
            until(LEFT, anew=True)
            until(b"1 of 1 bots play, 0 failed; ")
            self.resize(40, 13)
            until(ENTERED, anew=True)
            seen = until(b"jitter (ms)")
            frame_seen = re.sub(rb"\x1b\[[?0-9]*[a-zA-Z]", b"", seen[seen.rindex(ENTERED):])
            self.assertLessEqual(max(map(len, frame_seen.split(b"\r\n"))), 40)
            bots.send_signal(signal.SIGINT)
            until(b"}\r\n")
            self.assertEqual(bots.wait(DEADLINE), 0)

    def test_a_picture_may_fill_the_terminal(self):
        with self.game() as address:
            bots, until = self.start(address, columns=40, rows=13)  # a title, 7 of the room, 4 of figures, a line of the log
            until(b"|   @      |")
            until(b"\x1b[J", anew=True)
            seen = until(b"1 of 1 bots play") + until(b"\x1b[J", anew=True)
            shown = seen[seen.rindex(b"\x1b[H"):]
            self.assertEqual(shown.count(b"\r\n"), 12)
            bots.send_signal(signal.SIGINT)
            until(b"}\r\n")
            self.assertEqual(bots.wait(DEADLINE), 0)

    def test_every_signal_that_ends_it_gives_the_terminal_back(self):
        with self.game() as address:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
                bots, until = self.start(address)
                until(b"|   @      |")
                bots.send_signal(number)
                until(b"}\r\n", anew=True)
                self.assertIn(LEFT, until(b"}\r\n"))
                self.assertEqual(bots.wait(DEADLINE), 0)

    def test_a_stopped_one_gives_the_terminal_back_until_it_goes_on(self):
        with self.game() as address:
            bots, until = self.start(address)
            until(b"|   @      |")
            bots.send_signal(signal.SIGTSTP)
            until(LEFT, anew=True)
            eventually(lambda: os.waitid(os.P_PID, bots.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT), "that it has stopped")
            bots.send_signal(signal.SIGCONT)
            until(ENTERED, anew=True)
            bots.send_signal(signal.SIGINT)
            until(b"}\r\n")
            self.assertEqual(bots.wait(DEADLINE), 0)

    def test_a_terminal_that_goes_away_is_the_end(self):
        with self.game() as address:
            bots, until = self.start(address)
            until(b"|   @      |")
            terminal, self.terminal = self.terminal, os.open("/dev/null", os.O_RDONLY)
            os.dup2(self.terminal, terminal)  # the last descriptor of its other side
            os.close(self.terminal)
            self.assertEqual(bots.wait(DEADLINE), 1)
            self.errors.seek(0)
            self.assertIn(b"standard output: Input/output error", self.errors.read())


if __name__ == "__main__":
    unittest.main()
