"""Each ```cpp block of the documentation stands, line for line, in a tutorial, which the tests compile and run."""

import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parents[2]


def lines(text):
    """Without indentation, runs of spaces and empty lines, so that a block may be set in another place than its program."""
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


programs = [lines(path.read_text()) for path in (root / "examples").rglob("*.cpp")]
faults = 0
for page in [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]:
    for block in re.findall(r"^```cpp\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        # Headers and the rest of a block may stand apart in the program.
        headers, rest = [lines("\n".join(part)) for part in
                         ([line for line in block.splitlines() if line.startswith("#include") is wanted] for wanted in (True, False))]
        if not any(rest in program and all(header in program for header in headers.splitlines()) for program in programs):
            print(f"{page.relative_to(root)}: no program in examples/ holds this block:\n{block}", file=sys.stderr)
            faults += 1
sys.exit(faults > 0)
