"""The load client of the arena, against servers that misbehave; with the arena itself: arena_test.py."""

import contextlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import DEADLINE, frame, number_field, program, text_field


def welcome(number=7, width=10):
    return frame(text_field(1, number_field(1, number) + text_field(2, "den") + number_field(3, width) +
                            number_field(4, 5) + number_field(5, 20)))


def snapshot(tick, *players, dots=()):
    """Players are (id, x, y)."""
    body = number_field(1, tick)
    for number, x, y in players:
        body += text_field(2, number_field(1, number) + number_field(2, x) + number_field(3, y))
    return frame(text_field(4, body + text_field(3, bytes(dots))))


@contextlib.contextmanager
def server_that_says(*messages, stay=True):
    """Accepts connections and says the same to each, a message every 10 ms; then listens."""
    def serve(connection):
        with connection, contextlib.suppress(OSError):
            for message in messages:
                connection.sendall(message)
                time.sleep(0.01)  # nothing relies on it
            while stay and connection.recv(65536):
                pass

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(DEADLINE)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

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

    def test_counts_what_it_sees(self):
        with server_that_says(welcome(), snapshot(1, (7, 0, 0)), snapshot(2, (7, 1, 0)),
                              snapshot(6, (5, 0, 0), (7, 2, 0))) as address:
            status, summary, errors = self.run_bots(address, "--bots", "3", "--seconds", "1")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual([summary[key] for key in ("bots", "joined", "failed", "snapshots", "gaps")], [3, 3, 0, 9, 9])

    def test_a_tick_has_to_rise(self):
        self.fails("the tick did not rise", welcome(), snapshot(3, (7, 0, 0)), snapshot(3, (7, 0, 0)))

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

    def test_an_end_before_its_time_is_a_failure(self):
        self.fails("by the peer", welcome(), stay=False)

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        status, summary, errors = self.run_bots(f"127.0.0.1:{port}", "--bots", "3", "--seconds", "1")
        self.assertEqual((status, summary["connected"], summary["failed"]), (1, 0, 3))
        self.assertIn("Connection refused", errors)

    def test_nobody_answers(self):
        with server_that_says() as address:
            status, summary, _ = self.run_bots(address, "--bots", "3", "--seconds", "1")
        self.assertEqual((status, summary["connected"], summary["joined"], summary["failed"]), (1, 3, 0, 0))

    def test_explains_its_arguments(self):
        for arguments in ([], ["a:1", "b:1"], ["a:1", "--bots"], ["a:1", "--bots", "0"], ["a:1", "--bots", "1x"],
                          ["a:1", "--what"]):
            with self.subTest(arguments=arguments):
                result = subprocess.run([program(), *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                                        text=True, timeout=DEADLINE, check=False)
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertRegex(result.stderr, r"\Ausage: [^\n]+\n\Z")
        result = subprocess.run([program(), "nonsense"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=DEADLINE, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn('"nonsense"', result.stderr)


class ArenaBotViewTest(unittest.TestCase):
    def start(self, address, *arguments):
        """The bots on a terminal, and a function that reads from it until something has come."""
        terminal, theirs = pty.openpty()
        self.addCleanup(os.close, terminal)
        bots = subprocess.Popen([program(), address, "--bots", "1", *arguments], stdin=subprocess.DEVNULL,
                                stdout=theirs, stderr=subprocess.DEVNULL)
        os.close(theirs)
        self.addCleanup(bots.wait)
        self.addCleanup(bots.kill)
        seen = b""

        def until(what):
            nonlocal seen
            while what not in seen:
                readable, _, _ = select.select([terminal], [], [], DEADLINE)
                self.assertTrue(readable, f"{what!r} did not come, but {seen[-2000:]!r}")
                seen += os.read(terminal, 65536)
            return seen

        return bots, until

    def test_draws_the_room_in_place_and_gives_the_terminal_back(self):
        with server_that_says(welcome(), snapshot(4, (7, 3, 1), (28, 9, 4), dots=(0, 49))) as address:
            bots, until = self.start(address)
            until(b"|   @      |\x1b[K")
            seen = until(b"|         c|\x1b[K")
            self.assertIn(b"\x1b[H", seen)
            self.assertIn(b"|.         |", seen)
            self.assertIn(b"1 of 1 bots play, 0 failed", seen)
            bots.send_signal(signal.SIGINT)
            seen = until(b"}\r\n")
            self.assertEqual(bots.wait(DEADLINE), 0)
        last = seen[seen.rindex(b"\x1b[?25h\x1b[?1049l"):].decode().splitlines()[-1]
        self.assertEqual(json.loads(last[last.index("{"):])["joined"], 1)

    def test_what_lies_outside_of_the_field_is_not_drawn(self):
        with server_that_says(welcome(), snapshot(4, (7, 3, 1), (28, 900, 4), (29, 1, 1 << 31), dots=(100,))) as address:
            bots, until = self.start(address)
            until(b"|   @      |\x1b[K")
            bots.send_signal(signal.SIGINT)
            self.assertEqual(bots.wait(DEADLINE), 0)

    def test_plain_is_plain_on_a_terminal_too(self):
        with server_that_says(welcome(), snapshot(4, (7, 3, 1))) as address:
            bots, until = self.start(address, "--plain")
            until(b"1 of 1 bots play")
            bots.send_signal(signal.SIGINT)
            self.assertNotIn(b"\x1b", until(b"}\r\n"))
            self.assertEqual(bots.wait(DEADLINE), 0)


if __name__ == "__main__":
    unittest.main()
