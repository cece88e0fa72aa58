"""What prices, carbon intensities and temperatures can be: a figure beyond is a unit read wrongly, not a reading."""

from __future__ import annotations

import numpy as np

from gpusim.inputs.traces.source import Source

# Quantity -> least, greatest, their unit, and what they are bounds of.
# Prices: day-ahead markets of Europe stop at 5,000 EUR, Texas at 5,000 USD (9,000 until 2022), Australia at 20,300 AUD.
# Carbon: burning peat or old lignite emits 1,200 to 1,500. Air: just beyond what was ever measured on Earth.
BOUNDS = {
    "price_usd_per_mwh": (-2_000.0, 20_000.0, "USD/MWh", "prices"),
    "carbon_g_per_kwh": (0.0, 2_000.0, "g/kWh", "carbon intensities"),
    "dry_bulb_c": (-90.0, 60.0, "C", "air temperatures"),
    "wet_bulb_c": (-90.0, 60.0, "C", "wet bulb temperatures"),
}
# Quantity -> if no value of a day or more is farther from 0 than this, it may be in the other unit.
DAY = 24  # readings
SMALL = {"price_usd_per_mwh": (2.0, "a price for 1 kWh"), "carbon_g_per_kwh": (2.0, "kg/kWh or t/MWh")}


def check_plausible(source: Source, quantity: str, values: np.ndarray) -> None:
    """A fault of ``source`` for values that cannot be, a note for all of them being suspiciously small."""
    known = values[~np.isnan(values)]
    if not len(known):
        return
    least, greatest, unit, what = BOUNDS[quantity]
    beyond = np.count_nonzero((known < least) | (known > greatest))
    if beyond:
        source.faults.stop(
            f"{what} from {known.min():,.6g} to {known.max():,.6g} {unit}, {beyond:,} of {len(known):,} beyond what can"
            f" be ({least:,g} to {greatest:,g}): is the column another quantity, or in another unit? Its header tells"
            " the unit, say 'price (USD/kWh)' or 'carbon_intensity (lbs/MWh)'"
        )
    most, other = SMALL.get(quantity, (0.0, ""))
    if len(known) >= DAY and 0.0 < np.abs(known).max() <= most:
        source.note(f"{quantity}: no value beyond {most:g} {unit}; are they {other}?", len(known))
