"""The kv sample: by hand, by Redis's own tools, and beside a real redis-server, byte for byte."""

import fcntl
import os
import pty
import random
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import termios
import unittest

from harness import DEADLINE, SANITIZED, Client, ProgramTest, eventually, program

MIB = 1 << 20


def command(*arguments):
    """A command as an array of bulk strings."""
    data = b"*%d\r\n" % len(arguments)
    for argument in arguments:
        if not isinstance(argument, bytes):
            argument = str(argument).encode()
        data += b"$%d\r\n%b\r\n" % (len(argument), argument)
    return data


def receive_reply(client):
    """The bytes of one reply."""
    line = b""
    while not line.endswith(b"\n"):
        line += client.receive(1)
    kind, rest = line[:1], line[1:-2]
    if kind == b"$" and rest != b"-1":
        return line + client.receive(int(rest) + 2)
    if kind == b"*" and rest != b"-1":
        return line + b"".join(receive_reply(client) for _ in range(int(rest)))
    return line


class KvProgram(ProgramTest):
    def ask(self, client, *arguments):
        client.send(command(*arguments))
        return receive_reply(client)

    def check(self, client, expected, *arguments):
        self.assertEqual(self.ask(client, *arguments), expected, arguments)

    def refused(self, server, sent, expected_before=b""):
        """Sends what is no RESP: an error is answered and the connection ends; others are served on."""
        client = self.connect(server)
        client.send(sent)
        said = client.rest()
        self.assertTrue(said.startswith(expected_before + b"-ERR Protocol error: "), said)
        self.assertEqual(said.count(b"\r\n"), expected_before.count(b"\r\n") + 1, said)
        self.check(self.connect(server), b"+PONG\r\n", "PING")


class KvTest(KvProgram):
    def test_keeps_strings(self):
        client = self.connect(self.serve())
        self.check(client, b"$-1\r\n", "GET", "key")
        self.check(client, b"+OK\r\n", "SET", "key", b"any\r\nbytes\0\xff")
        self.check(client, b"$12\r\nany\r\nbytes\0\xff\r\n", "GET", "key")
        self.check(client, b"+OK\r\n", "MSET", "a", 1, "b", "")
        self.check(client, b"*3\r\n$1\r\n1\r\n$0\r\n\r\n$-1\r\n", "MGET", "a", "b", "c")
        self.check(client, b":2\r\n", "INCR", "a")
        self.check(client, b":-40\r\n", "DECRBY", "a", 42)
        self.check(client, b":2\r\n", "DEL", "a", "b", "c")
        self.check(client, b":1\r\n", "DBSIZE")

    def test_keeps_lists(self):
        client = self.connect(self.serve())
        self.check(client, b":3\r\n", "RPUSH", "list", "a", "b", "c")
        self.check(client, b":4\r\n", "LPUSH", "list", "z")
        self.check(client, b"*2\r\n$1\r\nb\r\n$1\r\nc\r\n", "LRANGE", "list", -2, -1)
        self.check(client, b"$1\r\nz\r\n", "LPOP", "list")
        self.check(client, b"*3\r\n$1\r\nc\r\n$1\r\nb\r\n$1\r\na\r\n", "RPOP", "list", 5)
        self.check(client, b":0\r\n", "EXISTS", "list")

    def test_clients_see_the_same_keys(self):
        server = self.serve()
        one, other = self.connect(server), self.connect(server)
        self.check(one, b"+OK\r\n", "SET", "key", "value")
        self.check(other, b"$5\r\nvalue\r\n", "GET", "key")

    def test_answers_what_is_typed(self):
        client = self.connect(self.serve())
        client.send(b"SET greeting \"hello world\"\r\nget greeting\n\r\nPING\r\n")
        self.assertEqual(client.receive(5 + 18 + 7), b"+OK\r\n$11\r\nhello world\r\n+PONG\r\n")

    def test_answers_a_pipeline_in_order(self):
        client = self.connect(self.serve())
        client.send(b"".join(command("INCR", "counter") for _ in range(10_000)))
        expected = b"".join(b":%d\r\n" % (number + 1) for number in range(10_000))
        self.assertTrue(client.receive(len(expected)) == expected)

    def test_answers_a_command_that_comes_byte_by_byte(self):
        client = self.connect(self.serve())
        client.send_bytewise(command("SET", "key", "value") + command("GET", "key"))
        self.assertEqual(client.receive(16), b"+OK\r\n$5\r\nvalue\r\n")

    def test_keeps_a_value_of_exactly_the_limit(self):
        client = self.connect(self.serve())
        value = b"x" * (MIB - len("SET") - len("key"))
        self.check(client, b"+OK\r\n", "SET", "key", value)
        self.assertTrue(self.ask(client, "GET", "key") == b"$%d\r\n%b\r\n" % (len(value), value))

    def test_says_goodbye(self):
        client = self.connect(self.serve())
        client.send(command("QUIT") + command("PING"))
        self.assertEqual(client.rest(), b"+OK\r\n")

    def test_tells_about_itself(self):
        client = self.connect(self.serve())
        self.check(client, b"+OK\r\n", "SET", "key", "value")
        info = self.ask(client, "INFO").decode()
        self.assertRegex(info, r"used_memory:\d+\r\n")
        self.assertIn("db0:keys=1\r\n", info)
        self.check(client, b"-NOPROTO unsupported protocol version\r\n", "HELLO", "3")
        self.assertTrue(self.ask(client, "HELLO", "2").startswith(b"*6\r\n"))
        self.check(client, b"*0\r\n", "COMMAND", "DOCS")

    def test_runs_on_one_thread(self):
        status, said = self.refuses("--threads", "2")
        self.assertEqual(status, 2)
        self.assertIn("this program runs on one thread", said)


