"""Two results side by side: what differs in their scenarios, their figures and their bottlenecks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gpusim.causes import SLACK
from gpusim.results import requests
from gpusim.results.bottlenecks import bottlenecks
from gpusim.results.metrics import metrics
from gpusim.results.tables.record import Record

KEYS = ["site", "gpu_type", "cause"]
MOVED = 0.01  # a bottleneck that changed by less than this share of the largest is not worth a line


def scenario_differences(first: Record, second: Record) -> pd.DataFrame:
    """Dotted keys of the scenarios, and the seed, whose values differ: key, first, second.

    A key that only one has is ``None`` in the other. A table that only one has is one row, as the text "(table)".
    """
    a, b = ({"seed": r.manifest["seed"], **r.manifest["scenario"]} for r in (first, second))
    return pd.DataFrame(list(_differences(a, b, "")), columns=["key", "first", "second"], dtype=object)


def compare(first: Record, second: Record) -> pd.DataFrame:
    """Headline figures by name: first, second, difference (second - first) and ratio (second / first).

    Figures of the requests of services with a model follow, under the names used in studies: ``service chat
    attainment``. All are numbers: NaN where nothing was measured; the text of ``Result.metrics`` says what was missing.
    """
    a, b = _figures(first), _figures(second)
    names = list(dict.fromkeys([*a.index, *b.index]))
    a, b = a.reindex(names), b.reindex(names)
    return pd.DataFrame({"first": a, "second": b, "difference": b - a, "ratio": b / a.where(a != 0.0)}).rename_axis(
        "name"
    )


def bottleneck_changes(first: Record, second: Record) -> pd.DataFrame:
    """Bottlenecks (not slack) whose GPU-hours held back or whose waiting changed, the largest change first.

    Returns
    -------
    DataFrame
        site, gpu_type, cause, rank_first and rank_second (NaN: not there), gpu_hours_first, gpu_hours_second,
        waited_first, waited_second (job-hours). Changes under 1% of the largest value of either run are left out.
    """
    columns = {"rank": "rank", "gpu_hours_held_back": "gpu_hours", "job_hours_waited": "waited"}
    tables = [
        table[~table["cause"].isin(SLACK)].set_index(KEYS)[list(columns)].rename(columns=columns)
        for table in map(bottlenecks, (first, second))
    ]
    table = tables[0].add_suffix("_first").join(tables[1].add_suffix("_second"), how="outer")
    moved = pd.Series(0.0, index=table.index)
    for name in ("gpu_hours", "waited"):
        pair = table[[f"{name}_first", f"{name}_second"]] = table[[f"{name}_first", f"{name}_second"]].fillna(0.0)
        largest = float(pair.to_numpy().max()) if len(pair) else 0.0
        if largest > 0.0:
            moved = np.maximum(moved, pair.diff(axis=1).iloc[:, 1].abs() / largest)
    table = table.assign(moved=moved)[moved >= MOVED].sort_values("moved", ascending=False, kind="stable")
    return table.drop(columns="moved").reset_index()


def _figures(result: Record) -> pd.Series:
    """Headline figures, and those of the requests of services."""
    of_services = requests.figures(result).stack(future_stack=True)
    names = [f"service {service} {figure}" for service, figure in of_services.index]
    return pd.concat([metrics(result), of_services.astype(float).set_axis(names)])


def _differences(a: object, b: object, key: str) -> Iterator[tuple[str, object, object]]:
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        a, b = dict(enumerate(a)), dict(enumerate(b))
    if isinstance(a, dict) and isinstance(b, dict):
        for name in dict.fromkeys([*a, *b]):
            yield from _differences(a.get(name), b.get(name), f"{key}.{name}" if key else str(name))
    elif a != b:
        yield key, "(table)" if isinstance(a, dict) else a, "(table)" if isinstance(b, dict) else b
