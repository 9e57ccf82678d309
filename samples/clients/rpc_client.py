#!/usr/bin/env python3
"""A client for the binary wire of twister's RPC (docs/reference/wire/rpc.md), in Python's standard library.

    client = RpcClient("127.0.0.1", 8888)
    print(client.call("calculator.Calculator/Add", Operands(a=2, b=3), Result, timeout=5).value)
    for tick in client.server_stream("ticker.Ticker/Ticks", Watch(interval_ms=100), Tick):
        print(tick.number)

Messages are those of python3-protobuf, or anything else with SerializeToString() and FromString(). The server may call
this side: methods are added by on(), and run on threads of their own. As a program it calls servers that describe
themselves (twister::add_reflection), and needs python3-protobuf:

    rpc_client.py [--host HOST] [--port PORT] calculator.Calculator/Add '{"a": 2, "b": 3}'
"""

import argparse
import collections
import contextlib
import inspect
import math
import socket
import struct
import sys
import threading
import time

REQUEST, NOTICE, DATA, END, CREDIT, CANCEL, RESPONSE = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x81
BACK = 0x80  # set where the id is the receiver's
PING, PONG, GOAWAY, PREFACE = 0x10, 0x11, 0x12, 0x74
NAMES_METHOD, NAMES_NODE, HAS_DEADLINE, HAS_METADATA, STREAMS, RETRYABLE, NOT_STARTED = 1, 2, 4, 8, 16, 32, 64

MAGIC = b"twister\x01"
HEADER_BYTES = 12
MAX_MESSAGE_BYTES = 1024 * 1024
MAX_PREFIX_BYTES = 16 * 1024    # what may stand before a message
WINDOW_BYTES = 64 * 1024        # the credit that a stream begins with
MAX_NUMBERS = 1024
MAX_CALLS = 64                  # of the server, at a time: each has a thread

STATUSES = ("OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED "
            "RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS "
            "UNAUTHENTICATED").split()
(OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED,
 RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS,
 UNAUTHENTICATED) = range(17)


class RpcError(Exception):
    """A status other than OK: of a call, or raised by a method that is called."""

    def __init__(self, code, text="", details=b"", retryable=False):
        super().__init__(f"{STATUSES[code] if code < len(STATUSES) else code}: {text}")
        self.code, self.text, self.details, self.retryable = code, text, details, retryable


class Malformed(Exception):
    """The peer broke the protocol."""


# ---- frames: bytes alone

Frame = collections.namedtuple("Frame", "kind flags number id body", defaults=(0, 0, 0, b""))
Request = collections.namedtuple("Request", "name node deadline metadata message", defaults=(None, None, None, None, b""))


def encode_frame(frame):
    if frame.kind == PREFACE:
        return MAGIC + struct.pack("<I", len(frame.body)) + frame.body
    return struct.pack("<IBBHI", len(frame.body), *frame[:4]) + frame.body


class FrameDecoder:
    """Frames out of bytes that come in pieces."""

    def __init__(self, limit=MAX_MESSAGE_BYTES + MAX_PREFIX_BYTES):
        self.kept, self.limit, self.begun = b"", limit, False

    def add(self, data):
        self.kept += data
        at = 0
        try:
            while len(self.kept) - at >= HEADER_BYTES:
                size, kind, flags, number, call = struct.unpack_from("<IBBHI", self.kept, at)
                is_preface = self.kept[at:at + len(MAGIC)] == MAGIC
                if is_preface:
                    size, kind, flags, number, call = call, PREFACE, 0, 0, 0
                elif not self.begun:
                    raise Malformed("no preface")
                if size > self.limit:
                    raise Malformed(f"frame of {size} bytes exceeds {self.limit}")
                if len(self.kept) - at < HEADER_BYTES + size:
                    break
                self.begun = True
                at += HEADER_BYTES
                yield Frame(kind, flags, number, call, self.kept[at:at + size])
                at += size
        finally:
            self.kept = self.kept[at:]


def encode_metadata(entries):
    out = b""
    for key, value in entries.items() if isinstance(entries, dict) else entries:
        value = value.encode() if isinstance(value, str) else value
        out += bytes([len(key)]) + key.encode() + struct.pack("<H", len(value)) + value
    return struct.pack("<H", len(out)) + out


