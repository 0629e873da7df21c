"""The documentation as a site, without a network: sphinx-build -W -c docs . site

The source folder is the repository's, so that links between docs/ and the README work as they stand.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import quoth

project = "quoth"
release = quoth.__version__
root_doc = "docs/contents"
include_patterns = ["README.md", "MODEL_CARD.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSES.md", "docs/**"]
exclude_patterns = [".*", "build", "site", "src", "tests"]
extensions = ["myst_parser", "sphinx.ext.autodoc"]

myst_heading_anchors = 4
highlight_language = "sh"
suppress_warnings = ["misc.highlighting_failure"]  # there is no lexer for CSV, and output is no language

default_role = "code"
autodoc_member_order = "bysource"
autodoc_mock_imports = [name for name in ("sklearn", "spacy", "threadpoolctl") if find_spec(name) is None]

html_theme = "furo"
html_title = f"quoth {release}"
html_extra_path = ["landing"]
html_copy_source = False
html_show_sphinx = False
