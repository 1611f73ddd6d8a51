"""How the documentation is built: Sphinx with MyST pages and furo; nothing is fetched from anywhere."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "tether_mailconf"
author = "the tether_mailconf authors"
copyright = f"2026, {author}"
release = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["wide.css"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "code"  # `a name` in a docstring

autodoc_class_signature = "mixed"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80

# Only our own public names are checked: everything else would need another project's inventory from the internet.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!tether_mailconf\.)(?s:.*)"),
    (r"py:.*", r"tether_mailconf\.(.*\.)?_.*"),
    (r"py:.*", r"tether_mailconf\.sandbox\.(store|http_session)\..*"),
]


def public_docstring(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Leave out the docstrings of modules: they speak to who changes the library, and draw trees."""
    if what == "module":
        lines.clear()


def whole_sentence(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Give a property back the beginning of its sentence: napoleon takes what stands before a colon for its type."""
    for line in lines:
        if what in ("property", "attribute") and line.startswith(":type: "):
            lines.remove(line)
            lines[0] = f"{line.removeprefix(':type: ')}: {lines[0]}"
            return


def setup(app: Sphinx) -> None:
    """Register the docstring filters, the second of them behind napoleon's."""
    app.connect("autodoc-process-docstring", public_docstring)
    app.connect("autodoc-process-docstring", whole_sentence, priority=600)
