#!/usr/bin/env python3
"""What a public header costs a file that includes torch/types.h already: seconds of processor and peak memory of the compiler.

The flags are those of the configured build folder; no compiler cache, no precompiled header of the build. Each header is measured over a
file with torch/types.h alone. Where only the difference matters, torch/types.h is precompiled on both sides: parsing it takes many times
what most headers take, and its scatter would bury them. What torch/types.h itself and all of diva cost is measured as a user meets them,
with nothing precompiled. All files are compiled in turn, as often as asked, and the minimum counts. The page is written after each turn.
Needs Python's standard library alone.

  python3 benchmarks/compile_cost.py build/release --out docs/compile_cost.md
  python3 benchmarks/compile_cost.py build/release --check   # all headers of the light modules against the limit, for ctest
"""

import argparse
import json
import operator
import os
import pathlib
import platform
import shlex
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root / "benchmarks/peers"))
import machine  # noqa: E402

# The modules that a project takes for its losses alone, and what one of their headers may cost over torch/types.h: a second of the five
# that torch/types.h takes on the machines that this was set on.
LIGHT = ("core", "distances", "miners", "losses", "decorrelation", "samplers")
LIMIT_S, LIMIT_RATIO = 1.0, 1.2
TYPES = "#include <torch/types.h>\n"
TYPES_ALONE, EVERYTHING = "torch/types.h alone", "everything"


def compile_command(build):
    """Compiler and flags of a file that the build compiles without a precompiled header, less file names and compiler cache."""
    entries = json.loads((build / "compile_commands.json").read_text())
    entry = next(entry for entry in entries if entry["file"].endswith("tests/headers/diva/version.cpp"))
    words = shlex.split(entry["command"])
    first = next(i for i, word in enumerate(words) if pathlib.Path(word).name.startswith(("c++", "g++", "clang++")))
    return words[first : words.index("-o")]


class Compiler:
    def __init__(self, build, folder):
        self.command, self.folder = compile_command(build), pathlib.Path(folder)

    def __call__(self, text, *flags):
        """(seconds of processor, peak MiB) of compiling the text."""
        file = self.folder / "file.cpp"
        file.write_text(text)
        process = subprocess.Popen([*self.command, *flags, "-o", os.devnull, "-c", str(file)])
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"compile_cost: this does not compile:\n{text}")
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

    def precompiled(self):
        """Flags by which a file begins with torch/types.h, parsed beforehand."""
        header = self.folder / "types.hpp"
        header.write_text(TYPES)
        subprocess.run([*self.command, "-x", "c++-header", str(header), "-o", f"{header}.gch"], check=True)
        return ["-Winvalid-pch", "-include", str(header)]


def least(old, new):
    return tuple(map(min, old, new)) if old else new


def measured(compiler, files, turns):
    """Compiles the files (name -> text, flags) in turn and yields the minima so far, name -> (seconds, MiB), after each turn."""
    costs = {}
    for _ in range(turns):
        for name, (text, flags) in files.items():
            costs[name] = least(costs.get(name), compiler(text, *flags))
        yield costs


def include(*headers):
    return "".join(f"#include <{header}>\n" for header in headers)


def public_headers():
    """module -> its headers, the one that includes the module first; "" holds those of no module."""
    folder = root / "include"
    modules = {module.name: [f"diva/{module.name}.hpp"] for module in sorted((folder / "diva").iterdir()) if module.is_dir()}
    for module, headers in modules.items():
        headers += sorted(str(path.relative_to(folder)) for path in (folder / "diva" / module).glob("*.hpp"))
    known = {header for headers in modules.values() for header in headers}
    modules[""] = sorted(str(path.relative_to(folder)) for path in (folder / "diva").glob("*.hpp") if str(path.relative_to(folder)) not in known)
    return modules


