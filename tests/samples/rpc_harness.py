"""What the tests of calls share: the client in Python, samples/clients/rpc_client.py, and messages that need no protobuf."""

import sys
from pathlib import Path

from harness import DEADLINE, fields, number_field

CLIENT = Path(__file__).resolve().parents[2] / "samples" / "clients" / "rpc_client.py"
sys.path.insert(0, str(CLIENT.parent))
import rpc_client as rpc  # noqa: E402


class Numbers(tuple):
    """A message whose fields are int64: Numbers.of(2, 3) has 2 in field 1, and 3 in field 2."""

    @classmethod
    def of(cls, *values):
        return cls(values)

    def SerializeToString(self):
        return b"".join(number_field(i + 1, value) for i, value in enumerate(self) if value)

    @classmethod
    def FromString(cls, data):
        found = fields(data)
        return cls(found.get(i + 1, 0) for i in range(max(found, default=1)))


def connect_client(test, server, **options):
    client = rpc.RpcClient(*server.address, timeout=DEADLINE, **options)
    test.addCleanup(client.close)
    return client


def failure(test, call, *arguments, **options):
    """The RpcError that a call ends with."""
    with test.assertRaises(rpc.RpcError) as caught:
        call(*arguments, **options)
    return caught.exception
