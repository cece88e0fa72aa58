"""The part of a report on what loosening each constraint would buy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.analysis.labels import label_of, unit_of
from gpusim.report import document, tables
from gpusim.report.figures.relief_ranking import gain_label
from gpusim.report.tables import Column, plus_minus
from gpusim.tables.relief import Relief

MOST_ROWS = 25


def relief_part(relief: Relief) -> dict[str, object]:
    """What the template ``relief.html`` asks for: sentences, and tables by their id."""
    about, ranking = relief.about, relief.ranking
    return {
        "about": about,
        "agreement": _agreement(relief),
        "levelling": about["levelling"],
        "pairing": _pairing(relief),
        "command": _command(about),
        "left_out": max(len(ranking) - MOST_ROWS, 0),
        "tables": {
            "relief-ranking": _ranking(ranking.head(MOST_ROWS), about["measure"]),
            "relief-groups": document.table(relief.groups.head(MOST_ROWS), tables.RELIEF_GROUPS),
            "relief-effects": _effects(relief),
        },
    }


def _ranking(ranking: pd.DataFrame, measure: str) -> dict[str, list]:
    """Gains with their intervals, by unit and USD, and beside them the ledger's figures."""
    gains = ranking["gain"].astype(float).replace([np.inf, -np.inf], np.nan)
    unit = unit_of(measure, 0.0 if gains.isna().all() else float(gains.abs().max()))
    columns = (
        Column("rank", "#", str),
        Column("text", "what if", str, text=True),
        Column("gain_said", f"gain: {gain_label(measure, unit)}", str),
        Column("n", "pairs of runs", str),
        Column("per_unit_said", "gain per unit", str),
        Column("usd", "the step costs [USD]", tables.quantity_or_none),
        Column("per_usd", "gain per USD", lambda value: tables.quantity_or_none(value * unit.factor)),
        Column("ledger_gpu_hours", "ledger: GPU-hours held back", tables.quantity_or_none),
        Column("ledger_rank", "ledger #", tables.rank),
    )
    gain_said, per_unit_said = [], []
    for row in ranking.itertuples():
        gain_said.append(plus_minus(*(value * unit.factor for value in (row.gain, row.low, row.high))))
        per_unit = f"{tables.quantity_or_none(row.per_unit * unit.factor)} /{row.unit}"
        per_unit_said.append("" if row.unit == "rule" else per_unit)
    return document.table(ranking.assign(gain_said=gain_said, per_unit_said=per_unit_said), columns)


def _agreement(relief: Relief) -> str:
    """Whether ledger and relief have the same first, and how alike they are in all."""
    groups, found = relief.groups, relief.about["agreement"]
    seen = groups[groups["ledger_rank"] == 1.0]
    if seen.empty:
        return "The ledger sees none of these constraints."
    best, largest = groups.iloc[0], seen.iloc[0]
    if found["top1"]:
        head = f"Ledger and relief have the same first: {best['group']}."
    else:
        place = "is not in the ledger" if np.isnan(best["ledger_rank"]) else f"is #{best['ledger_rank']:.0f} there"
        head = (
            f"The ledger puts {largest['group']} first, which is #{largest['relief_rank']:.0f} by relief;"
            f" relief puts {best['group']} first, which {place}."
        )
    if np.isnan(found["kendall"]):
        return f"{head} Too few constraints are in both for a rank correlation."
    return (
        f"{head} Rank correlation over the {found['groups']} that the ledger sees:"
        f" Kendall's tau {found['kendall']:.2f}, Spearman's rho {found['spearman']:.2f}"
        " (1: the same order; 0: nothing in common; -1: the reverse)."
    )


def _pairing(relief: Relief) -> str:
    """What common random numbers were worth, of the gain that the ranking goes by."""
    effects = relief.effects
    factor = effects.loc[effects["measure"] == relief.about["measure"], "variance_reduction"].astype(float)
    factor = factor[np.isfinite(factor)]
    if factor.empty:
        return ""
    times = tables.number(factor.median())
    return f"Without, intervals as narrow would have taken {times} times as many runs (median)."


def _command(about: dict) -> str:
    words = {"by": about["measure"], "step": about["step"], "days": about["days"], "budget": about["budget"],
             "seed": about["seed"]}  # fmt: skip
    options = " ".join(f"--{name} {value:g}" if isinstance(value, float) else f"--{name} {value}"
                       for name, value in words.items())  # fmt: skip
    return f"gpusim relieve scenario.toml {options}"


def _effects(relief: Relief) -> dict[str, list]:
    """A row per counterfactual, a column per measure in its unit; first the means as it is."""
    effects, ranking = relief.effects, relief.ranking.head(MOST_ROWS)
    columns, table = [Column("text", "what if", str, text=True)], {"text": ["as it is", *ranking["text"]]}
    for measure, part in effects.groupby("measure", sort=False):
        unit = unit_of(measure, float(part["base"].abs().max()))
        base = part.loc[part["n"].idxmax(), "base"]
        changes = part.set_index("relief").reindex(ranking["relief"])
        table[measure] = [unit.number(base), *(_change(row, unit.factor) for row in changes.itertuples())]
        columns.append(Column(measure, label_of(measure, unit), str))
    return document.table(pd.DataFrame(table), tuple(columns))


def _change(row, factor: float) -> str:
    text = plus_minus(row.difference * factor, row.low * factor, row.high * factor)
    return f"+{text}" if row.difference > 0.0 else text
