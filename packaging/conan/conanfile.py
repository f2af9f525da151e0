"""Conan 2 recipe of the checkout that it lies in: conan create packaging/conan --build=missing"""

import os
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load

required_conan_version = ">=2.0"


class Diva(ConanFile):
    name = "diva"
    description = "Deep metric learning in C++20: DiVA and the field's losses, miners, search and metrics"
    license = "MIT"
    topics = ("metric-learning", "embeddings", "retrieval", "libtorch", "faiss")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "programs": [True, False], "system_libraries": [True, False]}
    default_options = {"shared": False, "programs": False, "system_libraries": False}
    options_description = {"system_libraries": "take LibTorch, FAISS and all others from the system, such as Debian's packages"}

    @property
    def _root(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._root, "include", "diva", "version.hpp"))
        self.version = ".".join(re.search(rf"version_{part} = (\d+)", header).group(1) for part in ("major", "minor", "patch"))

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "include/*", "src/*", "cmake/*", "examples/*"):
            copy(self, pattern, self._root, self.export_sources_folder)

    def requirements(self):
        if self.options.system_libraries:
            return
        # What headers include goes on to those who link.
        for package in ("libtorch/[>=2.4 <3]", "fmt/[>=9 <13]"):
            self.requires(package, transitive_headers=True)
        for package in (
            "faiss/[>=1.7.3 <2]",
            "eigen/[>=3.4 <6]",
            "libjpeg-turbo/[>=2.1 <4]",
            "libspng/[>=0.7.3 <1]",
            "zlib/[>=1.2.13 <2]",
            "nlohmann_json/[>=3.11 <4]",
        ):
            self.requires(package)
        if self.options.programs:
            self.requires("cli11/[>=2.3 <3]")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["DIVA_BUILD_TESTS"] = False
        toolchain.cache_variables["DIVA_BUILD_EXAMPLES"] = bool(self.options.programs)
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        # diva's own config file has the components.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = [os.path.join("lib", "cmake", "diva")]
