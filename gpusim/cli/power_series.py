"""``gpusim power-series``: the power of a site of a saved result from sample to sample."""

from __future__ import annotations

from pathlib import Path

import click

from gpusim.cli.group import cli
from gpusim.cli.path import PATH
from gpusim.cli.streams import say
from gpusim.cli.target import check_output, replace_option
from gpusim.errors import ResultError
from gpusim.units import DAY_S, WATT_PER_MW, number_of

ENDINGS = (".csv", ".parquet")


@cli.command("power-series")
@click.argument("folder", type=PATH)
@click.option("--site", required=True, help="A site of the result.")
@click.option("--from", "from_day", type=float, required=True, help="Start of the window, in days of the run.")
@click.option("--to", "to_day", type=float, required=True, help="End of the window, in days of the run.")
@click.option("--step", "step_s", type=float, default=0.025, show_default=True, help="Sample interval [s].")
@click.option("--work-step", "work_step_s", type=float, default=2.0, show_default=True,
              help="Training step of the jobs [s]; each ends with an exchange of data.")  # fmt: skip
@click.option("--storage-mw", type=click.FloatRange(0, min_open=True),
              help="Smooth with storage of this charging and discharging power [MW].")  # fmt: skip
@click.option("--dummy-mw", type=click.FloatRange(0, min_open=True), help="Smooth with dummy load of this power [MW].")
@click.option("--out", type=PATH, help="Write the series to this CSV or Parquet file.")
@click.option("--figure", type=PATH, help="Draw power and swings to this PNG, PDF or SVG file.")
@replace_option
def power_series(
    folder: Path, site: str, from_day: float, to_day: float, step_s: float, work_step_s: float,
    storage_mw: float | None, dummy_mw: float | None, out: Path | None, figure: Path | None, force: bool,
) -> None:  # fmt: skip
    """Power of a site, second by second, for grid studies.

    FOLDER holds a saved result with the site. Ramps and swings are printed.
    """
    from gpusim.analysis import swings
    from gpusim.analysis.power_series import power_series as series_of
    from gpusim.report.swings_text import print_swings
    from gpusim.tables.record import Record

    _check(out, ENDINGS, force)
    _check(figure, (".png", ".pdf", ".svg"), force)
    result = Record.load(folder)
    series = series_of(result, site, from_day * DAY_S, to_day * DAY_S, step_s, work_step_s)
    watts, smoothed = series["facility_w"].to_numpy(), {}
    if storage_mw is not None:
        smoothed[f"storage of {storage_mw:g} MW"] = swings.by_storage(watts, step_s, storage_mw * WATT_PER_MW)
    if dummy_mw is not None:
        smoothed[f"dummy load of {dummy_mw:g} MW"] = swings.by_dummy_load(watts, step_s, dummy_mw * WATT_PER_MW)
    print_swings(series, step_s, smoothed)
    if out is not None:
        series.to_csv(out, index=False) if out.suffix == ".csv" else series.to_parquet(out, index=False)
        say(f"{out}: {number_of(len(series), 'sample')}")
    if figure is not None:
        from gpusim.report.figures import save
        from gpusim.report.figures.swings import draw

        lines = {"as it is": watts} | {name: one.power_w for name, one in smoothed.items()}
        title = f"Power of {site} at the meter"
        drawn = ((figure.stem, draw(lines, step_s, title)) for _ in range(1))  # drawn while the style holds
        save(drawn, figure.parent, [figure.suffix[1:]])
        say(str(figure))


def _check(out: Path | None, endings: tuple[str, ...], force: bool) -> None:
    if out is None:
        return
    if out.suffix not in endings:
        raise ResultError(f"{out}: found ending {out.suffix!r}; give a name that ends in {' or '.join(endings)}")
    check_output(out, force)
