#!/usr/bin/python3
"""A client of the inventory sample, over python3-protobuf.

    inventory_client.py [--host HOST] [--port PORT] add ITEM COUNT | take ITEM COUNT | watch

inventory_pb2.py is written by protoc, and has to be where Python looks for modules:

    protoc --python_out=build -I samples samples/inventory.proto
    PYTHONPATH=build samples/clients/inventory_client.py add apples 3
"""

import argparse
import socket
import struct
import sys

import inventory_pb2 as messages

# What types() is in inventory.cpp.
TYPES = {1: messages.Add, 2: messages.Take, 3: messages.Watch, 4: messages.Stock, 5: messages.Stocks, 6: messages.Refused}
NUMBERS = {type_: number for number, type_ in TYPES.items()}


class Inventory:
    """One connection: messages of any of the types go out, and come in."""

    def __init__(self, host="127.0.0.1", port=8888, timeout=None):
        self.socket = socket.create_connection((host, port), timeout)
        self.reader = self.socket.makefile("rb")

    def send(self, message):
        body = struct.pack(">H", NUMBERS[type(message)]) + message.SerializeToString()
        self.socket.sendall(struct.pack(">I", len(body)) + body)

    def receive(self):
        """The next message; None when the server has closed."""
        header = self.reader.read(4)
        if len(header) < 4:
            return None
        body = self.reader.read(*struct.unpack(">I", header))
        return TYPES[struct.unpack(">H", body[:2])[0]].FromString(body[2:])

    def ask(self, message):
        self.send(message)
        return self.receive()

    def close(self):
        self.reader.close()
        self.socket.close()


def text_of(message):
    if isinstance(message, messages.Stocks):
        return "\n".join(map(text_of, message.stocks)) or "nothing in stock"
    if isinstance(message, messages.Refused):
        return f"refused: {message.why}"
    return f"{message.item}: {message.count}"


def main(arguments):
    parser = argparse.ArgumentParser(description="A client of the inventory sample.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8888)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("add", "take"):
        words = verbs.add_parser(verb)
        words.add_argument("item")
        words.add_argument("count", type=int)
    verbs.add_parser("watch")
    wanted = parser.parse_args(arguments)
    store = Inventory(wanted.host, wanted.port)
    if wanted.verb == "watch":
        message = store.ask(messages.Watch())
        while message is not None:
            print(text_of(message), flush=True)
            message = store.receive()
        return 0
    kind = messages.Add if wanted.verb == "add" else messages.Take
    reply = store.ask(kind(item=wanted.item, count=wanted.count))
    print(text_of(reply) if reply is not None else "the server has closed")
    return 0 if isinstance(reply, messages.Stock) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
