"""The documentation site: scripts/docs builds it. The pages also read well as plain Markdown."""

from __future__ import annotations

import itertools
import os
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

# The docstrings and signatures are those of the reference engine.
os.environ["CORSFAST_IMPLEMENTATION"] = "pure"
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import corsfast

HERE = Path(__file__).parent
# The side bar. A pattern skips pages that are listed before it. Missing pages are left out.
CONTENTS = {
    "Start": ["quickstart", "choosing", "migrating", "deployment", "at-scale"],
    "Policies": ["options", "loading", "security", "cors", "cross-site"],
    "Middleware": ["middleware/generic", "middleware/*", "framework-authors"],
    "Tools": [
        "refused",
        "monitoring",
        "testing",
        "commands",
        "check",
        "explain",
        "diff",
        "learn",
        "export",
        "import",
        "playground",
    ],
    "Reference": [
        "api",
        "versions",
        "typing",
        "performance",
        "architecture",
        "glossary",
        "faq",
        "*",
    ],
}

project = "corsfast"
author = "corsfast contributors"
version = release = corsfast.__version__
project_copyright = author
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!corsfast).*")]  # no index of other libraries is read

myst_heading_anchors = 4  # the anchors that GitHub makes

default_role = "literal"  # as in the docstrings
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # their short names may be those of other classes

smartquotes = False
highlight_language = "none"  # of drawings
html_theme = "furo"
html_title = f"corsfast {release}"
html_static_path = ["_static", "../build/wheels"]  # the wheels are for the playground
html_extra_path = ["../src/corsfast/_loading/policy.schema.json"]
html_css_files = ["site.css"]
html_show_copyright = False
html_copy_source = False


def finish(app: Sphinx, page: str, source: list[str]) -> None:
    """Add the contents to the index. Unlink files outside of docs/, which the site does not have.

    Both work in plain Markdown as they are.
    """
    source[0] = re.sub(r"\[([^]]+)\]\((?:\.\./)+[A-Z][^)]*\)", r"\1", source[0])
    if page == root_doc:
        files = [path for path in HERE.rglob("*") if path.suffix in (".md", ".rst")]
        left = {str(path.relative_to(HERE).with_suffix("")) for path in files} - {root_doc}
        for caption, patterns in CONTENTS.items():
            pages = []
            for pattern in patterns:
                pages += sorted(name for name in left if Path(name).match(pattern))
                left -= set(pages)
            lines = ["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", ""]
            source[0] += "\n".join(lines)


def shorten(
    app: Sphinx, what: str, name: str, obj: object, options: object, text: list[str]
) -> None:
    """Keep the first paragraph of a module's docstring, and the example below it.

    The rest, such as a drawing, is for readers of the source. Drop the docstrings of the fields of
    named tuples.
    """
    if text[0].startswith("Alias for field number"):
        text.clear()
    if what == "module":
        first, *others = "\n".join(text).split("\n\n")
        shown = itertools.takewhile(lambda part: part.startswith(" "), others)
        example = [part for part in shown if "-->" not in part]
        if example:
            example.insert(0, ".. code-block:: python")
        text[:] = "\n\n".join([first, *example]).splitlines()
        text.append("")


def use_dashes(app: Sphinx, document: nodes.document) -> None:
    """Replace the dashes that Sphinx writes between a parameter and its description."""
    for text in [*document.findall(nodes.Text)]:
        if text == " -- ":
            text.parent.replace(text, nodes.Text(" \N{EN DASH} "))


def setup(app: Sphinx) -> None:
    app.connect("source-read", finish)
    app.connect("autodoc-process-docstring", shorten, priority=400)
    app.connect("doctree-read", use_dashes)
