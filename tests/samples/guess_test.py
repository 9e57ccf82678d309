"""The guess sample. Protobuf is written and read by hand: a message here has one or two fields."""

import unittest

from harness import ProgramTest, eventually, fields, frame, number_field, receive_frame, text_field

WAITING, YOUR_TURN, TOO_LOW, TOO_HIGH, WON, LEFT, REFUSED = range(7)


def join(name):
    return frame(text_field(1, name))


def guess(number):
    return frame(number_field(2, number))


def event(client):
    """(kind, player, number); what is not on the wire has its default."""
    found = fields(receive_frame(client))
    return found.get(1, 0), found.get(2, ""), found.get(3, 0)


class GuessTest(ProgramTest):
    def two_players(self, server):
        ann, bob = self.connect(server), self.connect(server)
        ann.send(join("ann"))
        self.assertEqual(event(ann), (WAITING, "ann", 0))
        bob.send(join("bob"))
        self.assertEqual(event(ann), (YOUR_TURN, "bob", 0))
        return ann, bob

    def test_two_players_play_until_one_has_it(self):
        ann, bob = self.two_players(self.serve())
        turn, least, most = [(ann, "ann"), (bob, "bob")], 1, 100
        while True:
            (player, name), (other, _) = turn
            number = (least + most) // 2
            player.send(guess(number))
            kind, who, what = event(player)
            self.assertEqual((who, what), (name, number))
            self.assertEqual(event(other), (kind, name, number))
            if kind == WON:
                break
            self.assertIn(kind, (TOO_LOW, TOO_HIGH))
            least, most = (number + 1, most) if kind == TOO_LOW else (least, number - 1)
            self.assertLessEqual(least, most, "no number is left")
            self.assertEqual(event(other), (YOUR_TURN, name, number))
            turn.reverse()
        self.assertEqual((ann.rest(), bob.rest()), (b"", b""))

    def test_refuses_a_guess_out_of_turn(self):
        ann, bob = self.two_players(self.serve())
        bob.send(guess(50))
        self.assertEqual(event(bob), (REFUSED, "bob", 50))

    def test_refuses_a_guess_before_the_other_player_is_there(self):
        ann = self.connect(self.serve())
        ann.send(guess(5))
        self.assertEqual(event(ann), (REFUSED, "", 5))
        ann.send(join("ann") + guess(6))
        self.assertEqual(event(ann), (WAITING, "ann", 0))
        self.assertEqual(event(ann), (REFUSED, "ann", 6))

    def test_refuses_names_that_are_empty_or_long_and_second_ones(self):
        ann = self.connect(self.serve())
        ann.send(join("") + join("x" * 33) + frame(b"") + join("x" * 32) + join("ann"))
        self.assertEqual([event(ann)[0] for _ in range(5)], [REFUSED, REFUSED, REFUSED, WAITING, REFUSED])

    def test_tells_when_the_other_player_has_left(self):
        for leave in ("close", "reset"):
            with self.subTest(leave=leave):
                ann, bob = self.two_players(self.serve())
                getattr(bob, leave)()
                self.assertEqual(event(ann), (LEFT, "bob", 0))
                self.assertEqual(ann.rest(), b"")

    def test_who_left_while_waiting_is_not_waited_for(self):
        server = self.serve()
        early = self.connect(server)
        early.send(join("early"))
        event(early)
        early.close()

        def first_again():
            ann = self.connect(server)
            ann.send(join("ann"))
            return event(ann) == (WAITING, "ann", 0)

        eventually(first_again, "a player who waits alone")

    def test_bytes_that_are_no_message_end_the_connection(self):
        server = self.serve()
        bad = self.connect(server)
        bad.send(frame(b"\x0a\x05an"))
        self.assertEqual(bad.rest(), b"")
        self.two_players(server)

    def test_text_that_is_not_utf_8_ends_the_connection_with_a_line_in_its_own_log_at_most(self):
        server = self.serve()
        for _ in range(20):
            bad = self.connect(server)
            bad.send(join(b"\xff"))
            self.assertEqual(bad.rest(), b"")
        self.assertRegex(server.errors(), r"level=warning event=protobuf what=\"[^\n]*UTF-8")
        self.assertNotIn("libprotobuf", server.errors())


if __name__ == "__main__":
    unittest.main()