def page(compiler, modules, costs, turns):
    """The page of docs/ in Markdown, and the headers of light modules that cost too much."""
    version = subprocess.run([compiler.command[0], "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    shown = " ".join(word for word in compiler.command if word.startswith(("-O", "-f", "-std", "-W")))
    headers = [header for group in modules.values() for header in group]
    over = {header: tuple(map(operator.sub, costs[header], costs["precompiled"])) for header in headers}
    types, everything = costs[TYPES_ALONE], costs[EVERYTHING]
    lines = [
        "# What headers cost a compiler",
        "",
        "Written by `./dev bench compile`; [compile_cost.py](../benchmarks/compile_cost.py) says how it measures: seconds of processor and "
        f"peak memory of compiling one file, the minimum of {turns}, each file in turn.",
        "",
        f"{machine.cpu()}, {os.cpu_count()} cores; {platform.freedesktop_os_release()['PRETTY_NAME']}, {version}; `{shown}`.",
        "",
        f"A file with `torch/types.h` alone takes {types[0]:.1f} s and {types[1]:.0f} MiB, with all of diva (`diva/diva.hpp`) "
        f"{everything[0]:.1f} s and {everything[1]:.0f} MiB. The tables say what a header costs over `torch/types.h`, which was precompiled "
        "on both sides, since its own scatter is larger than what most headers cost.",
        "",
        f"A header of the light modules ({', '.join(LIGHT)}) may cost {LIMIT_S:g} s. The test `package.compile_cost` holds all of them "
        f"together to {LIMIT_RATIO:g} times a file with `torch/types.h`.",
        "",
        "## Modules",
        "",
        "| module, all its headers | s | MiB | its dearest header | s |",
        "|---|---|---|---|---|",
    ]
    for module, (whole, *parts) in sorted(modules.items(), key=lambda item: over[item[1][0]]):
        if module:
            dearest = max(parts, key=over.get, default=None)
            cells = [f"`{pathlib.Path(dearest).name}`", f"{over[dearest][0]:.2f}"] if dearest else ["", ""]
            lines.append(f"| {module} | {over[whole][0]:.2f} | {over[whole][1]:.0f} | {' | '.join(cells)} |")
    dear = [header for module in LIGHT for header in modules[module] if over[header][0] > LIMIT_S]
    if len(headers) < 2 * len(modules):
        lines += ["", "Single headers were not measured (`--modules`); each is a part of its module."]
        return "\n".join(lines) + "\n", dear
    lines += ["", "## Headers", "", "What is below the scatter of a tenth of a second may come out negative.", ""]
    lines += ["| header | s | MiB |", "|---|---|---|"]
    lines += [f"| `{header}` | {over[header][0]:.2f} | {over[header][1]:.0f} |" for header in headers]
    return "\n".join(lines) + "\n", dear


def write_page(compiler, out, turns, whole):
    modules, flags = public_headers(), compiler.precompiled()
    if whole:
        modules = {module: headers if not module else headers[:1] for module, headers in modules.items()}
    files = {header: (include(header), flags) for group in modules.values() for header in group}
    files |= {"precompiled": ("", flags), TYPES_ALONE: (TYPES, []), EVERYTHING: (TYPES + include("diva/diva.hpp"), [])}
    for turn, costs in enumerate(measured(compiler, files, turns), 1):
        text, dear = page(compiler, modules, costs, turn)
        out.write_text(text)
        print(f"{out}: turn {turn} of {turns}", file=sys.stderr)
    if dear:
        sys.exit(f"compile_cost: more than {LIMIT_S:g} s over torch/types.h: {', '.join(dear)}")


def check(compiler):
    """The headers of the light modules in one file, within the limit of a single one. What else runs on the machine only adds to a time,
    so the two files are compiled in turn until the minima are within the limit, or six times."""
    files = {TYPES_ALONE: (TYPES, []), "light": (TYPES + include(*(f"diva/{module}.hpp" for module in LIGHT)), [])}
    for turn, costs in enumerate(measured(compiler, files, 6)):
        types, light = costs[TYPES_ALONE][0], costs["light"][0]
        if turn > 0 and light <= LIMIT_RATIO * types:
            break
    print(f"torch/types.h {types:.2f} s, with the light modules {light:.2f} s: {light / types:.2f} times, at most {LIMIT_RATIO:g}")
    return light > LIMIT_RATIO * types


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="a configured build folder")
    parser.add_argument("--out", type=pathlib.Path, help="the page to write")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--modules", action="store_true", help="measure the headers that include a whole module, and no others")
    parser.add_argument("--check", action="store_true", help="compare the light modules with the limit, and nothing else")
    arguments = parser.parse_args()
    if not arguments.check and not arguments.out:
        parser.error("--out or --check is needed")
    with tempfile.TemporaryDirectory() as folder:
        compiler = Compiler(arguments.build, folder)
        return check(compiler) if arguments.check else write_page(compiler, arguments.out, arguments.turns, arguments.modules)


if __name__ == "__main__":
    sys.exit(main())
