"""The framed_echo sample."""

import unittest

from harness import ProgramTest, frame, receive_frame


class FramedEchoTest(ProgramTest):
    def test_sends_back_each_message(self):
        client = self.connect(self.serve())
        client.send(frame(b"hello") + frame(b"") + frame(b"world"))
        self.assertEqual([receive_frame(client) for _ in range(3)], [b"hello", b"", b"world"])

    def test_puts_a_message_together(self):
        client = self.connect(self.serve())
        client.send_bytewise(frame(b"hello"))
        self.assertEqual(receive_frame(client), b"hello")

    def test_the_line_of_its_comment_does_what_it_says(self):
        client = self.connect(self.serve())
        client.send(b"\0\0\0\5hello")
        client.end()
        self.assertEqual(client.rest(), b"\0\0\0\5hello")

    def test_serves_on_several_threads(self):
        server = self.serve("--threads", "2")
        clients = [self.connect(server) for _ in range(20)]
        for number, client in enumerate(clients):
            client.send(frame(b"%d" % number))
        self.assertEqual([receive_frame(client) for client in clients], [b"%d" % n for n in range(20)])


if __name__ == "__main__":
    unittest.main()
