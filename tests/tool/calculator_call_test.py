"""twister call, against the calculator sample, by its .proto file."""

import json
import unittest

from tool_harness import OK, ROOT, STATUS, address_of, tool
from harness import ProgramTest


class CalculatorCallTest(ProgramTest):
    def call(self, method, request, *more):
        return tool("call", "--proto", ROOT / "samples" / "calculator.proto", *more, address_of(self.serve()),
                    "calculator.Calculator/" + method, request)

    def test_calls_what_answers_at_once_and_later(self):
        for method, request, value in (("Add", '{"a": 2, "b": 3}', "5"), ("Power", '{"a": "2", "b": 10}', "1024")):
            done = self.call(method, request)
            self.assertEqual((done.returncode, json.loads(done.stdout)), (OK, {"value": value}), done.stderr)

    def test_finds_files_in_the_folders_of_imports(self):
        for more in (["-I", ROOT / "samples"], ["-I" + str(ROOT / "samples"), "--import", ROOT]):
            self.assertEqual(self.call("Add", '{"a": 1}', *more).stdout, '{"value":"1"}\n')

    def test_says_what_the_server_finds_wrong(self):
        done = self.call("Divide", "{}")
        self.assertEqual((done.returncode, done.stderr), (STATUS, "INVALID_ARGUMENT (3): division by zero\n"))
        done = self.call("Squares", '{"a": 3}')
        self.assertEqual(done.returncode, STATUS, "it calls its caller, who answers nothing")
        self.assertIn("UNIMPLEMENTED (12)", done.stderr)


if __name__ == "__main__":
    unittest.main()