def encode_request(request):
    """(flags, body): what the flags announce, then the message."""
    flags, out = 0, b""
    for flag, name in ((NAMES_METHOD, request.name), (NAMES_NODE, request.node)):
        if name is not None:
            flags |= flag
            out += bytes([len(name.encode())]) + name.encode()
    if request.deadline is not None:
        flags |= HAS_DEADLINE
        out += struct.pack("<I", request.deadline)
    if request.metadata:
        flags |= HAS_METADATA
        out += encode_metadata(request.metadata)
    return flags, out + request.message


class Reader:
    """Parts of a body, one behind the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if size > len(self.data) - self.at:
            raise Malformed("a body shorter than its flags announce")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, layout):
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))[0]

    def metadata(self):
        part, entries = Reader(self.take(self.number("H"))), []
        while part.at < len(part.data):
            key = part.take(part.number("B")).decode(errors="replace")
            entries.append((key, part.take(part.number("H"))))
        return entries

    def rest(self):
        return self.data[self.at:]


def decode_request(flags, body):
    reader = Reader(body)
    return Request(reader.take(reader.number("B")).decode(errors="replace") if flags & NAMES_METHOD else None,
                   reader.take(reader.number("B")).decode(errors="replace") if flags & NAMES_NODE else None,
                   reader.number("I") if flags & HAS_DEADLINE else None,
                   reader.metadata() if flags & HAS_METADATA else None,
                   reader.rest())


def encode_status(error):
    """(flags, body) of a response whose status is not OK."""
    text = error.text.encode()
    return RETRYABLE * error.retryable, struct.pack("<H", len(text)) + text + error.details


def decode_status(flags, number, body):
    reader = Reader(body)
    text = reader.take(reader.number("H")).decode(errors="replace")
    return RpcError(number, text, reader.rest(), bool(flags & RETRYABLE))


# ---- calls

class Channel:
    """One call, seen from either side: messages that came, and credit for those that go. All under the client's lock."""

    def __init__(self, client, number, back, deadline=None, one_reply=False):
        self.client, self.id, self.back, self.deadline, self.one_reply = client, number, back, deadline, one_reply
        self.inbox = collections.deque()
        self.over = False           # no more will come
        self.error = None           # why the call has failed
        self.gone = False           # the peer does not wait for an answer any more
        self.metadata = []          # of the answer
        self.sends = client.peer_window
        self.receives = WINDOW_BYTES
        self.taken = 0              # and not given back as credit

    # What the peer has sent.

    def put(self, message):
        if self.receives <= 0:
            self.fail(RpcError(RESOURCE_EXHAUSTED, "the stream has overdrawn its credit"))
            return False
        self.receives -= HEADER_BYTES + len(message)
        self.inbox.append(message)
        return True

    def end(self):
        self.over = True

    def fail(self, error, gone=False):
        self.over, self.error, self.gone = True, error, gone

    # What its user does.

    def wait(self, condition):
        """With the lock held. The call fails when its deadline passes."""
        left = None if self.deadline is None else self.deadline - time.monotonic()
        if self.client.changed.wait_for(lambda: condition() or self.error, left):
            return
        self.fail(RpcError(DEADLINE_EXCEEDED, "the deadline has passed"))
        if not self.back:
            self.client.calls.pop(self.id, None)
            self.client.write(Frame(CANCEL, id=self.id))
            self.client.leave_when_done()

    def send(self, message):
        """Waits for credit. Raises when the call has ended."""
        answered = not self.back
        with self.client.changed:
            self.wait(lambda: self.sends > 0 or (answered and self.over))
            if self.error or (answered and self.over):
                raise self.error or RpcError(CANCELLED, "the call has ended")
            self.sends -= HEADER_BYTES + len(message)
        self.client.write(Frame(DATA | self.back, id=self.id, body=message))

    def take(self):
        """The next message; None when there are no more."""
        with self.client.changed:
            self.wait(lambda: self.inbox or self.over)
            if not self.inbox:
                if self.error:
                    raise self.error
                return None
            message = self.inbox.popleft()
            self.taken += HEADER_BYTES + len(message)
            if self.taken < WINDOW_BYTES // 2 or self.over:
                return message
            credit, self.taken = self.taken, 0
            self.receives += credit
        self.client.write(Frame(CREDIT | self.back, id=self.id, body=struct.pack("<I", credit)))
        return message


