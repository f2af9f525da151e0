"""Doxygen's input filter: makes of the doc comments' own form what Doxygen understands.

Sections such as `/// Shapes:  ...` become paragraphs with a heading, indented lines (formulas, code) are shown as they stand,
`recall@k` stays text instead of a command, each header is a group of its own, so that Breathe can show it alone, and what neither
needs to show nor can parse is left out: the inline namespace of the version, which users leave out too, the `describe` functions, which
repeat the fields, and the fields of designated initialisers.
"""

import pathlib
import re
import sys

SECTION = re.compile(r"^(\s*///) (Source|Differs|Shapes|Units|Edge|Cost|Throws): +(.*)$")
INDENTED = re.compile(r"^(\s*///)  ( *\S.*)$")
DESCRIBE = re.compile(r"^template <class Visitor>\n(inline )?void describe\(.*?^}\n", re.MULTILINE | re.DOTALL)
INITIALIZER = re.compile(r"(= ?)?\{\.[^{}]*\}(?=[,;)])")
INLINE = re.compile(r"(?<=namespace diva)::inline v\d+_\d+")
NAMESPACE = re.compile(r"^namespace diva \{$(.*?)^\}  // namespace diva$", re.MULTILINE | re.DOTALL)


def convert(lines):
    section, fence = False, ""
    for line in lines:
        start = SECTION.match(line)
        shown = None if section else INDENTED.match(line)
        if fence and not shown:
            yield f"{fence} ~~~"
            fence = ""
        if start:
            section = True
            yield f"{start[1]} @par {start[2]}"
            yield f"{start[1]} {start[3]}".replace("@", "\\@")
        elif shown:
            if not fence:
                fence = shown[1]
                yield f"{fence} ~~~"
            yield f"{fence} {shown[2]}"
        else:
            section = section and "///" in line and line.strip() != "///"
            yield line.replace("@", "\\@") if "///" in line else line


if __name__ == "__main__":
    header = pathlib.Path(sys.argv[1])
    group = f"{header.parent.name}_{header.stem}"
    text = DESCRIBE.sub("", INLINE.sub("", header.read_text(encoding="utf-8")))
    text = INITIALIZER.sub(lambda m: f"{m[1] or ''}{{}}", text)
    text = NAMESPACE.sub(lambda m: f"namespace diva {{\n/// @defgroup {group} {header.stem}\n/// @{{\n{m[1]}/// @}}\n}}  // namespace diva",
                         "\n".join(convert(text.split("\n"))))
    sys.stdout.write(text)
