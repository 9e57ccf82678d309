"""protoc-gen-twister as protoc starts it, and what a compiler says of classes that do not fit.

CMake hands over PROTOC, PLUGIN, CXX, and INCLUDES, where twister's headers are.
"""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

PROTO = """
syntax = "proto3";
package greetings;
message Name { string text = 1; }
// Says hello.
service Greeter {
  // To one.
  rpc Greet(Name) returns (Name);
  rpc GreetAll(stream Name) returns (stream Name);
}
"""
# The class has no GreetAll, and a Greet that forgot its status.
MISFIT = """
#include "greeter.twister.hpp"
class Greeter : public greetings::Greeter::Service<Greeter> {
 public:
  void Greet(twister::RpcContext&, const greetings::Name&, greetings::Name&);
};
void add(twister::RpcServices& services, Greeter& greeter) { services.add(greeter); }
"""
OTHERS_BASE = """
#include "greeter.twister.hpp"
class Greeter {};
class Other : public greetings::Greeter::Service<Greeter> {};
void add(twister::RpcServices& services, Other& other) { services.add(other); }
"""


class ProtocPluginTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.write("greeter.proto", PROTO)

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")

    def protoc(self, *arguments, out="--twister_out=."):
        return subprocess.run([os.environ["PROTOC"], f"--plugin=protoc-gen-twister={os.environ['PLUGIN']}", out,
                               *arguments], cwd=self.folder, capture_output=True, text=True, check=False)

    def test_writes_a_header_beside_each_file(self):
        self.write("bare.proto", 'syntax = "proto3"; message Only { optional int32 value = 1; }')
        done = self.protoc("greeter.proto", "bare.proto")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("There are no services in it", (self.folder / "bare.twister.hpp").read_text())
        header = (self.folder / "greeter.twister.hpp").read_text()
        for line in ("namespace greetings {", "// Says hello.\nstruct Greeter {", "    // To one.\n",
                     '::twister::RpcMethodName name("greetings.Greeter/GreetAll");',
                     "//   RpcStatus Greet(RpcContext&, const greetings::Name&, greetings::Name&)\n",
                     "//   RpcTask<> GreetAll(RpcContext&, RpcReader<greetings::Name>, RpcWriter<greetings::Name>)\n"):
            self.assertIn(line, header)

    def test_writes_the_same_again(self):
        texts = []
        for _ in range(2):
            self.assertEqual(self.protoc("greeter.proto").returncode, 0)
            texts.append((self.folder / "greeter.twister.hpp").read_bytes())
        self.assertEqual(texts[0], texts[1])

    def test_refuses_parameters_by_name(self):
        done = self.protoc("greeter.proto", out="--twister_out=fast=1,style=snake:.")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('--twister_out: there are no parameters; given was "fast=1,style=snake"', done.stderr)
        self.assertFalse((self.folder / "greeter.twister.hpp").exists())

    def test_refuses_protocs_own_services(self):
        self.write("greeter.proto", PROTO.replace("package", "option cc_generic_services = true;\npackage"))
        done = self.protoc("greeter.proto")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("greeter.proto: protoc's classes for services and twister's have the same names", done.stderr)

    def test_says_what_it_is_to_those_who_start_it_themselves(self):
        plugin = os.environ["PLUGIN"]
        done = subprocess.run([plugin, "greeter.proto"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("usage: protoc", done.stderr)
        done = subprocess.run([plugin, "--help"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = subprocess.run([plugin], input=b"service Greeter {}", capture_output=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"is not from protoc", done.stderr)

    def compile(self, source):
        self.assertEqual(self.protoc("--cpp_out=.", "greeter.proto").returncode, 0)
        self.write("misfit.cpp", source)
        includes = [argument for path in os.environ["INCLUDES"].split(":") for argument in ("-I", path)]
        done = subprocess.run([os.environ["CXX"], "-std=c++20", "-fsyntax-only", "-I.", *includes, "misfit.cpp"],
                              cwd=self.folder, capture_output=True, text=True, check=False,
                              env={**os.environ, "LC_ALL": "C"})
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def test_a_class_that_does_not_fit_is_told_what_would(self):
        said = self.compile(MISFIT)
        self.assertIn("greetings.Greeter/Greet needs a public method: "
                      "RpcStatus Greet(RpcContext&, const greetings::Name&, greetings::Name&); or "
                      "void Greet(RpcContext&, greetings::Name&, RpcReply<greetings::Name>); or "
                      "RpcTask<greetings::Name> Greet(RpcContext&, const greetings::Name&)", said)
        self.assertIn("greetings.Greeter/GreetAll needs a public method: RpcTask<> GreetAll(", said)
        self.assertEqual(said.count("error:"), 2, said)

    def test_a_base_for_another_class_is_found_out(self):
        self.assertIn("greetings.Greeter: the base of a class X is Service<X>", self.compile(OTHERS_BASE))


if __name__ == "__main__":
    unittest.main()
