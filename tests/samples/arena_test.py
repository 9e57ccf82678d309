"""The arena as a whole: bots that play, peers that do not play by the rules, and the end.

Its rules and sessions have tests of their own, in C++; here it is the program over real sockets."""

import http.client
import json
import os
import random
import re
import signal
import subprocess
import unittest

from harness import DEADLINE, ProgramTest, eventually, frame, number_field, parts, program, receive_frame, text_field

WELCOME, JOINED, LEFT, SNAPSHOT, REFUSED = range(1, 6)
EAST = 2
BOT = os.path.join(os.path.dirname(program()), "arena_bot")


def join(name, room=""):
    return frame(text_field(1, text_field(1, name) + (text_field(2, room) if room else b"")))


def steer(direction):
    return frame(number_field(2, direction))


def message(client):
    """(kind, value) of the next one."""
    (kind, value), = parts(receive_frame(client))
    return kind, value


def next_of(client, wanted):
    while True:
        kind, value = message(client)
        if kind == wanted:
            return value


def tick(client):
    """The tick of the next snapshot."""
    return dict(parts(next_of(client, SNAPSHOT)))[1]


def players(client):
    """id -> (x, y, score) in the next snapshot."""
    found = {}
    for number, value in parts(next_of(client, SNAPSHOT)):
        if number == 2:
            player = dict(parts(value))
            found[player[1]] = tuple(player.get(field, 0) for field in (2, 3, 4))
    return found


class ArenaCase(ProgramTest):
    """What the tests below share; it has none of its own."""

    def enter(self, server, name, room="", receive_buffer=None):
        client = self.connect(server, receive_buffer)
        client.send(join(name, room))
        client.id = dict(parts(next_of(client, WELCOME)))[1]
        return client

    def bots(self, server, *arguments):
        bots = subprocess.Popen([BOT, "%s:%d" % server.address, *arguments], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def end():
            bots.kill()
            bots.communicate()

        self.addCleanup(end)
        return bots

    def all_play(self, bots, count):
        """Waits for the line that says so: there is one a second."""
        eventually(lambda: f"{count} of {count} bots play" in bots.stdout.readline(), "that all bots play")

    def summary(self, bots):
        """What the bots say at their end, with status 0."""
        output, errors = bots.communicate(timeout=DEADLINE)
        self.assertEqual(bots.returncode, 0, output + errors)
        self.assertNotIn("bot_failed", errors)
        return json.loads(output.splitlines()[-1]), output.splitlines()[:-1]

    def observe(self):
        """A server with an admin listener."""
        server = self.serve("--admin", "127.0.0.1:0")
        match = re.fullmatch(r"admin on (127\.0\.0\.1):(\d+)\n", server.process.stdout.readline().decode())
        server.admin = (match[1], int(match[2]))
        return server

    def metric(self, server, name):
        connection = http.client.HTTPConnection(*server.admin, timeout=DEADLINE)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1])


class ArenaTest(ArenaCase):
    def test_twenty_bots_play_for_two_seconds(self):
        bots = self.bots(self.serve(), "--bots", "20", "--seconds", "2", "--plain")
        summary, lines = self.summary(bots)
        self.assertEqual([summary[key] for key in ("bots", "connected", "joined", "failed", "gaps")],
                         [20, 20, 20, 0, 0])
        self.assertGreaterEqual(summary["snapshots"], 20)
        self.assertGreater(summary["inputs"], 0)
        self.assertAlmostEqual(summary["bytes"] / summary["bytes_per_second"], summary["seconds"], delta=0.1)
        jitter = summary["jitter_ms"]
        self.assertLessEqual(jitter["p50"], jitter["p99"])
        self.assertLessEqual(jitter["p99"], jitter["max"])
        self.assertRegex(lines[0], r"\A\d+ of 20 bots play, 0 failed; \d+ snapshots a second, ")

    def test_bots_that_are_interrupted_tell_what_they_have_seen(self):
        bots = self.bots(self.serve(), "--bots", "5")
        self.all_play(bots, 5)
        bots.send_signal(signal.SIGINT)
        summary, _ = self.summary(bots)
        self.assertEqual((summary["joined"], summary["failed"]), (5, 0))

    def test_players_of_a_room_see_one_another(self):
        server = self.serve()
        ann, bob, eve = self.enter(server, "ann"), self.enter(server, "bob"), self.enter(server, "eve", "attic")
        self.assertEqual(dict(parts(next_of(ann, JOINED))), {1: bob.id, 2: b"bob"})
        self.assertEqual(set(players(bob)), {ann.id, bob.id})
        self.assertEqual(set(players(eve)), {eve.id})
        bob.reset()
        self.assertEqual(next_of(ann, LEFT), bob.id)

    def test_a_player_walks_to_the_edge(self):
        ann = self.enter(self.serve(), "ann")
        ann.send(steer(EAST))
        self.assertTrue(eventually(lambda: players(ann)[ann.id][0] == 63, "arriving at the edge"))

    def test_ticks_are_exposed(self):
        server = self.observe()
        eventually(lambda: self.metric(server, "arena_ticks_total") > 2, "ticks")
        self.assertGreater(self.metric(server, "arena_tick_lateness_seconds_count"), 2)
        ann = self.enter(server, "ann")
        tick(ann)
        self.assertEqual(self.metric(server, "arena_players"), 1)


