"""The inventory sample, by its own client in Python: messages that python3-protobuf writes and reads."""

import os
import struct
import subprocess
import sys
import unittest
from pathlib import Path

from harness import DEADLINE, ProgramTest, frame, receive_frame

CLIENT = Path(__file__).resolve().parents[2] / "samples" / "clients" / "inventory_client.py"

try:
    import google.protobuf  # noqa: F401: the client needs it
except ImportError:
    messages = None
else:
    sys.path.insert(0, str(CLIENT.parent))
    import inventory_pb2 as messages  # CMake has protoc write it, and says where by PYTHONPATH
    from inventory_client import Inventory


@unittest.skipUnless(messages, "python3-protobuf is not there")
class InventoryTest(ProgramTest):
    def store(self, server):
        store = Inventory(*server.address, timeout=DEADLINE)
        self.addCleanup(store.close)
        return store

    def stock(self, item, count):
        return messages.Stock(item=item, count=count)

    def run_client(self, server, *arguments):
        result = subprocess.run([sys.executable, "-B", CLIENT, "--port", str(server.port), *arguments], text=True,
                                capture_output=True, timeout=DEADLINE, check=False, env=os.environ)
        self.assertEqual(result.stderr, "")
        return result.returncode, result.stdout

    def test_counts_what_is_added_and_taken(self):
        store = self.store(self.serve())
        self.assertEqual(store.ask(messages.Add(item="apples", count=3)), self.stock("apples", 3))
        self.assertEqual(store.ask(messages.Add(item="apples", count=2)), self.stock("apples", 5))
        self.assertEqual(store.ask(messages.Take(item="apples", count=4)), self.stock("apples", 1))
        self.assertEqual(store.ask(messages.Take(item="apples", count=1)), self.stock("apples", 0))

    def test_refuses_to_take_what_is_not_there(self):
        store = self.store(self.serve())
        store.ask(messages.Add(item="apples", count=3))
        for item, count in (("apples", 4), ("pears", 1)):
            self.assertEqual(store.ask(messages.Take(item=item, count=count)), messages.Refused(why="not enough"))

    def test_refuses_names_and_counts_out_of_bounds(self):
        store = self.store(self.serve())
        for item in ("", "x" * 65):
            self.assertEqual(store.ask(messages.Add(item=item, count=1)), messages.Refused(why="no such name"))
        store.ask(messages.Add(item="sand", count=2**32 - 1))
        self.assertEqual(store.ask(messages.Add(item="sand", count=1)), messages.Refused(why="too many"))

    def test_refuses_more_items_than_it_keeps(self):
        store = self.store(self.serve())
        for i in range(1000):
            store.send(messages.Add(item=f"item {i}", count=1))
        for i in range(1000):
            self.assertEqual(store.receive(), self.stock(f"item {i}", 1))
        self.assertEqual(store.ask(messages.Add(item="another", count=1)), messages.Refused(why="full"))
        self.assertEqual(store.ask(messages.Add(item="item 7", count=1)), self.stock("item 7", 2))

    def test_tells_watchers_of_every_change(self):
        server = self.serve()
        store, watcher = self.store(server), self.store(server)
        store.ask(messages.Add(item="pears", count=1))
        self.assertEqual(watcher.ask(messages.Watch()), messages.Stocks(stocks=[self.stock("pears", 1)]))
        store.ask(messages.Add(item="apples", count=3))
        self.assertEqual(watcher.receive(), self.stock("apples", 3))
        self.assertEqual(watcher.ask(messages.Take(item="apples", count=3)), self.stock("apples", 0))
        watcher.close()
        self.assertEqual(store.ask(messages.Add(item="apples", count=4)), self.stock("apples", 4))

    def test_its_client_is_a_program_too(self):
        server = self.serve()
        self.assertEqual(self.run_client(server, "add", "apples", "3"), (0, "apples: 3\n"))
        self.assertEqual(self.run_client(server, "take", "apples", "4"), (1, "refused: not enough\n"))

    def test_reads_messages_however_they_are_cut(self):
        client = self.connect(self.serve())
        body = struct.pack(">H", 1) + messages.Add(item="apples", count=3).SerializeToString()
        client.send_bytewise(frame(body) * 2)
        replies = [receive_frame(client), receive_frame(client)]
        self.assertEqual([messages.Stock.FromString(reply[2:]).count for reply in replies], [3, 6])
        self.assertEqual({reply[:2] for reply in replies}, {struct.pack(">H", 4)})

    def test_a_number_that_it_does_not_know_ends_the_connection(self):
        server = self.serve()
        for body in (b"\x00\x63", b"\x00", b"\x00\x04", b"\x00\x01\x0f"):  # the third is for clients alone
            client = self.connect(server)
            client.send(frame(body))
            self.assertEqual(client.rest(), b"", body)
        store = self.store(server)
        self.assertEqual(store.ask(messages.Add(item="apples", count=1)), self.stock("apples", 1))

    def test_text_that_is_not_utf_8_ends_the_connection_with_a_line_in_its_own_log_at_most(self):
        server = self.serve()
        for _ in range(20):
            client = self.connect(server)
            client.send(frame(b"\x00\x01\x0a\x01\xff"))
            self.assertEqual(client.rest(), b"")
        self.assertRegex(server.errors(), r"level=warning event=protobuf what=\"[^\n]*UTF-8")
        self.assertNotIn("libprotobuf", server.errors())


if __name__ == "__main__":
    unittest.main()
