# SPDX-License-Identifier: Apache-2.0
"""How the documentation is built; every warning is an error (`make docs`)."""

from __future__ import annotations

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from preroll import __version__

project = "Preroll"
project_copyright = "the Preroll authors"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]

html_theme = "furo"
html_title = "Preroll"

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "undoc-members": True}
# Names that other projects document: this build reaches for no network.
nitpick_ignore_regex = [
    (r"py:.*", r"(datetime|collections|contextlib|enum|typing|abc)(\..*)?"),
    (r"py:.*", r"(Mapping|Sequence|Callable|Awaitable|Protocol|object)(\..*)?"),
    (r"py:class", r"preroll\.sdk\.(script|declare)\.[FR]"),
]


def setup(app: Sphinx) -> None:
    """Diagrams are shown as their source; forges draw them."""
    app.add_lexer("mermaid", TextLexer)
