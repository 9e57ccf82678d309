#!/usr/bin/env python3
"""An outside project builds against twister and runs, in each way in which it can come by it.

  check_package.py SOURCE_DIR WORK_DIR FORM...

FORM   find_package       installed static libraries, moved to another place after they were installed
       shared             installed shared libraries
       pkg_config         installed static libraries, by pkg-config and one call of the compiler
       add_subdirectory   the sources in the project's tree
       fetch_content      the same, by FetchContent
       missing            a package without one component: the error names it
       deb                the Debian packages, static and shared, unpacked into a folder
       apt                the same, installed, used and purged by apt-get; takes root and changes the machine
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CONSUMER = Path(__file__).resolve().parent / "consumer"
CCACHE = shutil.which("ccache") or ""  # two forms compile the same sources in the same way


class Failure(Exception):
    pass


def run(*command, expect_failure=False, **options):
    done = subprocess.run([str(part) for part in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **options)
    if (done.returncode != 0) != expect_failure:
        raise Failure(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def fresh(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


class Package:
    def __init__(self, source, work):
        self.source = source
        self.work = work

    # ---- producing

    def configure(self, name, **settings):
        """A build of twister itself, as the preset `package` has it."""
        build = self.work / name
        run("cmake", "--preset", "package", "-B", build, "-DCMAKE_INSTALL_MESSAGE=NEVER",
            *(f"-D{key}={value}" for key, value in settings.items()), cwd=self.source)
        return build

    def build(self, name, **settings):
        build = self.configure(name, **settings)
        run("cmake", "--build", build, "--parallel", os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", "2"))
        return build

    def install(self, name, prefix, **settings):
        build = self.build(name, **settings)
        shutil.rmtree(prefix, ignore_errors=True)
        run("cmake", "--install", build, "--prefix", prefix)
        return prefix

    def debs(self, name, **settings):
        build = self.build(name, **settings)
        for old in build.glob("*.deb"):
            old.unlink()
        run("cpack", "-G", "DEB", "-B", build, cwd=build)
        return sorted(build.glob("*.deb"))

    # ---- using

    def consume(self, name, form, *settings, environment=None):
        build = fresh(self.work / f"consumer-{name}")
        run("cmake", "-S", CONSUMER, "-B", build, "-G", "Ninja", f"-DFORM={form}",
            f"-DTWISTER_SOURCE_DIR={self.source}", f"-DCMAKE_CXX_COMPILER_LAUNCHER={CCACHE}", *settings)
        run("cmake", "--build", build, "--parallel", os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", "2"))
        if "no work to do" not in run("cmake", "--build", build):
            raise Failure("what is built is built again")
        self.works(build / "consumer", environment)
        if form != "find_package":
            prefix = fresh(self.work / f"consumer-{name}-installed")
            run("cmake", "--install", build, "--prefix", prefix)
            files = [str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()]
            if files != ["bin/consumer"]:
                raise Failure(f"twister installs itself with its guest's project: {files}")
        return build

    @staticmethod
    def works(program, environment=None):
        if run(program, env={**os.environ, **(environment or {})}) != "works\n":
            raise Failure(f"{program} ran and did not say so")

    def compile_by_pkg_config(self, name, environment, prefix=None):
        flags = run("pkg-config", "--cflags", "--libs", "twister-protocols", "twister-json", "twister-protobuf",
                    "twister-rpc", "twister-zlib", "twister-regex", "twister-tls",
                    env={**os.environ, **environment}).split()
        directory = fresh(self.work / name)
        protos = CONSUMER / "protos"
        # Without a prefix it is in the PATH.
        plugin = [f"--plugin={prefix}/bin/protoc-gen-twister"] if prefix else []
        run("protoc", *plugin, f"--cpp_out={directory}", f"--twister_out={directory}", f"-I{protos}",
            *protos.rglob("*.proto"))
        run("g++", "-std=c++20", f"-I{directory}", CONSUMER / "main.cpp", *directory.rglob("*.cc"),
            "-o", directory / "consumer", *flags)
        return directory / "consumer"

    # ---- the forms

    def find_package(self):
        prefix = self.install("static", self.work / "installed-first")
        moved = self.work / "installed-static"
        shutil.rmtree(moved, ignore_errors=True)
        prefix.rename(moved)
        for file in moved.rglob("*"):
            if file.suffix in (".cmake", ".pc") and str(self.work) in file.read_text():
                raise Failure(f"{file} holds a path of the machine that built it")
        self.consume("find_package", "find_package", f"-DCMAKE_PREFIX_PATH={moved}")

    def shared(self):
        prefix = self.install("shared", self.work / "installed-shared", BUILD_SHARED_LIBS="ON")
        build = self.consume("shared", "find_package", f"-DCMAKE_PREFIX_PATH={prefix}")
        if "libtwister_framework.so.0.1" not in run("ldd", build / "consumer"):
            raise Failure("the program does not use the shared libraries")

    def pkg_config(self):
        prefix = self.install("static", self.work / "installed-pc")
        paths = ":".join(str(path) for path in prefix.rglob("pkgconfig"))
        self.works(self.compile_by_pkg_config("consumer-pkg_config", {"PKG_CONFIG_PATH": paths}, prefix))

    def add_subdirectory(self):
        self.consume("add_subdirectory", "add_subdirectory")

    def fetch_content(self):
        self.consume("fetch_content", "fetch_content")

    def missing(self):
        prefix = self.install("plain", self.work / "installed-plain", TWISTER_WITH_PROTOBUF="OFF")
        said = run("cmake", "-S", CONSUMER, "-B", fresh(self.work / "consumer-missing"), "-G", "Ninja",
                   f"-DCMAKE_PREFIX_PATH={prefix}", expect_failure=True)
        if 'has no component "protobuf"' not in re.sub(r"\s+", " ", said):
            raise Failure(f"the error does not say what is missing:\n{said}")

    def deb(self):
        for name, settings in (("static", {"BUILD_SHARED_LIBS": "OFF"}), ("shared", {"BUILD_SHARED_LIBS": "ON"})):
            root = fresh(self.work / f"unpacked-{name}")
            for package in self.debs(name, **settings):
                run("dpkg-deb", "--extract", package, root)
            libraries = ":".join(str(path.parent) for path in root.rglob("libtwister_framework.*"))
            self.consume(f"deb-{name}", "find_package", f"-DCMAKE_PREFIX_PATH={root}/usr",
                         environment={"LD_LIBRARY_PATH": libraries})

    def apt(self):
        apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "--no-install-recommends"]
        for name, settings in (("static", {"BUILD_SHARED_LIBS": "OFF"}), ("shared", {"BUILD_SHARED_LIBS": "ON"})):
            packages = self.debs(name, **settings)
            names = [run("dpkg-deb", "--field", package, "Package").strip() for package in packages]
            try:
                run(*apt, "install", *packages)
                self.consume(f"apt-{name}", "find_package")
                self.works(self.compile_by_pkg_config(f"apt-{name}", {}))
            finally:
                run(*apt, "purge", *names)
            # Not "*twister*": Boost has headers called mersenne_twister.
            left = [path for folder in ("include", "lib", "share") for name in ("twister*", "libtwister*")
                    for path in Path("/usr", folder).rglob(name)]
            if left:
                raise Failure(f"left after the purge: {left}")


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    source, work = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    work.mkdir(parents=True, exist_ok=True)
    package = Package(source, work)
    for form in sys.argv[3:]:
        try:
            getattr(package, form)()
        except Failure as failure:
            sys.exit(f"{form}: {failure}")
        print(f"{form}: works")


if __name__ == "__main__":
    main()
