"""Sphinx: the pages of docs/ with an API page a module and a page a loss. Built by ./dev docs, warnings as errors."""

import pathlib
import re

root = pathlib.Path(__file__).resolve().parents[2]
version = release = ".".join(re.findall(r"version_\w+ = (\d+)", (root / "include/diva/version.hpp").read_text()))

project = "diva"
copyright = "the authors of diva, MIT licence"
extensions = ["myst_parser", "breathe"]
root_doc = "README"
exclude_patterns = ["sphinx", "snippets"]
breathe_projects = {"diva": str(root / "build/docs/doxygen/xml")}
breathe_default_project = "diva"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"diva {version}"
html_show_sphinx = False
# What is not documented here: LibTorch, the standard library, and names that only look like references.
suppress_warnings = ["myst.header"]