class ArenaHostileTest(ArenaCase):
    def test_hostile_bytes_end_no_game_but_their_own(self):
        server = self.serve()
        ann = self.enter(server, "ann", "den")
        noise = random.Random(1)
        before = tick(ann)
        for bytes_ in (b"\xff\xff\xff\xff", frame(b"\xff" * 10), frame(b"\x0a\x7f"), b"GET / HTTP/1.1\r\n\r\n",
                       frame(text_field(1, text_field(1, b"\xff\xfe"))), join("eve", "den") + b"\x00\x10\x00\x00",
                       frame(number_field(2, 1 << 70)), noise.randbytes(100_000)):
            bad = self.connect(server)
            try:
                bad.send(bytes_)
                while bad.socket.recv(65536):  # to the end: FIN, or a reset
                    pass
            except ConnectionError:
                pass
            bad.close()
            after = tick(ann)
            self.assertGreater(after, before)
            before = after
        eventually(lambda: set(players(ann)) == {ann.id}, "that the others are gone")
        self.assertNotIn("libprotobuf", server.errors())
        self.assertRegex(server.errors(), r"level=warning event=protobuf what=\"[^\n]*UTF-8")

    def test_a_flood_of_input_is_slowed_down_and_hurts_nobody(self):
        server = self.serve()
        ann, eve = self.enter(server, "ann"), self.enter(server, "eve")
        eve.socket.setblocking(False)
        taken = 0
        try:
            while taken < 64 << 20:
                taken += eve.socket.send(steer(EAST) * 10_000)
        except BlockingIOError:
            pass  # not read any more
        before = tick(ann)
        for _ in range(5):
            self.assertEqual(tick(ann), before + 1)
            before += 1

    def test_who_never_reads_is_cut_and_the_others_go_on(self):
        server = self.observe()
        bots = self.bots(server, "--bots", "40", "--seconds", "60")
        eventually(lambda: self.metric(server, "arena_players") == 40, "the bots")
        stuck = self.enter(server, "stuck", receive_buffer=4096)
        ann = self.enter(server, "ann")
        eventually(lambda: self.metric(server, "arena_slow_players_total") == 1, "that the slow player is cut")
        self.assertEqual(next_of(ann, LEFT), stuck.id)
        bots.send_signal(signal.SIGINT)
        summary, _ = self.summary(bots)
        self.assertEqual((summary["joined"], summary["failed"], summary["gaps"]), (40, 0, 0))


class ArenaEndTest(ArenaCase):
    def test_sigterm_says_goodbye_and_sums_up(self):
        server = self.serve()
        ann = self.enter(server, "ann")
        tick(ann)
        server.terminate()
        ann.rest()  # ends with a FIN
        ann.close()
        self.assertEqual(server.wait(), 0)
        self.assertRegex(server.errors(), r"event=arena_ended ticks=\d+ overruns=\d+ skipped=\d+ "
                                          r"late_ms_p50=\d+\.\d\d late_ms_p99=\d+\.\d\d late_ms_max=\d+\.\d\d")

    def test_bots_end_with_the_server_and_say_so(self):
        server = self.serve()
        bots = self.bots(server, "--bots", "5", "--seconds", "60")
        self.all_play(bots, 5)
        server.stop()
        output, errors = bots.communicate(timeout=DEADLINE)
        self.assertEqual(bots.returncode, 1)
        self.assertEqual(json.loads(output.splitlines()[-1])["failed"], 5)
        self.assertIn("event=bot_failed", errors)

    def test_a_bad_option_is_explained(self):
        self.assertEqual(self.refuses("--threads", "2")[0], 2)
        self.assertEqual(self.refuses("--port", "x")[0], 2)


if __name__ == "__main__":
    unittest.main()
