"""twister list."""

import json
import unittest

from tool_harness import OK, STATUS, USAGE, address_of, tool
from harness import ProgramTest


class ListTest(ProgramTest):
    def test_prints_methods_with_their_types(self):
        done = tool("list", address_of(self.serve()))
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertEqual([line for line in done.stdout.splitlines() if line.startswith("talk.")], [
            "talk.Talk/Converse (stream talk.Say) returns (stream talk.Heard)",
            "talk.Talk/Echo (talk.Say) returns (talk.Say)",
            "talk.Talk/Fail (talk.Say) returns (talk.Say)",
            "talk.Talk/Join (stream talk.Say) returns (talk.Heard)",
            "talk.Talk/Never (talk.Say) returns (talk.Say)",
            "talk.Talk/Note (talk.Say), a notice",
            "talk.Talk/Repeat (talk.Say) returns (stream talk.Heard)"])
        self.assertIn("twister.Reflection/Methods (google.protobuf.StringValue) returns (google.protobuf.StringValue)",
                      done.stdout.splitlines())

    def test_prints_a_service_as_its_proto_file_has_it(self):
        server = self.serve()
        said = tool("list", address_of(server), "talk.Talk").stdout
        self.assertTrue(said.startswith("service talk.Talk {\n  rpc Converse(stream talk.Say)"), said)
        for line in ("  rpc Note(talk.Say);  // a notice: nobody answers", "message Say {", "  .talk.Mood mood = 3;",
                     "  repeated .talk.Say more = 4;", "enum Mood {", "  LOUD = 1;", "message Heard {"):
            self.assertIn(line, said.splitlines())
        said = tool("list", address_of(server), "talk.Talk/Echo").stdout
        self.assertTrue(said.startswith("service talk.Talk {\n  rpc Echo(talk.Say) returns (talk.Say);\n}\n"), said)
        self.assertNotIn("Heard", said)

    def test_prints_json_for_programs(self):
        done = tool("list", "--json", address_of(self.serve()), "talk.Talk/Join")
        self.assertEqual(json.loads(done.stdout), [
            {"method": "talk.Talk/Join", "kind": "client_stream", "request": "talk.Say", "reply": "talk.Heard"}])

    def test_suggests_what_is_near(self):
        done = tool("list", address_of(self.serve()), "talk.Tork")
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
        self.assertEqual(done.stderr, "twister: there is no service or method talk.Tork; did you mean talk.Talk?\n")

    def test_says_that_a_server_does_not_describe_itself(self):
        done = tool("list", address_of(self.serve("--unlisted")))
        self.assertEqual(done.returncode, STATUS)
        self.assertIn("add_reflection()", done.stderr)


if __name__ == "__main__":
    unittest.main()