class RpcStream:
    """A call whose requests, or replies, are streams. Iterating gives the replies, and raises how it failed."""

    def __init__(self, channel, reply_class):
        self.channel, self.reply_class = channel, reply_class

    def send(self, request):
        self.channel.send(request.SerializeToString())

    def end(self):
        """All requests were sent."""
        self.channel.client.write(Frame(END, id=self.channel.id))

    def __iter__(self):
        return self

    def __next__(self):
        message = self.channel.take()
        if message is None:
            raise StopIteration
        return self.reply_class.FromString(message)

    def cancel(self):
        client = self.channel.client
        with client.changed:
            if self.channel.over:
                return
            client.calls.pop(self.channel.id, None)
            self.channel.fail(RpcError(CANCELLED, "cancelled by the caller"))
            client.changed.notify_all()
        client.write(Frame(CANCEL, id=self.channel.id))
        client.leave_when_done()

    @property
    def metadata(self):
        """What came with the answer: (key, bytes) each."""
        return self.channel.metadata


class RpcContext:
    """What a method that the server calls knows of the call."""

    def __init__(self, client, channel, metadata):
        self.client, self.channel, self.metadata = client, channel, metadata or []

    @property
    def cancelled(self):
        """The server does not wait any more."""
        return self.channel.gone

    def time_left(self):
        """Seconds, or None without a deadline."""
        return None if self.channel.deadline is None else max(0.0, self.channel.deadline - time.monotonic())

    def wait_for_cancel(self):
        with self.client.changed:
            self.channel.wait(lambda: self.cancelled)


Method = collections.namedtuple("Method", "request_class handler streams")


