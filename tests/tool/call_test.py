"""twister call, against a server with a method of every kind, by reflection."""

import json
import signal
import socket
import subprocess
import unittest

from tool_harness import (CONNECTION, DEADLINE, DEADLINE_PASSED, ERASED, INTERRUPTED, OK, PROGRESS, ROOT, STATUS,
                          USAGE, Terminal, address_of, environment, tool, tool_path)
from harness import ProgramTest, eventually

PROTO = ROOT / "tests" / "tool" / "talk.proto"


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


class CallTest(ProgramTest):
    def call(self, method, *more, given=None, server=None):
        server = server or self.serve()
        return tool("call", address_of(server), "talk.Talk/" + method, *more, given=given)

    def test_prints_the_reply_on_a_line(self):
        done = self.call("Echo", '{"text": "hi", "more": [{"mood": "LOUD"}]}')
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertEqual(lines(done.stdout), [{"text": "hi", "times": 0, "mood": "CALM", "more": [
            {"text": "", "times": 0, "mood": "LOUD", "more": []}]}])

    def test_reads_the_request_from_a_pipe_or_a_file(self):
        server = self.serve()
        for given in ('{"text":\n "hi"}', ' {"text": "hi"} \n\n', '{"text":"hi"}'):
            done = self.call("Echo", given=given, server=server)
            self.assertEqual(lines(done.stdout)[0]["text"], "hi", done.stderr)
            done = self.call("Echo", "-", given=given, server=server)
            self.assertEqual(lines(done.stdout)[0]["text"], "hi", done.stderr)
        self.assertEqual(lines(self.call("Echo", server=server).stdout)[0]["text"], "", "an empty message")
        self.assertEqual(lines(self.call("Echo", given="", server=server).stdout)[0]["text"], "")
        with open(PROTO, encoding="utf-8") as file:
            done = subprocess.run([tool_path(), "call", address_of(server), "talk.Talk/Echo"], stdin=file, text=True,
                                  capture_output=True, timeout=DEADLINE, env=environment(), check=False)
        self.assertEqual(done.returncode, USAGE, "that is no JSON")

    def test_takes_one_request_where_there_is_one(self):
        done = self.call("Echo", given='{"text": "a"}\n{"text": "b"}\n')
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
        self.assertIn("line 2", done.stderr)
        self.assertIn("takes one request", done.stderr)

    def test_prints_streams_as_they_come(self):
        done = self.call("Repeat", '{"text": "tick", "times": 3}')
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertEqual(lines(done.stdout), [{"text": "tick", "count": str(i)} for i in (1, 2, 3)])

    def test_sends_a_stream_of_requests(self):
        done = self.call("Join", given='{"text": "a"}{"text":"b"}\n\n{"text":\n"c"}')
        self.assertEqual(lines(done.stdout), [{"text": "abc", "count": "3"}], done.stderr)
        self.assertEqual(lines(self.call("Join", '{"text": "a"} {"text": "b"}').stdout), [{"text": "ab", "count": "2"}])
        self.assertEqual(lines(self.call("Join", given="").stdout), [{"text": "", "count": "0"}])

    def test_sends_more_than_a_stream_has_credit_for(self):
        text = "x" * 1000
        done = self.call("Converse", given=(json.dumps({"text": text}) + "\n") * 500)
        self.assertEqual([each["count"] for each in lines(done.stdout)], [str(i + 1) for i in range(500)], done.stderr)

    def test_talks_back_and_forth(self):
        process = subprocess.Popen([tool_path(), "call", address_of(self.serve()), "talk.Talk/Converse"], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), bufsize=1)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        for count in ("1", "2"):
            process.stdin.write('{"text": "hi"}\n')
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline()), {"text": "hi", "count": count})
        process.stdin.close()
        self.assertEqual((process.wait(DEADLINE), process.stdout.read()), (OK, ""))

    def test_sends_a_notice(self):
        server = self.serve()
        done = self.call("Note", '{"text": "milk"}', server=server)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (OK, "", ""))
        eventually(lambda: "noted: milk" in server.errors(), "the notice")

    def test_sends_and_shows_metadata(self):
        done = self.call("Echo", "{}", "--verbose", "--metadata", "trace=7", "-muser=ann=bob")
        self.assertEqual(done.returncode, OK)
        for line in ("talk.Talk/Echo: unary, talk.Say to talk.Say", "> trace: 7", "> user: ann=bob", "< got-trace: 7",
                     "< got-user: ann=bob"):
            self.assertIn(line, done.stderr.splitlines())
        self.assertRegex(done.stderr, r"\nOK after [0-9.]+ ms\n")
        done = self.call("Echo", "{}", "--metadata", "trace")
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("KEY=VALUE", done.stderr)

    def test_says_how_a_call_failed_and_no_control_characters(self):
        done = self.call("Fail", '{"text": "\\u009b\\n\\u202e"}')
        self.assertEqual((done.returncode, done.stdout), (STATUS, ""))
        self.assertEqual(done.stderr, "NOT_FOUND (5): no such room: \\u001b[2J\\u009b\\u000a\\u202e\n"
                                      "details: room\\u0000\\xff\n")

    def test_gives_up_at_the_deadline(self):
        server = self.serve()
        done = self.call("Never", "{}", "--timeout", "1", server=server)
        self.assertEqual(done.returncode, DEADLINE_PASSED, done.stderr)
        self.assertIn("DEADLINE_EXCEEDED (4)", done.stderr)

    def test_an_interrupt_cancels(self):
        server = self.serve()
        process = subprocess.Popen([tool_path(), "call", address_of(server), "talk.Talk/Never", '{"text": "me"}',
                                    "--verbose"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stdin=subprocess.DEVNULL, text=True, env=environment())
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        self.assertIn("unary", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(DEADLINE), INTERRUPTED)
        self.assertIn("CANCELLED", process.stderr.read())

    def test_suggests_methods_that_are_near(self):
        server = self.serve()
        for wrong in ("talk.Talk/Ecko", "talk.talk/echo", "talk.Talk/Eco"):
            done = tool("call", address_of(server), wrong, "{}")
            self.assertEqual((done.returncode, done.stderr), (
                USAGE, f"twister: there is no method {wrong}; did you mean talk.Talk/Echo?\n"))
        done = tool("call", address_of(server), "weather.Weather/Tomorrow", "{}")
        self.assertEqual(done.stderr, "twister: there is no method weather.Weather/Tomorrow\n")

    def test_says_where_json_is_wrong(self):
        server = self.serve()
        for given, where in (('{"text" "hi"}', "the request is not JSON: parse error at line 1, column 12"),
                             ('{"txt": "hi"}', "txt: Cannot find field."),
                             ('{"times": "many"}', '(times): invalid value "many"'),
                             ('[1]', "not a talk.Say"), ("7", "not a talk.Say"), ('{"text": "', "is not JSON")):
            done = self.call("Echo", given, server=server)
            self.assertEqual((done.returncode, done.stdout), (USAGE, ""), given)
            self.assertIn(where, done.stderr)
            self.assertNotIn("--help", done.stderr)
        done = self.call("Join", given='{"text": "a"}\n{"text": }\n', server=server)
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
        self.assertIn("the text in line 2 is not JSON", done.stderr)

    def test_says_why_there_is_no_connection(self):
        with socket.socket() as taken:  # bound and not listening: whoever connects is refused
            taken.bind(("127.0.0.1", 0))
            done = tool("call", "127.0.0.1:%d" % taken.getsockname()[1], "a.B/C", "{}")
        self.assertEqual(done.returncode, CONNECTION)
        self.assertRegex(done.stderr, r"\Atwister: [^\n]*127\.0\.0\.1:\d+[^\n]*Connection refused\n\Z")
        done = tool("call", "unix:/nonexistent/socket", "a.B/C", "{}")
        self.assertEqual(done.returncode, CONNECTION)
        self.assertIn("/nonexistent/socket", done.stderr)

    def test_says_that_the_connection_is_lost(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            process = subprocess.Popen([tool_path(), "call", "127.0.0.1:%d" % listener.getsockname()[1], "a.B/C", "{}"],
                                       stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment())
            self.addCleanup(process.stderr.close)
            connection, _ = listener.accept()
            connection.settimeout(DEADLINE)
            self.assertTrue(connection.recv(8).startswith(b"twister"))
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()
            self.assertEqual(process.wait(DEADLINE), CONNECTION)
        self.assertIn("UNAVAILABLE (14)", process.stderr.read())

    def test_asks_for_a_description_where_there_is_none(self):
        server = self.serve("--unlisted")
        done = self.call("Echo", "{}", server=server)
        self.assertEqual(done.returncode, STATUS)
        self.assertIn("--proto FILE", done.stderr)
        done = self.call("Echo", '{"text": "hi"}', "--proto", PROTO, server=server)
        self.assertEqual(lines(done.stdout)[0]["text"], "hi", done.stderr)

    def test_says_what_protoc_says(self):
        done = self.call("Echo", "{}", "--proto", "/nonexistent.proto")
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("nonexistent.proto", done.stderr)

    def test_a_reader_who_leaves_ends_it_quietly(self):
        process = subprocess.Popen([tool_path(), "call", address_of(self.serve()), "talk.Talk/Repeat",
                                    '{"text": "%s", "times": 100000}' % ("x" * 100)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
        self.addCleanup(process.stderr.close)
        process.stdout.readline()
        process.stdout.close()
        self.assertEqual((process.wait(DEADLINE), process.stderr.read()), (OK, ""))

    def test_output_that_cannot_be_written_has_a_code(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([tool_path(), "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                                  timeout=DEADLINE, env=environment())
        self.assertEqual(done.returncode, 5)
        self.assertIn("No space left", done.stderr)

    def test_output_that_is_closed_is_not_the_place_of_a_connection(self):
        server = self.serve()
        done = subprocess.run(["sh", "-c", 'exec "$0" "$@" <&- >&-', tool_path(), "list", address_of(server)],
                              stderr=subprocess.PIPE, text=True, check=False, timeout=DEADLINE, env=environment())
        self.assertEqual(done.returncode, 5)
        self.assertIn("Bad file descriptor", done.stderr)


class CallOnTerminalTest(ProgramTest):
    def test_says_what_it_waits_for_until_there_is_something_else_to_say(self):
        server = self.serve()
        terminal = Terminal(self, "call", address_of(server), "talk.Talk/Never", "{}", keeps_progress=True)
        self.assertIn(f"waiting for {address_of(server)}", terminal.wait_for(PROGRESS))
        terminal.interrupt()
        status, said = terminal.end()
        self.assertEqual(status, INTERRUPTED)
        self.assertRegex(said, ERASED)

    def test_has_colours_and_no_raw_control_characters(self):
        server = self.serve()
        terminal = Terminal(self, "call", address_of(server), "talk.Talk/Fail", '{"text": "x"}')
        status, said = terminal.end()
        self.assertEqual(status, STATUS)
        self.assertIn("\x1b[1;31mNOT_FOUND (5)\x1b[0m: no such room: \\u001b[2Jx", said)
        _, said = Terminal(self, "call", address_of(server), "talk.Talk/Fail", "{}", NO_COLOR="1").end()
        self.assertNotIn("\x1b", said)
        _, said = Terminal(self, "call", address_of(server), "talk.Talk/Echo", '{"text": "\\u009b\x7f"}').end()
        self.assertNotRegex(said, "[\x7f-\x9f]")

    def test_takes_a_stream_line_by_line_and_another_try(self):
        terminal = Terminal(self, "call", address_of(self.serve()), "talk.Talk/Join", TERM="dumb")
        terminal.type('{"text": "a"}\n')
        terminal.type("nonsense\n")
        terminal.wait_for("is not JSON")
        terminal.type('{"text": "b"}\n')
        terminal.wait_for('"b"')
        terminal.type("\x04")
        terminal.wait_for(r'\{"text":"ab","count":"2"\}\r\n')
        self.assertEqual(terminal.end()[0], OK)


class ArgumentsTest(unittest.TestCase):
    def test_help_goes_to_standard_output(self):
        for arguments in (["--help"], ["call", "--help"], ["list", "-h"], ["connect", "--help"]):
            done = tool(*arguments)
            self.assertEqual((done.returncode, done.stderr), (OK, ""))
            self.assertTrue(done.stdout.startswith("usage: twister "))
        self.assertRegex(tool("--version").stdout, r"\Atwister \d+\.\d+\.\d+ \(")

    def test_what_is_wrong_is_named_with_a_hint(self):
        for arguments, what in (([], "a command is missing"), (["cal"], "there is no command cal; did you mean call?"),
                                (["call", "--timout", "3"], "there is no option --timout; did you mean --timeout?"),
                                (["call", "-x"], "there is no option -x"), (["call"], "ADDRESS is missing"),
                                (["call", "h:1"], "SERVICE/METHOD is missing"), (["list", "h:1", "a", "b"], '"b" is one word'),
                                (["call", "h:1", "a", "--timeout"], "--timeout needs a value"),
                                (["call", "h:1", "a", "--timeout", "soon"], '"soon" is not a time'),
                                (["call", "h:1", "a", "--timeout", "0"], '"0" is not a time'),
                                (["call", "--verbose=1"], "takes no value"), (["call", "h", "a/b"], "bad endpoint"),
                                (["call", "h:1", "a", "--wire", "http"], "--wire http"),
                                (["connect", "h:1"], "--codec NAME is missing"),
                                (["connect", "h:1", "--codec", "morse"], "morse")):
            done = tool(*arguments)
            self.assertEqual((done.returncode, done.stdout), (USAGE, ""), arguments)
            self.assertIn(what, done.stderr)
            command = arguments[0] + " " if arguments and arguments[0] in ("call", "list", "connect") else ""
            self.assertEqual(done.stderr.splitlines()[-1], f"`twister {command}--help` shows how it is used")


if __name__ == "__main__":
    unittest.main()
