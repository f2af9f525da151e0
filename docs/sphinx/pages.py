"""pages.py DIVA_MAIN: the sources of Sphinx in build/docs/source: the pages of docs/, an API page a module and a page a loss."""

import pathlib
import re
import shutil
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parents[2]
source = root / "build/docs/source"


def modules():
    """Module names in order of dependency, as the table of docs/architecture.md has them."""
    return re.findall(r"^\| (\w+) \|", (root / "docs/architecture.md").read_text(), re.MULTILINE)[1:]


def api_page(module):
    summary = "".join(re.findall(r"^/// (.*\n)", (root / f"include/diva/{module}.hpp").read_text(), re.MULTILINE))
    page = [f"# {module}\n", summary]
    for header in sorted((root / "include/diva" / module).glob("*.hpp")):
        if not re.search(r"^namespace diva::inline \w+ \{$", header.read_text(), re.MULTILINE):
            continue  # nothing but details
        page.append(f"## {header.stem}\n\n`#include <diva/{module}/{header.name}>`\n")
        page.append(f"```{{doxygengroup}} {module}_{header.stem}\n:content-only:\n:members:\n```\n")
    (source / f"api/{module}.md").write_text("\n".join(page))


def loss_pages(diva_main):
    """A page for each loss that the registry lists, with its options and its class."""
    text = subprocess.run([diva_main, "--list", "losses", "--markdown"], check=True, capture_output=True, text=True).stdout
    table, *sections = re.split(r"^### ", text, flags=re.MULTILINE)
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    names = []
    for section in sections:
        name, _, body = section.partition("\n")
        formula, origin, cost = re.split(r"(?<!\\) \| ", rows[name])
        page = f"# {name}\n\n{formula}\n\n{origin}. Cost: {cost}.\n{body}"
        for stem in (name, f"{name}_loss"):
            if (root / f"include/diva/losses/{stem}.hpp").exists():
                page += f"\nThe class, with what differs from paper and reference codes: [{stem}](../api/losses.md#{stem}).\n"
                break
        (source / f"losses/{name}.md").write_text(page)
        names.append(name)
    (source / "losses/index.md").write_text(
        "# Losses\n\n" + table.split("\n", 2)[2] + "\n```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```\n")


def toctree(caption, entries, **options):
    flags = "".join(f":{key}: {value}\n" for key, value in options.items())
    return f"\n```{{toctree}}\n:caption: {caption}\n:hidden:\n{flags}\n" + "\n".join(entries) + "\n```\n"


def main(diva_main):
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(root / "docs", source, ignore=shutil.ignore_patterns("sphinx"))
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (root / name).read_text()
        text = re.sub(r"\]\(docs/", "](", re.sub(r"\]\((CONTRIBUTING|CHANGELOG)\.md", lambda m: f"]({m[1].lower()}.md", text))
        target = "project.md" if name == "README.md" else name.lower()
        (source / target).write_text(text)
    for page in source.glob("*.md"):
        text = page.read_text()
        text = re.sub(r"\]\(\.\./(CONTRIBUTING|CHANGELOG|README)\.md",
                      lambda m: "](" + {"README": "project"}.get(m[1], m[1].lower()) + ".md", text)
        # Files of the repository that are no pages are named, not linked.
        page.write_text(re.sub(r"\[([^]]+)\]\(\.\./[^)]+\)", r"`\1`", text))
    for folder in ("api", "losses"):
        (source / folder).mkdir()
    for module in modules():
        api_page(module)
    loss_pages(diva_main)
    # In the order in which docs/README.md lists them.
    pages = [name for name in re.findall(r"\]\((\w+)\.md\)", (root / "docs/README.md").read_text()) if (source / f"{name}.md").exists()]
    with (source / "README.md").open("a") as index:
        index.write(toctree("Guide", ["project", *pages, "losses/index"]))
        index.write(toctree("Modules", [f"api/{module}" for module in modules()]))
        index.write(toctree("Project", ["contributing", "changelog"]))


if __name__ == "__main__":
    main(sys.argv[1])