class RpcClient:
    """One connection; calls may be made from any thread, and from methods that the server calls."""

    def __init__(self, host="127.0.0.1", port=8888, timeout=None, connection=None):
        """`connection` is a socket that is there already: TLS, unix-domain. `timeout` is of connecting."""
        self.socket = connection or socket.create_connection((host, port), timeout)
        self.changed = threading.Condition()
        self.writing = threading.Lock()
        self.decoder = FrameDecoder()
        self.methods = {}
        self.calls = {}         # of this side, by id
        self.served = {}        # of the server
        self.answering = 0      # calls and notices of the server whose threads have not ended
        self.leaving = False    # the server goes away: closes when nothing is in flight
        self.numbers = {}       # of methods, as this side has numbered them
        self.names = {}         # and as the server has
        self.last_id = 0
        self.pings = {}
        self.passed_over = 0    # frames for no call, of an unknown kind, or with an id in use
        self.peer_limit, self.peer_window = MAX_MESSAGE_BYTES, WINDOW_BYTES
        self.failure = None     # why calls cannot be made any more
        self.opened = False
        settings = struct.pack("<HHIHHI", 1, 4, MAX_MESSAGE_BYTES, 2, 4, WINDOW_BYTES)
        self.write(Frame(PREFACE, body=settings))
        # The server is not held up by one that does not come: nothing is sent before it.
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        with self.changed:
            if not self.changed.wait_for(lambda: self.opened or self.failure, timeout):
                self.failure = RpcError(UNAVAILABLE, "the server has sent no preface in time")
            failure = None if self.opened else self.failure
        if failure:
            self.close()
            raise failure

    # ---- calling

    def call(self, method, request, reply_class, timeout=None, metadata=None, node=None):
        """The reply; RpcError for another end. `node`: the registered peer that is to answer."""
        stream = self.open(method, reply_class, request, timeout, metadata, node, one_reply=True)
        return self.only_reply(stream)

    def server_stream(self, method, request, reply_class, timeout=None, metadata=None):
        """Replies, as they come; cancelled when the iteration is left."""
        stream = self.open(method, reply_class, request, timeout, metadata)
        try:
            yield from stream
        finally:
            stream.cancel()

    def client_stream(self, method, requests, reply_class, timeout=None, metadata=None):
        """The reply to all of an iterable."""
        stream = self.open(method, reply_class, None, timeout, metadata, one_reply=True)
        try:
            for request in requests:
                stream.send(request)
            stream.end()
        except BaseException:
            stream.cancel()
            raise
        return self.only_reply(stream)

    def stream(self, method, reply_class, timeout=None, metadata=None):
        """Streams both ways, an RpcStream."""
        return self.open(method, reply_class, None, timeout, metadata)

    def notify(self, method, message, metadata=None):
        """Nobody answers; whether it arrived is not known."""
        with self.changed:
            self.require_open()
            number = self.next_id()
        self.write_request(NOTICE, number, method, Request(metadata=metadata, message=message.SerializeToString()))

    def register(self, name):
        """Others may call this side by that name, by way of the server: call(..., node=name)."""
        self.call("twister.Names/Register", StringValue(name), StringValue)

    def ping(self, timeout=None):
        """Seconds to the server and back."""
        begun = time.monotonic()
        with self.changed:
            self.require_open()
            number = self.next_id()
            self.pings[number] = False
            self.write(Frame(PING, id=number))
            self.changed.wait_for(lambda: self.pings[number] or self.failure, timeout)
            if not self.pings.pop(number):
                raise self.failure or RpcError(DEADLINE_EXCEEDED, "no answer to a ping")
        return time.monotonic() - begun

    def open(self, method, reply_class, request=None, timeout=None, metadata=None, node=None, one_reply=False):
        """Begins a call; without a request it sends a stream."""
        message = b"" if request is None else request.SerializeToString()
        if len(message) > self.peer_limit:
            raise RpcError(RESOURCE_EXHAUSTED, f"{len(message)} bytes are more than the server takes")
        with self.changed:
            self.require_open()
            deadline = None if timeout is None else time.monotonic() + timeout
            channel = Channel(self, self.next_id(), 0, deadline, one_reply)
            self.calls[channel.id] = channel
        left = None if timeout is None else max(0, math.ceil(timeout * 1000))
        self.write_request(REQUEST, channel.id, method, Request(node=node, deadline=left, metadata=metadata, message=message),
                           STREAMS if request is None else 0)
        return RpcStream(channel, reply_class)

    @staticmethod
    def only_reply(stream):
        reply = next(stream, None)
        if reply is None:
            raise RpcError(INTERNAL, "an answer without a message")
        next(stream, None)  # the end, and how it was
        return reply

    def next_id(self):
        self.last_id = self.last_id % 0xFFFFFFFF + 1
        while self.last_id in self.calls:
            self.last_id = self.last_id % 0xFFFFFFFF + 1
        return self.last_id

    def require_open(self):
        if self.failure:
            raise self.failure

    # ---- being called

    def on(self, name, request_class, handler, streams=False):
        """handler(context, request) returns a reply, or yields several. With `streams`, `request` is an iterator of
        requests. RpcError is answered as it is, other exceptions as INTERNAL without their text."""
        self.methods[name] = Method(request_class, handler, streams)

    def serve(self):
        """Until the connection ends; for programs that are only called."""
        self.reader.join()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the server was first
        if threading.current_thread() is not self.reader:
            self.reader.join()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- the connection

    def write(self, frame):
        with self.writing:
            self.write_bytes(encode_frame(frame))

    def write_bytes(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # the reader finds out, and says so to all calls

    def new_number(self, method):
        """0 when there are no more: then it is named each time."""
        if len(self.numbers) >= MAX_NUMBERS:
            return 0
        self.numbers[method] = len(self.numbers) + 1
        return self.numbers[method]

    def write_request(self, kind, call, method, request, flags=0):
        with self.writing:  # whoever names a method first has to be first on the wire
            # A number would be between this side and the server, of whom another peer knows nothing.
            known = self.numbers.get(method) if request.node is None else None
            number = known or (self.new_number(method) if request.node is None else 0)
            if known is None:
                request = request._replace(name=method)
            announced, body = encode_request(request)
            self.write_bytes(encode_frame(Frame(kind, flags | announced, number, call, body)))

    def read(self):
        error = RpcError(UNAVAILABLE, "the server has closed the connection")
        try:
            while data := self.socket.recv(64 * 1024):
                for frame in self.decoder.add(data):
                    self.take(frame)
        except Malformed as malformed:
            self.write(Frame(GOAWAY, number=INVALID_ARGUMENT, body=str(malformed).encode()))
            error = RpcError(UNAVAILABLE, f"the server broke the protocol: {malformed}")
        except OSError as problem:
            error = RpcError(UNAVAILABLE, f"the connection was lost: {problem}")
        with self.changed:
            self.failure = self.failure or error
            for channel in [*self.calls.values(), *self.served.values()]:
                channel.fail(self.failure, gone=True)
            self.calls.clear()
            self.changed.notify_all()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def take(self, frame):
        """One frame, on the reader's thread."""
        if frame.kind == PREFACE:
            return self.take_preface(frame.body)
        if frame.kind in (REQUEST, NOTICE):
            return self.take_request(frame)
        if frame.kind == PING:
            return self.write(frame._replace(kind=PONG))
        with self.changed:
            if frame.kind == GOAWAY:
                text = frame.body.decode(errors="replace")
                self.failure = RpcError(UNAVAILABLE, text or "the server is going away", retryable=True)
                self.leaving = frame.number == OK
            elif frame.kind == PONG and frame.id in self.pings:
                self.pings[frame.id] = True
            else:
                self.take_of_call(frame)
            self.changed.notify_all()
        self.leave_when_done()

    def leave_when_done(self):
        with self.changed:
            if not self.leaving or self.calls or self.answering:
                return
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server was first

    def take_preface(self, body):
        if self.opened:
            raise Malformed("a second preface")
        reader, settings = Reader(body), {}
        while reader.at < len(body):
            number = reader.number("H")
            settings[number] = reader.take(reader.number("H"))
        with self.changed:
            if len(settings.get(1, b"")) == 4:
                self.peer_limit, = struct.unpack("<I", settings[1])
            if len(settings.get(2, b"")) == 4:
                self.peer_window, = struct.unpack("<I", settings[2])
            self.opened = True
            self.changed.notify_all()

    def take_of_call(self, frame):
        """For a call of either side, with the lock held."""
        kind, back = frame.kind & ~BACK, frame.kind & BACK
        channel = (self.calls if back else self.served).get(frame.id)
        if channel is None:
            self.passed_over += 1
        elif kind == DATA:
            if not channel.put(frame.body):
                self.overdrawn(channel)
        elif kind == CREDIT and len(frame.body) == 4:
            channel.sends = min(channel.sends + struct.unpack("<I", frame.body)[0], 1 << 40)
        elif frame.kind == END:
            channel.end()
        elif frame.kind == CANCEL:
            channel.fail(RpcError(CANCELLED, "cancelled by the caller"), gone=True)
        elif frame.kind == RESPONSE:
            del self.calls[frame.id]
            self.take_response(channel, frame)
        else:
            self.passed_over += 1

    def take_response(self, channel, frame):
        reader = Reader(frame.body)
        if frame.flags & HAS_METADATA:
            channel.metadata = reader.metadata()
        if frame.number != OK:
            return channel.fail(decode_status(frame.flags, frame.number, reader.rest()))
        if channel.one_reply:
            channel.inbox.append(reader.rest())
        return channel.end()

    def overdrawn(self, channel):
        if not channel.back:
            del self.calls[channel.id]
            self.write(Frame(CANCEL, id=channel.id))

    # ---- calls of the server

    def take_request(self, frame):
        request = decode_request(frame.flags, frame.body)
        name = self.name_of(frame.number, request.name)
        answers = frame.kind == REQUEST
        with self.changed:
            if answers and frame.id in self.served:
                self.passed_over += 1
                return
            refusal = self.refusal(name, request)
            if refusal is None:
                deadline = None if request.deadline is None else time.monotonic() + request.deadline / 1000
                channel = Channel(self, frame.id, BACK, deadline)
                if not frame.flags & STREAMS:
                    channel.put(request.message)
                    channel.end()
                if answers:
                    self.served[frame.id] = channel
                self.answering += 1
        if refusal is None:
            context = RpcContext(self, channel, request.metadata)
            threading.Thread(target=self.answer, args=(self.methods[name], context, answers), daemon=True).start()
        elif answers:
            self.respond(frame.id, refusal, NOT_STARTED)

    def name_of(self, number, name):
        if number > MAX_NUMBERS or (name is None and number not in self.names):
            raise Malformed("a number without a name" if number <= MAX_NUMBERS else "a number above 1024")
        if number and self.names.setdefault(number, name) != (name or self.names[number]):
            raise Malformed("a name for a number that has another")
        return name or self.names[number]

    def refusal(self, name, request):
        if request.node is not None or name not in self.methods:
            return RpcError(UNIMPLEMENTED, "there is no such method")
        if request.deadline == 0:
            return RpcError(DEADLINE_EXCEEDED, "the deadline had passed before it was started")
        if len(self.served) >= MAX_CALLS:
            return RpcError(RESOURCE_EXHAUSTED, "too many calls")
        return None

    def answer(self, method, context, answers):
        """A call of the server, on a thread of its own."""
        channel, error, reply = context.channel, None, b""
        requests = RpcStream(channel, method.request_class)
        try:
            result = method.handler(context, requests if method.streams else next(requests))
            if inspect.isgenerator(result):
                with contextlib.closing(result):
                    for each in result:
                        channel.send(each.SerializeToString())
            else:
                reply = result.SerializeToString()
        except RpcError as raised:
            error = raised
        except Exception:  # its text is nobody else's business
            error = RpcError(INTERNAL, "the method has failed")
        with self.changed:
            self.served.pop(channel.id, None)
        if answers and not channel.gone:
            self.respond(channel.id, error, 0, reply)
        with self.changed:
            self.answering -= 1
        self.leave_when_done()

    def respond(self, call, error, flags, reply=b""):
        if error is None:
            return self.write(Frame(RESPONSE, flags, OK, call, reply))
        more, body = encode_status(error)
        return self.write(Frame(RESPONSE, flags | more, error.code, call, body))


class StringValue(str):
    """google.protobuf.StringValue, for the methods of the wire itself."""

    def SerializeToString(self):
        data, size, digits = self.encode(), len(self.encode()), b""
        while size > 0x7F:
            digits, size = digits + bytes([size & 0x7F | 0x80]), size >> 7
        return b"\n" + digits + bytes([size]) + data if data else b""

    @classmethod
    def FromString(cls, data):
        at = 1
        while at < len(data) and data[at] & 0x80:
            at += 1
        return cls(data[at + 1:].decode(errors="replace"))


# ---- as a program

def call_by_reflection(client, method, text, timeout):
    from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

    listed = client.call("twister.Reflection/Methods", StringValue(method), StringValue, timeout=timeout)
    lines = [line.split() for line in listed.splitlines()]
    found = next((words for words in lines if words[0] == method), None)
    if found is None:
        raise RpcError(UNIMPLEMENTED, f"the server has no method {method}")
    files = client.call("twister.Reflection/Descriptors", StringValue(method), descriptor_pb2.FileDescriptorSet,
                        timeout=timeout)
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    # The name is another one from version 4.22 on.
    class_of = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
    request_class, reply_class = (class_of(pool.FindMessageTypeByName(name)) for name in found[2:4])
    request = json_format.Parse(text, request_class(), descriptor_pool=pool)
    if found[1] == "server_stream":
        replies = client.server_stream(method, request, reply_class, timeout=timeout)
    else:
        replies = [client.call(method, request, reply_class, timeout=timeout)]
    for reply in replies:
        print(json_format.MessageToJson(reply, indent=None), flush=True)


def main(arguments):
    parser = argparse.ArgumentParser(description="Calls a method of a server that describes itself.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8888)
    parser.add_argument("--timeout", type=float, help="seconds")
    parser.add_argument("method", help="such as calculator.Calculator/Add")
    parser.add_argument("request", nargs="?", default="{}", help="JSON")
    options = parser.parse_args(arguments)
    try:
        with RpcClient(options.host, options.port, timeout=options.timeout or 10) as client:
            call_by_reflection(client, options.method, options.request, options.timeout)
    except (RpcError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
