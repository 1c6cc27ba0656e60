"""The documentation site: `make docs`."""

import neurone

project = "neurone"
release = neurone.__version__
extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
default_role = "code"  # what docstrings put between single backticks
html_theme = "furo"
html_title = "neurone"
exclude_patterns = ["_build", "*.ipynb"]
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
# Methods that scikit-learn makes for metadata routing have docstrings with links into its own site.
autodoc_default_options = {"exclude-members": "set_fit_request, set_score_request, set_partial_fit_request"}
