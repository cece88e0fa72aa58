"""How the pages of this folder become a site: ``make docs``."""

from gpusim import __version__

project = "gpusim"
author = "The gpusim maintainers"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "exclude-members": "model_config"}
numpydoc_show_class_members = False
html_theme = "furo"
html_title = f"gpusim {release}"
exclude_patterns = ["_build"]
