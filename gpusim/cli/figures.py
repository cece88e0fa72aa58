"""``gpusim figures``: the figures of a folder for a paper, in the formats that it takes."""

from __future__ import annotations

from pathlib import Path

import click

from gpusim.cli.group import cli
from gpusim.cli.path import PATH
from gpusim.cli.report import findings_in
from gpusim.cli.streams import say
from gpusim.errors import GpusimError, did_you_mean
from gpusim.units import number_of


def _formats(_context: click.Context, _option: click.Parameter, given: str) -> list[str]:
    from gpusim.report.figures import FORMATS

    formats = [name.strip().lower() for name in given.split(",")]
    for name in formats:
        if name not in FORMATS:
            raise GpusimError(f"--format: found '{name}'{did_you_mean(name, FORMATS)}; allowed: {', '.join(FORMATS)}")
    return formats


@cli.command()
@click.argument("folder", type=PATH)
@click.option("--format", "formats", default="pdf", show_default=True, metavar="FORMAT[,FORMAT...]",
              callback=_formats, help="pdf, svg and png, one or more of them.")  # fmt: skip
@click.option("--out", type=PATH, help="Where to write them [default: FOLDER/figures].")
def figures(folder: Path, formats: list[str], out: Path | None) -> None:
    """Draw the figures of a result or study for a paper.

    FOLDER holds a saved result, a relief study or the store of a sweep.
    """
    from gpusim.report.drawing import draw_all

    findings, sections = findings_in(folder)
    drawn = draw_all(findings, out or folder / "figures", sections, formats)
    say(f"{out or folder / 'figures'}: {number_of(len(drawn), 'file')}: {', '.join(path.name for path in drawn)}")
