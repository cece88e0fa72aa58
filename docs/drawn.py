"""Figures of the experiments for the gallery: how each is told to name its own, and how it comes onto its page."""

from __future__ import annotations

import shutil
from pathlib import Path

from sphinx_gallery.scrapers import figure_rst

# Words behind the name of the experiment, {} for its figure: small versions of what is asked.
WORDS = {
    "01_curtailment.py": ("small", "texas", "{}"),
    "coreweave_quarters.py": ("{}", "small"),
}


def arguments(gallery_conf: dict, script_vars: dict) -> list[str]:
    """``sys.argv[1:]`` of an experiment."""
    script = Path(script_vars["src_file"])
    return [word.format(f"{script.stem}.png") for word in WORDS.get(script.name, ("{}",))]


def scraper(block: tuple, block_vars: dict, gallery_conf: dict) -> str:
    """Move the figure that an experiment has written, in its own folder, where it runs, to its page."""
    moved = []
    for figure in Path(block_vars["src_file"]).parent.glob(f"{Path(block_vars['src_file']).stem}.png"):
        target = next(block_vars["image_path_iterator"])
        shutil.move(figure, target)
        moved.append(target)
    return figure_rst(moved, gallery_conf["src_dir"])
