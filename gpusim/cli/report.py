"""``gpusim report``, ``figures`` and ``open``: what a folder holds, as a page, as figures for a paper, in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpusim.cli.group import cli
from gpusim.cli.paths import PATH
from gpusim.cli.terminal import say
from gpusim.errors import GpusimError, ResultError, did_you_mean
from gpusim.units import number_of

if TYPE_CHECKING:
    from gpusim.report.findings import Findings
    from gpusim.report.section import F, Report
    from gpusim.report.sweeps.findings import SweepFindings


# ``gpusim report``: the figures and the page of a folder, drawn anew.

BASE, RELIEF = "base", "relief"  # folders of a relief study: the result of the scenario as it is; what it found
DELIVERIES = "deliveries"  # folder beside the tables of a result: replications of its build-out
COMPETITION = "competition"  # and what its rivals cost
ASSUMPTIONS = "assumptions"  # and on which assumptions it hangs


@cli.command()
@click.argument("folder", type=PATH)
def report(folder: Path) -> None:
    """Redraw figures and report of a result or study.

    FOLDER holds a saved result, a relief study or the store of a sweep.
    """
    say(str(_redrawn(folder)))


def write_report(findings: F, folder: Path, report: Report[F]) -> Path:
    """Draw the figures once, for their folder and for the report."""
    from gpusim.report.drawing import draw_all
    from gpusim.report.page import write

    pictures = draw_all(findings, folder / "figures", report.sections)
    return write(findings, folder / "report.html", pictures, report)


def findings_in(folder: Path) -> tuple[Findings | SweepFindings, Report]:
    """What a folder holds, a result, a relief study or the store of a sweep, and the kind of its report.

    Raises
    ------
    ResultError
        If it holds something else, or not all of it.
    """
    from gpusim.report.findings import Findings
    from gpusim.report.sections import REPORT
    from gpusim.results.tables.folder import contents_of, study_of
    from gpusim.results.tables.record import Record

    if (folder / RELIEF).is_dir():
        from gpusim.results.tables.studies import Relief

        return Findings(Record.load(folder / BASE), Relief.load(folder / RELIEF)), REPORT
    if study_of(folder) not in ("", "sweep"):
        raise ResultError(f"{folder}: {contents_of(folder)}")
    if (folder / "sweep.json").is_file():
        from gpusim.report import policies, sweeps
        from gpusim.report.sweeps.findings import SweepFindings
        from gpusim.studies.comparison import is_comparison
        from gpusim.sweeps import Sweep

        sweep = Sweep.load(folder)
        kind = policies if is_comparison(sweep.spec) else sweeps
        return SweepFindings(sweep.spec, sweep.store), kind.REPORT
    from gpusim.studies.replications.replicate import replications_in

    deliveries = competition = doubts = None
    if (folder / DELIVERIES).is_dir():
        from gpusim.results.tables.studies import Deliveries

        deliveries = Deliveries.load(folder / DELIVERIES)
    if (folder / COMPETITION).is_dir():
        from gpusim.results.tables.studies import Competition

        competition = Competition.load(folder / COMPETITION)
    if (folder / ASSUMPTIONS).is_dir():
        from gpusim.results.tables.studies import Assumptions

        doubts = Assumptions.load(folder / ASSUMPTIONS)
    several = replications_in(folder)
    return Findings(Record.load(folder), None, deliveries, competition, several, doubts), REPORT


def _redrawn(folder: Path) -> Path:
    """The page of a folder, by what the folder holds."""
    from gpusim.results.tables.folder import check_file

    if folder.is_dir():
        check_file(folder / "report.html")
    findings, report = findings_in(folder)
    return write_report(findings, folder, report)


# ``gpusim figures``: the figures of a folder for a paper, in the formats that it takes.


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

    findings, kind = findings_in(folder)
    drawn = draw_all(findings, out or folder / "figures", kind.sections, formats)
    say(f"{out or folder / 'figures'}: {number_of(len(drawn), 'file')}: {', '.join(path.name for path in drawn)}")


# ``gpusim open``: the page of a folder from a server on this machine, for results that a page cannot hold.


@cli.command("open")
@click.argument("folder", type=PATH)
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port to listen on [default: a free one].")
@click.option("--browser", is_flag=True, help="Open it in a browser.")
def open_folder(folder: Path, port: int, browser: bool) -> None:
    """Serve the report of FOLDER on 127.0.0.1, until Ctrl-C.

    The whole result is behind it: lanes show the jobs of the days in view; every table can be paged through, or read
    as Parquet by byte ranges. For the store of a sweep, its report.
    """
    from gpusim.report.served.site import serve

    findings, _report = findings_in(folder)
    with serve(folder, findings, port) as server:
        try:
            say(f"{folder} at {server.url} until Ctrl-C")
            if browser:
                click.launch(server.url)
            server.serve_forever()
        except KeyboardInterrupt:
            say("Stopped.", err=True)