class KvMemoryTest(KvProgram):
    def test_refuses_to_grow_beyond_its_memory(self):
        server = self.serve("--max-memory", "4")
        client = self.connect(server)
        replies = [self.ask(client, "SET", f"key{number}", "x" * 500_000) for number in range(20)]
        self.assertEqual(replies[:8], [b"+OK\r\n"] * 8)
        refusal = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"
        self.assertEqual(replies[-1], refusal)
        self.check(client, refusal, "LPUSH", "list", "a")
        self.check(client, b":1\r\n", "EXISTS", "key0")
        self.check(client, b":2\r\n", "DEL", "key0", "key1")
        self.check(client, b"+OK\r\n", "SET", "key", "value")

    def test_takes_its_option_wherever_it_stands(self):
        client = self.connect(self.serve("--max-memory", "1", "--max-connections", "5"))
        for _ in range(3):
            self.ask(client, "RPUSH", "list", "x" * 500_000)
        self.assertTrue(self.ask(client, "RPUSH", "list", "x").startswith(b"-OOM "))

    def test_lists_its_option_among_the_others(self):
        said = subprocess.run([program(), "--help"], capture_output=True, text=True, timeout=DEADLINE, check=True)
        self.assertIn("\n  --max-memory MIB  ", said.stdout)

    def test_gives_back_what_lists_and_keys_took(self):
        client = self.connect(self.serve())

        def used():
            return int(self.ask(client, "INFO").decode().split("used_memory:")[1].split("\r\n")[0])

        for _ in range(3):
            self.ask(client, "RPUSH", "list", *range(1000))
            self.ask(client, "SET", "key", "x" * 1000)
            self.ask(client, "SET", "key", "shorter")
            self.assertGreater(used(), 1000)
            self.ask(client, "LPOP", "list", 500)
            self.ask(client, "SET", "list", "another type", "PX", 100_000)
            self.ask(client, "DEL", "list", "key")
            self.assertEqual(used(), 0)

    def test_answers_no_more_than_a_connection_may_hold(self):
        client = self.connect(self.serve())
        self.ask(client, "SET", "key", "x" * 900_000)
        self.check(client, b"-ERR the reply would be too long\r\n", "MGET", *["key"] * 60_000)
        for _ in range(10):
            self.ask(client, "RPUSH", "list", "x" * 900_000)
        self.check(client, b"-ERR the reply would be too long\r\n", "LRANGE", "list", 0, -1)
        self.check(client, b":10\r\n", "LLEN", "list")

    def test_needs_a_number(self):
        for value in ("0", "-1", "much", "1.5"):
            with self.subTest(value=value):
                status, said = self.refuses("--max-memory", value)
                self.assertEqual(status, 2)
                self.assertIn("--max-memory", said)
        self.assertIn("--max-memory", self.refuses("--max-memory")[1])


