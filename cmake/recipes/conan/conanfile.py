"""Conan 2: builds the checkout that this recipe lies in."""
import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy
from conan.tools.gnu import PkgConfigDeps


class Twister(ConanFile):
    name = "twister"
    version = "0.1.0"
    license = "MIT"
    description = "Protocol classes and coroutines over TCP: fast, bounded, testable without a network"
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "json": [True, False], "protobuf": [True, False],
               "rpc": [True, False], "tls": [True, False], "regex": [True, False], "zlib": [True, False],
               "zstd": [True, False]}
    default_options = {"shared": False, "json": True, "protobuf": True, "rpc": True, "tls": True, "regex": False,
                       "zlib": True, "zstd": False}

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..", "..")
        for pattern in ("CMakeLists.txt", "LICENSE", "CHANGELOG.md", "cmake/*", "docs/man/*",
                        "codecs/*", "framework/*", "protocols/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def validate(self):
        if self.options.rpc and not (self.options.json and self.options.protobuf):
            raise ConanInvalidConfiguration("rpc needs json and protobuf")

    def requirements(self):
        self.requires("asio/[>=1.22]", transitive_headers=True)
        if self.options.json:
            self.requires("nlohmann_json/[>=3.11 <4]", transitive_headers=True)
        if self.options.protobuf:
            self.requires("protobuf/[>=3.21]", transitive_headers=True, transitive_libs=True)
        if self.options.tls:
            self.requires("openssl/[>=3 <4]", transitive_libs=True)
        if self.options.regex:
            self.requires("pcre2/[>=10.32 <11]", transitive_libs=True)
        if self.options.zlib:
            self.requires("zlib/[>=1.2.11 <2]", transitive_libs=True)
        if self.options.zstd:
            self.requires("zstd/[>=1.4 <2]", transitive_libs=True)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        PkgConfigDeps(self).generate()  # zstd and PCRE2 are found by pkg-config
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables.update(
            TWISTER_BUILD_TESTS=False, TWISTER_BUILD_SAMPLES=False, TWISTER_BUILD_TOOL=False, TWISTER_INSTALL=True,
            TWISTER_WITH_JSON=bool(self.options.json), TWISTER_WITH_PROTOBUF=bool(self.options.protobuf),
            TWISTER_WITH_RPC=bool(self.options.rpc), TWISTER_WITH_TLS=bool(self.options.tls),
            TWISTER_WITH_REGEX=bool(self.options.regex),
            TWISTER_WITH_ZLIB=bool(self.options.zlib), TWISTER_WITH_ZSTD=bool(self.options.zstd))
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        # The package's own configuration is what consumers use, components and all.
        self.cpp_info.builddirs = [os.path.join("lib", "cmake", "twister")]
        self.cpp_info.set_property("cmake_find_mode", "none")
