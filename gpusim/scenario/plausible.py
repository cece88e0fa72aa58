"""Values of a scenario that are possible, but probably in another unit than their key tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gpusim.scenario.faults import dotted
from gpusim.scenario.references import find
from gpusim.scenario.steps import Steps

# Key -> least and greatest that are plausible beside 0, their unit, and the units they may be in if below or above.
RANGES = {
    "sites.*.grid_mw": (0.01, 20_000.0, "MW", "GW", "kW"),
    "sites.*.hall_mw": (0.01, 20_000.0, "MW", "GW", "kW"),
    "sites.*.price_usd_per_mwh": (2.0, 2_000.0, "USD/MWh", "USD/kWh", "USD/GWh"),
    "sites.*.carbon_g_per_kwh": (2.0, 2_000.0, "g/kWh", "kg/kWh", "g/MWh"),
    "sites.*.marginal.g_per_kwh": (2.0, 2_000.0, "g/kWh", "kg/kWh", "g/MWh"),
    "gpus.*.tdp_w": (10.0, 20_000.0, "W", "kW", "mW"),
    "gpus.*.rated_it_w_per_gpu": (10.0, 40_000.0, "W", "kW", "mW"),
    "gpus.*.memory_gb": (1.0, 10_000.0, "GB", "TB", "MB"),
    "gpus.*.bf16_tflops": (1.0, 100_000.0, "TFLOP/s", "PFLOP/s", "GFLOP/s"),
    "gpus.*.usd_per_gpu_hour": (0.01, 200.0, "USD/h", "USD/s", "USD/month"),
    "links.*.gbps": (0.01, 1e6, "Gb/s", "Tb/s", "Mb/s"),
    "data_sets.*.tb": (1e-9, 1e6, "TB", "PB", "GB"),
    "sites.*.storage.copies_tb": (1e-6, 1e7, "TB", "PB", "GB"),
    "workload.streams.*.data_tb": (1e-9, 1e6, "TB", "PB", "GB"),
    "money.energy_usd_per_mwh": (2.0, 2_000.0, "USD/MWh", "USD/kWh", "USD/GWh"),
}  # fmt: skip


def odd_values(tables: dict) -> Iterator[str]:
    """A sentence for each value of a scenario's nested tables outside what is plausible."""
    for pattern, (least, greatest, unit, if_small, if_great) in RANGES.items():
        for place, value in find(tables, pattern.split(".")):
            levels: list[Any] = Steps.model_validate(value).levels() if isinstance(value, list) else [value]
            for level in dict.fromkeys(levels):
                if level is None or level == 0 or least <= abs(level) <= greatest:
                    continue
                other = if_small if abs(level) < least else if_great
                yield (
                    f"{dotted(place)}: {level:,.6g} {unit} is {'less' if other == if_small else 'more'} than seems"
                    f" possible ({least:,g} to {greatest:,g}); is it in {other}?"
                )