class KvExpiryTest(KvProgram):
    def test_forgets_a_key_when_its_time_is_over(self):
        client = self.connect(self.serve())
        self.check(client, b"+OK\r\n", "SET", "key", "value", "PX", 20)
        eventually(lambda: self.ask(client, "GET", "key") == b"$-1\r\n", "the key expires")
        self.check(client, b":-2\r\n", "TTL", "key")

    def test_forgets_keys_that_nobody_asks_for(self):
        client = self.connect(self.serve())
        client.send(b"".join(command("SET", f"key{number}", "value", "PX", 20) for number in range(20_000)))
        client.receive(20_000 * 5)
        self.check(client, b"+OK\r\n", "SET", "other", "value")
        eventually(lambda: self.ask(client, "DBSIZE") == b":1\r\n", "all other keys expire")

    def test_tells_and_changes_the_time(self):
        client = self.connect(self.serve())
        self.check(client, b"+OK\r\n", "SET", "key", "value", "EX", 100)
        self.check(client, b":100\r\n", "TTL", "key")
        self.check(client, b":1\r\n", "PEXPIRE", "key", 1_000_000)
        self.check(client, b":1000\r\n", "TTL", "key")
        self.check(client, b"+OK\r\n", "SET", "key", "value", "KEEPTTL")
        self.check(client, b":1000\r\n", "TTL", "key")
        self.check(client, b":1\r\n", "PERSIST", "key")
        self.check(client, b":-1\r\n", "TTL", "key")
        self.check(client, b":1\r\n", "EXPIRE", "key", -1)
        self.check(client, b":0\r\n", "EXISTS", "key")

    def test_a_new_value_has_no_time(self):
        client = self.connect(self.serve())
        for change in (("SET", "key", "new"), ("MSET", "key", "new")):
            self.ask(client, "SET", "key", "old", "EX", 100)
            self.check(client, b"+OK\r\n", *change)
            self.check(client, b":-1\r\n", "TTL", "key")


