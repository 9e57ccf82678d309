"""twister connect, against a server that sends every message back."""

import json
import signal
import socket
import subprocess
import tempfile
import unittest

from tool_harness import (CONNECTION, DEADLINE, OK, ROOT, STATUS, USAGE, Terminal, address_of, edits_lines, environment,
                          tool, tool_path)
from harness import ProgramTest, make_certificate


# Where a line of output begins: behind another, or over the prompt.
LINE = r"(?:\n|\x1b\[K)"


class ConnectTest(ProgramTest):
    def connect(self, codec, *more, given, server_codec=None):
        server = self.serve("--codec", server_codec or codec)
        return tool("connect", address_of(server), "--codec", codec, *more, given=given)

    def test_speaks_codecs_by_their_names(self):
        values = [{"a": [1, 2.5, None, True]}, {"text": "h\u00e9\u0000\u001b"}]
        given = "".join(json.dumps(value) + "\n" for value in values)
        for codec in ("jsonl", "msgpack", "lp32/json", "varint/msgpack", "netstring/json", "json-texts/json",
                      "content-length/json", "delimited:00ff/json", "length-prefixed:2le/msgpack"):
            with self.subTest(codec):
                done = self.connect(codec, given=given)
                self.assertEqual((done.returncode, done.stderr), (OK, ""))
                self.assertEqual([json.loads(line) for line in done.stdout.splitlines()], values)

    def test_prints_bytes_as_text_or_in_hexadecimal_digits(self):
        given = '"hello"\n{"hex": "00ff10"}\n"\\u0000"\n'
        done = self.connect("lp32", given=given)
        self.assertEqual((done.returncode, done.stdout), (OK, '"hello"\n{"hex":"00ff10"}\n"\\u0000"\n'))
        done = self.connect("lines/text", given='"h\u00e9"\n')
        self.assertEqual(json.loads(done.stdout), "h\u00e9")

    def test_takes_lines_of_text_as_they_are(self):
        done = self.connect("lines", "--text", given="hello\n\nit's \"me\"\r\nno end")
        self.assertEqual((done.returncode, done.stdout), (OK, "hello\n\nit's \"me\"\nno end\n"))
        done = self.connect("lp16", "--text", given=b"\x00\xff\n")
        self.assertEqual((done.returncode, done.stdout), (OK, b"\x00\xff\n"))

    def test_speaks_protobuf_of_a_proto_file(self):
        proto = ROOT / "tests" / "echo_message.proto"
        text = '{"text":"hi"}' if "string text" in proto.read_text() else "{}"
        done = self.connect("lp32/protobuf:echo.Message", "--proto", proto, given=text + "\n", server_codec="lp32/protobuf")
        self.assertEqual((done.returncode, done.stdout), (OK, text + "\n"), done.stderr)

    def test_says_which_line_is_wrong_and_goes_on(self):
        done = self.connect("jsonl", given='{"a": 1}\n{"a": \n\n{"b": 2}\n')
        self.assertEqual((done.returncode, done.stdout), (USAGE, '{"a":1}\n{"b":2}\n'))
        self.assertRegex(done.stderr, r"\Atwister: the text in line 2 is not JSON: [^\n]+\n\Z")
        done = self.connect("fixed:4", given='"four"\n"five and more"\n{"hex": "0"}\n[1]\n')
        self.assertEqual((done.returncode, done.stdout), (USAGE, '"four"\n'))
        self.assertEqual([line.split(":")[1] for line in done.stderr.splitlines()],
                         [f" line {number} was not sent" for number in (2, 3, 4)])

    def test_waits_for_answers_to_much_input(self):
        count = 20000
        done = self.connect("jsonl", given="".join(f'{{"n":{i}}}\n' for i in range(count)))
        self.assertEqual(done.stdout.splitlines(), [f'{{"n":{i}}}' for i in range(count)], done.stderr)

    def test_sends_more_than_a_connection_takes_at_once(self):
        texts = [str(i) * 10000 for i in range(1000, 1100)]
        done = self.connect("lp32/json", given="".join(f'["{text}"]\n' for text in texts))
        self.assertEqual([json.loads(line) for line in done.stdout.splitlines()], [[text] for text in texts], done.stderr)

    def test_ends_when_nothing_comes_any_more(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            process = subprocess.Popen([tool_path(), "connect", "127.0.0.1:%d" % listener.getsockname()[1], "--codec",
                                        "lines", "--linger", "0.1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       env=environment(), text=True)
            self.addCleanup(process.stdout.close)
            process.stdin.write('"hi"\n')
            process.stdin.close()
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(DEADLINE)
                self.assertEqual(connection.makefile("rb").read(), b"hi\n")
                self.assertEqual(process.wait(DEADLINE), OK)

    def talk_to(self, says, *options):
        """What becomes of it when the server says that and leaves."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            process = subprocess.Popen([tool_path(), "connect", "127.0.0.1:%d" % listener.getsockname()[1], *options],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       env=environment(), text=True)
            connection, _ = listener.accept()
            connection.sendall(says)
            connection.close()
            with process:
                status = process.wait(DEADLINE)
                return status, process.stdout.read(), process.stderr.read()

    def test_ends_with_the_peer(self):
        self.assertEqual(self.talk_to(b"[1]\n", "--codec", "jsonl"), (OK, "[1]\n", ""))
        status, said, why = self.talk_to(b"[1]\nnonsense\n", "--codec", "jsonl")
        self.assertEqual((status, said), (STATUS, "[1]\n"))
        self.assertIn("JSON", why)
        status, _, why = self.talk_to(b"\x00\x00\x00\x09part", "--codec", "lp32")
        self.assertEqual(status, CONNECTION)
        self.assertIn("inside a message", why)
        status, _, why = self.talk_to(b"\x7f\xff\xff\xff", "--codec", "lp32", "--max-bytes", "100")
        self.assertEqual(status, STATUS)
        self.assertIn("100", why)

    def test_an_interrupt_is_an_end(self):
        process = subprocess.Popen([tool_path(), "connect", address_of(self.serve("--codec", "jsonl")), "--codec", "jsonl",
                                    "--verbose"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, env=environment())
        with process:
            self.assertIn("connected to", process.stderr.readline())
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(DEADLINE), OK)


class ConnectElsewhereTest(ProgramTest):
    def test_believes_who_is_vouched_for(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        certificate, key = make_certificate(folder.name)
        if "TLS" not in tool("--version").stdout:
            self.skipTest("built without TLS")
        server = self.serve("--codec", "jsonl", "--tls-cert", certificate, "--tls-key", key)
        address = f"tls:localhost:{server.port}"
        done = tool("connect", f"{address}?ca={certificate}", "--codec", "jsonl", given="[1]\n")
        self.assertEqual((done.returncode, done.stdout), (OK, "[1]\n"), done.stderr)
        done = tool("connect", address, "--codec", "jsonl", given="[1]\n")
        self.assertEqual((done.returncode, done.stdout), (CONNECTION, ""))
        self.assertIn("certificate", done.stderr)

    def test_speaks_over_unix_sockets(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.serve("--codec", "jsonl", "--unix", f"{folder.name}/socket")
        done = tool("connect", f"unix:{folder.name}/socket", "--codec", "jsonl", given="[1]\n")
        self.assertEqual((done.returncode, done.stdout), (OK, "[1]\n"), done.stderr)


class ConnectOnTerminalTest(ProgramTest):
    def terminal(self, *more, codec="jsonl", **environ):
        server = self.serve("--codec", codec)
        return Terminal(self, "connect", address_of(server), "--codec", codec, "--verbose", *more, **environ)

    def test_answers_lines_and_forgives_mistakes(self):
        terminal = self.terminal()
        terminal.wait_for("connected to")
        terminal.type("[1]\n")
        terminal.wait_for(LINE + r"\[1\]\r\n")
        terminal.type("oops\n")
        terminal.wait_for("line 2 is not JSON")
        terminal.type("[2]\n")
        terminal.wait_for(LINE + r"\[2\]\r\n")
        terminal.type("\x04")
        self.assertEqual(terminal.end()[0], OK)

    def test_has_no_prompt_in_a_pipe(self):
        done = tool("connect", address_of(self.serve("--codec", "jsonl")), "--codec", "jsonl", given="[1]\n")
        self.assertEqual(done.stdout, "[1]\n")

    def test_escapes_what_would_steer_the_terminal(self):
        terminal = self.terminal("--text", codec="lines")
        terminal.wait_for("connected to")
        terminal.type("a\x16\x1b[2Jb\n")  # Ctrl-V: the next one as it is
        terminal.wait_for(r"a\\u001b\[2Jb\r\n")
        terminal.interrupt()
        self.assertEqual(terminal.end()[0], OK)

    def test_edits_lines_and_remembers_them(self):
        if not edits_lines():
            self.skipTest("built without libedit")
        terminal = self.terminal()
        terminal.wait_for("> ")
        terminal.type("[1]\x02, 2\n")  # Ctrl-B: one character back
        terminal.wait_for(LINE + r"\[1,2\]\r\n")
        terminal.type("\x10\n")  # Ctrl-P: the line before
        terminal.wait_for(LINE + r"\[1,2\]\r\n")
        terminal.type("\x04")
        self.assertEqual(terminal.end()[0], OK)


if __name__ == "__main__":
    unittest.main()
