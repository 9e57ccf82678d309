#!/usr/bin/env python3
"""A client for JSON-RPC 2.0 in Python's standard library: one message a line, or behind Content-Length headers.

    jsonrpc_client.py [--host HOST] [--port PORT] [--content-length] METHOD [PARAMS]
    jsonrpc_client.py list
    jsonrpc_client.py add '{"text": "buy milk"}'
    jsonrpc_client.py --watch watch                  goes on, and prints what the server tells
"""

import argparse
import json
import socket
import sys


class JsonRpcError(Exception):
    """What the server has answered instead of a result."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code, self.message, self.data = error["code"], error["message"], error.get("data")


class JsonRpcClient:
    """One connection. Requests of the server are answered by `methods`, functions by their names."""

    def __init__(self, host="127.0.0.1", port=8888, content_length=False, methods=None, timeout=None):
        self.socket = socket.create_connection((host, port), timeout)
        self.reader = self.socket.makefile("rb")
        self.content_length = content_length
        self.methods = methods or {}
        self.last_id = 0

    def call(self, method, params=None):
        """The result; what else arrives before it is handled."""
        self.last_id += 1
        wanted = self.last_id
        self.send(self.request(method, params, wanted))
        while True:
            response = self.next_response()
            if response is None:
                raise ConnectionError("the server has closed the connection")
            if response.get("id") == wanted:
                if "error" in response:
                    raise JsonRpcError(response["error"])
                return response["result"]

    def notify(self, method, params=None):
        self.send(self.request(method, params))

    def next_response(self):
        """Handles requests until a response comes; None when the server has closed."""
        while (message := self.receive()) is not None:
            for each in message if isinstance(message, list) else [message]:
                if "method" not in each:
                    return each
                self.serve(each)
        return None

    def serve(self, request):
        reply = {"jsonrpc": "2.0", "id": request.get("id")}
        params = request.get("params", [])
        try:
            method = self.methods[request["method"]]
            reply["result"] = method(**params) if isinstance(params, dict) else method(*params)
        except KeyError:
            reply["error"] = {"code": -32601, "message": "Method not found"}
        except Exception as error:  # the caller's business, not the end of this program
            reply["error"] = {"code": -32603, "message": "Internal error", "data": type(error).__name__}
        if "id" in request:
            self.send(reply)

    @staticmethod
    def request(method, params=None, id_=None):
        message = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        if id_ is not None:
            message["id"] = id_
        return message

    def send(self, message):
        body = json.dumps(message).encode()
        self.socket.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body if self.content_length else body + b"\n")

    def receive(self):
        if not self.content_length:
            line = self.reader.readline()
            return json.loads(line) if line.endswith(b"\n") else None
        length = None
        while (line := self.reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return None if length is None else json.loads(self.reader.read(length))

    def close(self):
        self.reader.close()
        self.socket.close()


def main(arguments):
    parser = argparse.ArgumentParser(description="Calls a method by JSON-RPC 2.0, and prints its result.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8888)
    parser.add_argument("--content-length", action="store_true", help="as language servers have it")
    parser.add_argument("--watch", action="store_true", help="go on, and print notifications")
    parser.add_argument("method")
    parser.add_argument("params", nargs="?", help="JSON: an array or an object")
    options = parser.parse_args(arguments)

    client = JsonRpcClient(options.host, options.port, options.content_length,
                           {"changed": lambda **what: print("changed", json.dumps(what), flush=True)})
    try:
        params = None if options.params is None else json.loads(options.params)
        print(json.dumps(client.call(options.method, params)), flush=True)
        while options.watch and client.next_response() is not None:
            pass
    except (JsonRpcError, ConnectionError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
