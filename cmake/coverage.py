"""Prints which public functions the tests never call, and which lines of the others they never reach; used by ./dev coverage.

    coverage.py GCOVR.json DOXYGEN_XML_FOLDER MODULE...

Public is what Doxygen finds in include/diva. GCC writes nothing down for an inline function that no file uses: such a function is never
called either, except where it is constexpr, which may run while compiling.
"""

import collections
import json
import pathlib
import re
import sys
import xml.etree.ElementTree


def qualified_name(function):
    """diva::Loader::next of "std::optional<...> diva::v0_1::Loader::next() const"; a lambda counts as the function that holds it."""
    function = re.sub(r"\bv\d+_\d+::|\[abi:\w+\]", "", function).replace("(anonymous namespace)", "-")
    function = re.sub(r"operator(<=>|<<|>>|<=|>=|->|<|>|\(\))", lambda found: "operator" + found[1].translate(OPERATOR), function)
    name, depth = "", 0
    for character in function:
        depth += {"<": 1, ">": -1}.get(character, 0)
        if character == "(" and depth == 0:
            break
        if depth == 0 and character != ">":
            name += character
    return name.split()[-1].translate(PLAIN) if name.split() else ""


# Brackets that are an operator's name, as other characters while those of templates are counted.
OPERATOR = str.maketrans("<>()", "\1\2\3\4")
PLAIN = str.maketrans("\1\2\3\4", "<>()")


def public_functions(folder):
    """{name: (header, whether it is constexpr)} of functions that have a body somewhere."""
    found = {}
    for path in pathlib.Path(folder).glob("*.xml"):
        for member in xml.etree.ElementTree.parse(path).iter("memberdef"):
            end = (member.findtext("argsstring") or "").replace(" ", "")
            if member.get("kind") != "function" or member.get("prot") == "private" or re.search(r"=(default|delete|0)$", end):
                continue
            header = member.find("location").get("file")
            if header.endswith(".hpp"):
                found[member.findtext("qualifiedname")] = (header, member.get("constexpr") == "yes")
    return found


def ranges(lines):
    """3, 5-7 of 3 5 6 7."""
    runs = []
    for line in sorted(lines):
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def main():
    report, folder, modules = sys.argv[1], sys.argv[2], set(sys.argv[3:])
    public = {name: where for name, where in public_functions(folder).items() if where[0].split("/")[1] in modules}
    calls, missed, places = collections.Counter(), collections.defaultdict(lambda: collections.defaultdict(set)), {}
    for file in json.load(open(report))["files"]:
        names = {}
        for function in file["functions"]:
            # gcovr leaves out the mangled name where it is the other one, and makes an entry up for lines of no function.
            if "execution_count" not in function:
                continue
            shown = function.get("demangled_name") or function["name"]
            names[function.get("name", shown)] = names[shown] = qualified_name(shown)
            # Overloads and constructors are told apart by where they begin; the instances of a template are one. A lambda is no place of
            # its own.
            if "{lambda(" not in shown:
                calls[names[shown], file["file"], function["lineno"]] += function["execution_count"]
        counts = collections.defaultdict(collections.Counter)
        for line in file["lines"]:
            name = names.get(line.get("function_name"), "")
            counts[name][line["line_number"]] += line["count"]
        for name, lines in counts.items():
            missed[name][file["file"]] = {line for line, count in lines.items() if count == 0}
    for name, file, line in calls:
        places.setdefault(name, []).append((file, line))

    never = []
    for name, (header, at_compile_time) in sorted(public.items()):
        if name not in places:
            if not at_compile_time:
                never.append(f"include/{header}: {name}")
        elif unused := [f"{file}:{line}" for file, line in places[name] if calls[name, file, line] == 0]:
            never.append(f"{', '.join(unused)}: {name}")
    partly = {
        f"{file}:{ranges(lines)}: {name}"
        for name in public
        for file, lines in missed[name].items()
        if lines and any(calls[name, *place] for place in places.get(name, []) if place[0] == file)
    }
    print("\n".join(sorted(partly)))
    print(f"{len(public)} public functions of {', '.join(sorted(modules))}: lines of {len(partly)} are not reached (above), "
          f"{len(never)} are never called" + (":" if never else "."))
    print("\n".join(never))
    return 1 if never else 0


sys.exit(main())
