"""How the pages of this folder become a site: ``make docs``.

The notebooks are executed, and kept in a cache until they change; of the experiments those that take under a minute.
The same pages without either: ``sphinx-build -D nb_execution_mode=off -D plot_gallery=0 docs out/docs``.
"""

import shutil
import sys
from pathlib import Path

from gpusim import __version__

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for drawn.py
# Sphinx reads nothing outside its folder.
shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", dirs_exist_ok=True)

project = "gpusim"
author = "The gpusim maintainers"
project_copyright = author
release = __version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE.parent / "out" / "notebooks")
nb_execution_timeout = 1800
nb_execution_raise_on_error = True
nb_output_stderr = "remove"  # progress bars, and what libraries say of the terminal
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "exclude-members": "model_config"}
numpydoc_show_class_members = False
sphinx_gallery_conf = {
    "examples_dirs": "../experiments",
    "gallery_dirs": "gallery",
    "ignore_pattern": r"^(fit_|derive_|check_serving|serving_ladder|serving_runs)",  # where derived tables come from
    "filename_pattern": r"/(01_curtailment|price_aware|coreweave_quarters)\.py",  # the others take minutes to hours
    "within_subsection_order": "FileNameSortKey",
    "reset_argv": "drawn.arguments",
    "image_scrapers": ("drawn.scraper",),
    "show_memory": False,
    "remove_config_comments": True,
    "default_thumb_file": str(HERE / "static" / "no_figure.svg"),
    "download_all_examples": False,
}
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_title = f"gpusim {release}"
exclude_patterns = ["_build", "gallery/*.ipynb", "jupyter_execute"]
