"""Swings of a site's power for the terminal: the series in figures, ramps, bands, what smoothing does to both."""

from __future__ import annotations

import numpy as np
import pandas as pd
from rich.console import Console

from gpusim.report.terminal import listing, terminal
from gpusim.results import swings
from gpusim.units import JOULE_PER_MWH, WATT_PER_MW


def print_swings(
    series: pd.DataFrame, step_s: float, smoothed: dict[str, swings.Smoothed], console: Console | None = None
) -> None:
    """Power, ramps and bands of a series at the meter, each beside what is left of it with each way of smoothing."""
    console = terminal(console)
    power = {"as it is": series["facility_w"].to_numpy()} | {name: one.power_w for name, one in smoothed.items()}
    table = listing("", *(f"{name}>" for name in power))
    for what, of in (("mean [MW]", np.mean), ("minimum [MW]", np.min), ("maximum [MW]", np.max)):
        table.add_row(what, *(f"{of(watts) / WATT_PER_MW:.4g}" for watts in power.values()))
    ramps = [swings.ramps(watts, step_s) for watts in power.values()]
    for i, window_s in enumerate(ramps[0]["window_s"]):
        greatest = [max(one["up_mw_per_s"][i], one["down_mw_per_s"][i]) for one in ramps]
        table.add_row(f"steepest ramp over {window_s:g} s [MW/s]", *(f"{ramp:.4g}" for ramp in greatest))
    bands = [swings.bands(watts, step_s) for watts in power.values()]
    for i, band in enumerate(bands[0].itertuples()):
        table.add_row(
            f"swings of {band.from_hz:g} to {band.to_hz:g} Hz, RMS [MW]", *(f"{one['rms_mw'][i]:.3g}" for one in bands)
        )
    console.print(table)
    for name, one in smoothed.items():
        held = f", of at most {one.held_j / 3.6e6:.3g} kWh held" if one.held_j > 0.0 else ""
        share = one.lost_j / max(float(power["as it is"].sum()) * step_s, 1e-300)
        console.print(f"{name}: costs {one.lost_j / JOULE_PER_MWH:.3g} MWh, {share:.2%} of what the site used{held}")
    scale = series["scale"]
    if not np.allclose(scale, 1.0, atol=1e-3):
        factors = dict.fromkeys((f"{scale.min():.3g}", f"{scale.max():.3g}"))
        console.print(
            f"The jobs' power is scaled by {' to '.join(factors)} so that every record interval has the"
            " energy of the run, where a job draws its mean power throughout, less if it is capped or slowed."
        )
