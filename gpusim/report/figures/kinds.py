"""Colours of kinds of tasks: those that cost most have one of their own."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.patches import Patch

from gpusim.analysis.lateness import held_back, spelled
from gpusim.report.figures.palette import OTHER, SERIES
from gpusim.tables.record import Record

OWN = (*SERIES[:6], "#44546A")


def kind_colours(result: Record) -> dict[str, str]:
    """Kind -> colour: first what the run's GPUs were missing for, then what critical paths went through, by length."""
    missing = held_back(result.build_ledger).groupby("cause")["usd"].sum().sort_values(ascending=False)
    paths = result.build_paths
    lengths = (paths["to_s"] - paths["from_s"]).groupby(paths["kind"]).sum().sort_values(ascending=False)
    kinds = list(dict.fromkeys([*missing.index[missing > 0.0], *lengths.index]))
    return {kind: OWN[i] if i < len(OWN) else OTHER for i, kind in enumerate(kinds)}


def kind_patches(colours: dict[str, str], shown: Iterable[str]) -> list[Patch]:
    """Entries of a legend; kinds without a colour of their own are one."""
    shown = set(shown)
    own = [Patch(color=c, label=spelled(kind)) for kind, c in colours.items() if c != OTHER and kind in shown]
    return own + ([Patch(color=OTHER, label="others")] if any(colours.get(k, OTHER) == OTHER for k in shown) else [])
