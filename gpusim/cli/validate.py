"""The command that compares gpusim with known answers."""

from __future__ import annotations

from pathlib import Path

import click

from gpusim.cli.group import cli
from gpusim.cli.path import PATH
from gpusim.cli.progress import loading, with_progress
from gpusim.cli.streams import say
from gpusim.cli.target import check_output, replace_option


@cli.command()
@click.option("--quick", is_flag=True, help="A sixteenth of the simulation, with tolerances four times as wide.")
@click.option("--only", metavar="ITEMS", help="Only these anchors, say 1,12 [default: all].")
@click.option("--out", type=PATH, help="Folder for validation.html and validation.parquet, all cases as one table.")
@replace_option
@click.pass_context
def validate(ctx: click.Context, quick: bool, only: str | None, out: Path | None, force: bool) -> None:
    """Compare with known answers. Exit status 1 if one is off."""
    from rich.console import Console

    from gpusim import __version__
    from gpusim.report.anchors import summary_of, table_of, write
    from gpusim.validation.anchor import FULL, QUICK
    from gpusim.validation.suite import choose
    from gpusim.validation.suite import validate as rows_of

    items = choose(only)
    if out is not None:
        for name in ("validation.html", "validation.parquet"):
            check_output(out / name, force)
    loading()
    rows = with_progress(lambda progress: rows_of(items, QUICK if quick else FULL, progress))
    Console(width=120).print(table_of(rows))
    say(summary_of(rows))
    if out is not None:
        write(rows, out, __version__)
        say(f"{out / 'validation.html'} and {out / 'validation.parquet'} written.")
    if not all(row.passed for row in rows):
        ctx.exit(1)
