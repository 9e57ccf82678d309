"""How long a file with one Protocol takes to compile, beside one that includes Asio."""
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

PROTOCOL = """#include <twister/protocol.hpp>
class Echo : public twister::Protocol {
  void on_data(twister::ByteView data) override { write(data); }
};
Echo echo;
"""
ASIO = "#include <asio.hpp>\n"


def compiler_of(build):
    """The compiler and the include directories that the build uses for a sample."""
    with open(f"{build}/compile_commands.json", encoding="utf-8") as file:
        entry = next(one for one in json.load(file) if one["file"].endswith("samples/echo.cpp"))
    words = entry["command"].split()
    flags = [word for word in words if word.startswith(("-I", "-D", "-std", "-O", "-g"))]
    compiler = next(word for word in words if Path(word).name.startswith(("g++", "clang++", "c++")))
    return [compiler, *flags, "-c", "-o", "/dev/null"]


def measure_compile(build, times=5):
    command = compiler_of(build)
    taken = {"one Protocol": [], "<asio.hpp>": []}
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(times + 1):
            for name, text in (("one Protocol", PROTOCOL), ("<asio.hpp>", ASIO)):
                file = Path(directory) / "one.cpp"
                file.write_text(text, encoding="utf-8")
                before = time.perf_counter()
                subprocess.run([*command, str(file)], check=True)
                taken[name].append(time.perf_counter() - before)
    return [{"compile": name, "seconds": statistics.median(values[1:])} for name, values in taken.items()]


def print_compile(rows):
    print("\nCompiling a file, seconds")
    for row in rows:
        print(f"  {row['compile']:14} {row['seconds']:.2f}")
    print(f"  ratio          {rows[0]['seconds'] / rows[1]['seconds']:.2f}  (budget 0.50)")