class KvChannelsTest(KvProgram):
    def test_tells_subscribers_what_is_published(self):
        server = self.serve()
        subscriber, publisher = self.connect(server), self.connect(server)
        self.check(subscriber, b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n", "SUBSCRIBE", "news")
        self.check(publisher, b":0\r\n", "PUBLISH", "other", "nobody hears it")
        self.check(publisher, b":1\r\n", "PUBLISH", "news", "hello")
        self.assertEqual(receive_reply(subscriber), b"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n")
        self.check(subscriber, b"*3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:0\r\n", "UNSUBSCRIBE", "news")
        self.check(publisher, b":0\r\n", "PUBLISH", "news", "nobody hears it")
        self.check(subscriber, b"$-1\r\n", "GET", "key")

    def test_a_subscriber_may_do_little_else(self):
        client = self.connect(self.serve())
        self.ask(client, "SUBSCRIBE", "news")
        self.assertIn(b"-ERR Can't execute 'get': only", self.ask(client, "GET", "key"))
        self.assertIn(b"-ERR Can't execute 'publish': only", self.ask(client, "PUBLISH", "news", "to myself"))
        self.check(client, b"*2\r\n$4\r\npong\r\n$0\r\n\r\n", "PING")
        self.check(client, b"+OK\r\n", "QUIT")

    def test_forgets_subscribers_that_leave(self):
        server = self.serve()
        publisher = self.connect(server)
        for leave in (Client.close, Client.reset):
            subscriber = self.connect(server)
            self.ask(subscriber, "SUBSCRIBE", "news", "weather")
            self.check(publisher, b":1\r\n", "PUBLISH", "weather", "fine")
            leave(subscriber)
            eventually(lambda: self.ask(publisher, "PUBLISH", "news", "hello") == b":0\r\n", "it is forgotten")

    def test_disconnects_a_subscriber_that_does_not_listen(self):
        server = self.serve()
        slow, other, publisher = (self.connect(server) for _ in range(3))
        self.ask(slow, "SUBSCRIBE", "news")
        publish = command("PUBLISH", "news", b"x" * 1_000_000)

        def is_gone():
            publisher.send(publish)
            return receive_reply(publisher) == b":0\r\n"

        eventually(is_gone, "the slow subscriber is disconnected")
        self.assertIn("slow consumer", eventually(server.errors, "that is logged"))
        self.check(other, b"+PONG\r\n", "PING")

    def test_bounds_the_channels_of_a_client(self):
        client = self.connect(self.serve())
        client.send(command("SUBSCRIBE", *range(1025)))
        for _ in range(1024):
            receive_reply(client)
        self.assertEqual(receive_reply(client), b"-ERR too many channels\r\n")
        client.send(command("UNSUBSCRIBE"))
        for left in range(1023, -1, -1):
            self.assertTrue(receive_reply(client).endswith(b":%d\r\n" % left))


class KvEdgesTest(KvProgram):
    """Where two things meet: the end of a key and a command on it, a bound and what is asked for."""

    def test_time_stands_still_while_a_command_runs(self):
        # Keys that expire at any moment, also between two looks at the same one.
        server = self.serve()
        client = self.connect(server)
        for _ in range(20):
            client.send((command("RPUSH", "l", "x") + command("PEXPIRE", "l", 1) + command("LPOP", "l")) * 500)
            for _ in range(500):
                self.assertEqual(receive_reply(client)[:1], b":")
                self.assertEqual(receive_reply(client), b":1\r\n")
                self.assertIn(receive_reply(client), (b"$1\r\nx\r\n", b"$-1\r\n"))
        self.check(client, b"+PONG\r\n", "PING")

    def test_a_pop_that_would_be_too_long_takes_nothing(self):
        client = self.connect(self.serve())
        for _ in range(10):
            self.ask(client, "RPUSH", "l", b"x" * 1_000_000)
        self.check(client, b"-ERR the reply would be too long\r\n", "LPOP", "l", 10)
        self.check(client, b":10\r\n", "LLEN", "l")

    @unittest.skipIf(SANITIZED, "a sanitizer keeps what was freed")
    def test_what_a_shorter_value_needs_no_more_is_given_back(self):
        server = self.serve()
        client = self.connect(server)
        before = server.resident_bytes()
        for number in range(100):
            self.check(client, b"+OK\r\n", "SET", f"k{number}", b"x" * 900_000)
            self.check(client, b"+OK\r\n", "SET", f"k{number}", "")
        self.assertLess(server.resident_bytes() - before, 20 * MIB)

    def test_names_of_channels_are_bounded(self):
        client = self.connect(self.serve())
        self.check(client, b"-ERR channel name too long\r\n", "SUBSCRIBE", b"x" * 1025)
        self.check(client, b"+PONG\r\n", "PING")

    def test_reset_leaves_every_channel(self):
        client = self.connect(self.serve())
        self.check(client, b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n", "SUBSCRIBE", "a")
        self.check(client, b"+RESET\r\n", "RESET")
        self.check(client, b"$1\r\nx\r\n", "ECHO", "x")


class KvHostileTest(KvProgram):
    def test_what_is_no_resp_is_named_and_ends_the_connection(self):
        server = self.serve()
        for sent in (b"*1000000000\r\n", b"*1\r\n$-2\r\n", b"*1\r\n$536870912\r\n",
                     b"*" + b"9" * 100_000, b"*1\r\n$" + b"1" * 100_000, b"*1\r\n$4\r\nPINGxx", b"*1\n",
                     b"*1\r\n:1\r\n", b"*+1\r\n", b"x" * 100_000, b"SET 'a b\r\n", b'SET "a"b c\r\n'):
            with self.subTest(sent=sent[:20]):
                self.refused(server, sent)

    def test_what_came_before_is_answered(self):
        self.refused(self.serve(), command("PING") + b"PING\r\n" + b"*x\r\n" + command("FLUSHALL"),
                     b"+PONG\r\n+PONG\r\n")

    def test_what_is_promised_takes_no_memory(self):
        server = self.serve()
        before = server.resident_bytes()
        for _ in range(200):
            client = self.connect(server)
            client.send(b"*65536\r\n$1000000\r\nx")
        self.check(self.connect(server), b"+PONG\r\n", "PING")
        if not SANITIZED:  # 200 MB were announced
            self.assertLess(server.resident_bytes() - before, 16 * MIB)

    def test_many_empty_arguments_are_not_parsed_again_and_again(self):
        client = self.connect(self.serve())
        client.send(b"*65536\r\n$3\r\nDEL\r\n")
        for _ in range(655):
            client.send(b"$0\r\n\r\n" * 100)  # reads of any size
        client.send(b"$0\r\n\r\n" * 35)
        self.assertEqual(receive_reply(client), b":0\r\n")

    def test_an_error_cannot_be_made_a_reply(self):
        client = self.connect(self.serve())
        self.check(client, b"-ERR unknown command 'a  +OK', with args beginning with: \r\n", "a\r\n+OK")

    def test_a_browser_is_sent_away(self):
        server = self.serve()
        for request in (b"POST / HTTP/1.1\r\nHost: x\r\n\r\nFLUSHALL\r\n",
                        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nFLUSHALL\r\n"):
            client = self.connect(server)
            client.send(command("SET", "key", "value"))
            client.receive(5)
            client.send(request)
            self.assertNotIn(b"OK", client.rest())
            self.check(self.connect(server), b":1\r\n", "EXISTS", "key")

    def test_random_bytes_do_no_harm(self):
        server = self.serve()
        generator = random.Random(1)
        for _ in range(100):
            client = self.connect(server)
            client.send(command("PING") + generator.randbytes(generator.randrange(2000)))
            client.end()
            self.assertTrue(client.rest().startswith(b"+PONG\r\n"))
            client.close()
        self.check(self.connect(server), b"+PONG\r\n", "PING")


def needs(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    return unittest.skipIf(missing, f"not installed: {missing}")


class KvRedisToolsTest(KvProgram):
    def cli(self, server, *arguments, text=None):
        result = subprocess.run(["redis-cli", "-p", str(server.port), *arguments], input=text, text=True,
                                capture_output=True, timeout=DEADLINE, check=True)
        self.assertEqual(result.stderr, "")
        return result.stdout

    @needs("redis-cli")
    def test_redis_cli(self):
        server = self.serve()
        self.assertEqual(self.cli(server, "SET", "key", "a value"), "OK\n")
        self.assertEqual(self.cli(server, "GET", "key"), "a value\n")
        self.assertEqual(self.cli(server, "--no-raw", "MGET", "key", "none"), '1) "a value"\n2) (nil)\n')
        self.assertEqual(self.cli(server, text="LPUSH list a b\nLRANGE list 0 -1\nnonsense\n"),
                         "2\nb\na\nERR unknown command 'nonsense', with args beginning with: \n\n")
        self.assertEqual(self.cli(server, "-r", "3", "INCR", "counter"), "1\n2\n3\n")

    @needs("redis-cli")
    def test_redis_cli_with_many_commands_at_once(self):
        server = self.serve()
        said = self.cli(server, "--pipe", text="".join(f"SET key{number} {number}\r\n" for number in range(5000)))
        self.assertIn("errors: 0, replies: 5000", said)
        self.assertEqual(self.cli(server, "DBSIZE"), "5000\n")

    @needs("redis-cli")
    def test_redis_cli_at_a_terminal(self):
        server = self.serve()
        terminal, its_end = pty.openpty()
        self.addCleanup(os.close, terminal)
        fcntl.ioctl(its_end, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 200, 0, 0))
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        process = subprocess.Popen(["redis-cli", "-p", str(server.port)], stdin=its_end, stdout=its_end,
                                   stderr=its_end, start_new_session=True,
                                   env={**os.environ, "HOME": home.name, "TERM": "xterm"})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(its_end)

        def read_until(*texts):
            seen = b""
            for text in texts:
                while text not in seen:
                    self.assertTrue(select.select([terminal], [], [], DEADLINE)[0], seen)
                    seen += os.read(terminal, 4096)
                seen = seen.partition(text)[2]

        read_until(b"> ")  # it has asked for COMMAND DOCS
        for typed, answer, then in ((b'set key "a value"', b"OK", b"> "), (b"get key", b'\n"a value"', b"> "),
                                    (b"lpush key a", b"WRONGTYPE", b"> "),  # the prompt: it drops what came before
                                    (b"subscribe news", b"Reading messages", b"(integer) 1")):
            os.write(terminal, typed + b"\r")
            read_until(answer, then)
        publisher = self.connect(server)
        self.check(publisher, b":1\r\n", "PUBLISH", "news", "hello terminal")
        read_until(b"hello terminal")

    @needs("redis-benchmark")
    def test_redis_benchmark(self):
        server = self.serve()
        result = subprocess.run(
            ["redis-benchmark", "-p", str(server.port), "-n", "2000", "-P", "16", "-r", "100", "--csv", "-t",
             "ping,set,get,incr,lpush,rpush,lpop,rpop,lrange_100,mset"],
            capture_output=True, text=True, timeout=DEADLINE, check=True)
        self.assertEqual(result.stderr, "")
        self.assertEqual(result.stdout.count("\n"), 13, result.stdout)  # a heading, ping and lrange twice
        self.assertNotIn("rror", result.stdout)


class RedisServer:
    """A real one, on a port of its own; looks like harness.Server."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        path = os.path.join(self.directory.name, "socket")
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir",
             self.directory.name], stdout=subprocess.DEVNULL)
        self.address = path
        eventually(lambda: os.path.exists(path) and self._accepts(), "redis-server starts")

    def _accepts(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.address) == 0

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()


@needs("redis-server")
class KvBesideRedisTest(KvProgram):
    """The same commands to both, and the same bytes from both."""

    def setUp(self):
        self.redis = RedisServer()
        self.addCleanup(self.redis.stop)
        self.server = self.serve()

    def compare(self, commands):
        ours, theirs = self.connect(self.server), self.connect(self.redis)
        for sent in commands:
            data = sent if isinstance(sent, bytes) else command(*sent)
            replies = []
            for client in (ours, theirs):
                client.send(data)
                replies.append(receive_reply(client))
            self.assertEqual(replies[0], replies[1], data)

    def split(self, text):
        return [line.split() for line in text.strip().splitlines()]

    def test_strings(self):
        self.compare(self.split("""
            GET none
            SET a 1
            get a
            GeT a
            SET a 2 NX
            SET a 2 XX
            SET b 2 XX
            SET b 2 NX
            SET b 3 nx xx
            SET b 3 EX
            SET b 3 EX ten
            SET b 3 EX 0
            SET b 3 PX -1
            SET b 3 EX 9223372036854775807
            SET b 3 EX 9223372036854775
            SET b 3 EX 10 PX 10
            SET b 3 EX 10 KEEPTTL
            SET b 3 KEEPTTL
            SET b 3 nonsense
            SET b 3 PX 100000
            TTL b
            SET b 4 KEEPTTL NX
            SET b 4 xx keepttl
            TTL b
            SET b 5
            TTL b
            MSET c 3 d 4
            MSET c 3 d
            MSET
            MGET a b c d none
            MGET
            INCR a
            DECR a
            INCRBY a 10
            INCRBY a -20
            DECRBY a 5
            DECRBY a -9223372036854775808
            INCRBY a 9223372036854775807
            INCRBY a 9223372036854775807
            DECRBY a 9223372036854775807
            INCRBY a ten
            INCRBY a 1.5
            INCRBY a +1
            INCRBY a 01
            SET big 9223372036854775807
            INCR big
            DECR big
            SET small -9223372036854775808
            DECR small
            SET text words
            INCR text
            SET zeros 007
            INCR zeros
            SET minus -0
            INCR minus
            SET plus +1
            INCR plus
            INCR new
            DECRBY newer 7
            GET
            GET a b
            SET a
            INCR
            INCRBY a
        """) + [("SET", "blank", " 1"), ("INCR", "blank"), ("SET", "", "empty key"), ("GET", ""),
                ("SET", "empty", ""), ("GET", "empty"), ("INCR", "empty"), ("SET", b"\0\r\n\xff", b"\xfe\r\n\0"),
                ("GET", b"\0\r\n\xff"), ("SET", "long", "x" * 100_000), ("GET", "long"), ("ECHO", "")])

    def test_lists(self):
        self.compare(self.split("""
            LPUSH l a b c
            RPUSH l d e
            LRANGE l 0 -1
            LRANGE l 1 2
            LRANGE l -100 100
            LRANGE l -2 -1
            LRANGE l 3 1
            LRANGE l 5 10
            LRANGE l -100 -50
            LRANGE l a b
            LRANGE l 0 9223372036854775807
            LRANGE l -9223372036854775808 1
            LRANGE none 0 -1
            LLEN l
            LLEN none
            LPOP l
            RPOP l
            LPOP l 0
            LPOP l 2
            RPOP l 10
            EXISTS l
            LPOP l
            LPOP l 2
            LPOP none 0
            LPOP l -1
            LPOP l many
            LPOP l 1 2
            RPOP
            RPUSH l x
            TYPE l
            GET l
            INCR l
            MGET l l
            SET s text
            TYPE s
            TYPE none
            LPUSH s a
            RPUSH s a
            LPOP s
            RPOP s 1
            LLEN s
            LRANGE s 0 -1
            SET l over
            LPUSH l a
            LPUSH l
            LPUSH
            RPUSH m 1
            EXPIRE m 100
            RPUSH m 2
            TTL m
            DEL m s
        """))

    def test_keys_and_times(self):
        self.compare(self.split("""
            SET a 1
            EXISTS a a none
            EXISTS
            EXPIRE a 100
            TTL a
            INCR a
            TTL a
            PEXPIRE a 5000000
            TTL a
            PERSIST a
            PERSIST a
            PERSIST none
            TTL a
            PTTL a
            PTTL none
            TTL none
            EXPIRE none 10
            EXPIRE a ten
            EXPIRE a 9223372036854775807
            EXPIRE a -9223372036854775808
            PEXPIRE a 9223372036854775807
            EXPIRE a 100000000000
            TTL a
            EXPIRE a 0
            GET a
            SET a 1
            PEXPIRE a -1
            EXISTS a
            DEL a none
            SET b 1
            DEL b b
            DBSIZE
            DEL
            TYPE
            TTL
            EXPIRE a
            SET c 1
            FLUSHALL
            DBSIZE
        """))

    def test_the_server(self):
        self.compare([
            *self.split("""
                PING
                PING hello
                PING a b
                ECHO hello
                ECHO
                SELECT 0
                SELECT -1
                SELECT 1000
                SELECT one
                CONFIG GET save
                CONFIG get appendonly
                CONFIG GET none
                CONFIG nonsense a
                CLIENT SETNAME tester
                CLIENT nonsense
                HELLO 4
                nonsense
                nonsense a b c
                NONSENSE
            """),
            ("nonsense", "x" * 300, "y"), ("n" * 300, "y" * 100, "z" * 100, "z"), ("",), ("a\r\nb", "c\nd"),
            ("no such command", "with blanks"), (b"\xff\xfe", b"\xfd"),
            b"PING\r\n", b"set typed 'a b'\r\n", b'get "typed"\r\n', b'echo "\\x41\\n\\"\'"\n', b"\r\n\r\nPING\r\n",
            b"*0\r\n*-1\r\n*-5\r\nPING\r\n", b"  PING  \r\n",
        ])

    def test_channels(self):
        self.compare([
            ("UNSUBSCRIBE",), ("PUBLISH", "a", "b"), ("SUBSCRIBE", "a"), ("SUBSCRIBE", "a"), ("GET", "key"),
            ("PING",), ("PING", "hello"), ("SUBSCRIBE",), ("UNSUBSCRIBE", "none"), ("UNSUBSCRIBE", "a"), ("PING",),
            ("UNSUBSCRIBE", "a")])

    def test_what_is_no_resp(self):
        for sent in (b"*x\r\n", b"*1\r\n$x\r\n", b"*1\r\n$-1\r\n", b"*1\r\n:1\r\n", b"SET 'a\r\n",
                     b"*1\r\n$1000000000\r\n", b"x" * 70_000):
            for server in (self.server, self.redis):
                client = self.connect(server)
                client.send(command("PING") + sent)
                with self.subTest(sent=sent[:20], server=type(server).__name__):
                    self.assertRegex(client.rest(), rb"\A\+PONG\r\n-ERR Protocol error: [^\r\n]+\r\n\Z")

    def test_random_commands(self):
        generator = random.Random(20_240_601)
        keys = ["a", "b", "c", "d", "e"]
        values = ["1", "-5", "", "x", "9223372036854775807", "long " * 20, "01"]
        numbers = ["0", "1", "2", "-1", "-2", "5", "x", "100"]
        shapes = [("GET", keys), ("SET", keys, values), ("SET", keys, values, ["NX", "XX", "KEEPTTL", "GETS"]),
                  ("SET", keys, values, ["EX"], ["100", "0", "x"]), ("INCR", keys), ("DECRBY", keys, numbers),
                  ("LPUSH", keys, values), ("RPUSH", keys, values, values), ("LPOP", keys), ("RPOP", keys, numbers),
                  ("LRANGE", keys, numbers, numbers), ("LLEN", keys), ("DEL", keys), ("EXISTS", keys, keys),
                  ("TYPE", keys), ("EXPIRE", keys, ["100", "-1", "x"]), ("TTL", keys), ("PERSIST", keys),
                  ("MGET", keys, keys), ("MSET", keys, values, keys, values), ("DBSIZE",)]
        commands = []
        for _ in range(4000):
            name, *choices = generator.choice(shapes)
            commands.append((name, *(generator.choice(one) for one in choices)))
        ours, theirs = self.connect(self.server), self.connect(self.redis)
        for begin in range(0, len(commands), 50):  # pipelined
            some = commands[begin:begin + 50]
            for client in (ours, theirs):
                client.send(b"".join(command(*one) for one in some))
            for one in some:
                self.assertEqual(receive_reply(ours), receive_reply(theirs), one)


if __name__ == "__main__":
    unittest.main()
