"""What loosening each constraint would buy, beside what the ledger says."""

from __future__ import annotations

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table

from gpusim.report import document
from gpusim.report.figures import relief_curves, relief_effects, relief_ranking
from gpusim.report.figures.relief_ranking import gain_label
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Head, Section
from gpusim.report.tables import Column, decimals, number, plus_minus, text
from gpusim.report.terminal import Terminal
from gpusim.results.labels import label_of, unit_of
from gpusim.results.measure import none_of
from gpusim.results.tables.studies import Relief
from gpusim.results.wording import compact, quantity

MOST_ROWS = 25
MOST_LINES = 15  # of the console
SIZES = ((1e9, "\n[billion]"), (1e6, "\n[million]"))
NO_PRICE = "no price"  # of a step that the catalogue does not know
LONG = 1e5  # from which a number takes as few characters as it can


class ReliefSection(Section):
    """Where a relief study was made."""

    name, title, template = "relief", "What relief would buy", "sections/relief.html"

    def applies(self, findings: Findings) -> bool:
        """Whether it was."""
        return findings.relief is not None

    def head(self, findings: Findings) -> Head:
        """Whether the best is told from the rest."""
        return Head("what relief would buy", "verdict", findings.relief.about["verdict"])

    def figures(self, findings: Findings) -> Drawings:
        """Ranking, curves and effects; none where nothing binds, no curves where only rules do."""
        relief, found = findings.relief, {}
        if len(relief.ranking):
            found["relief_ranking"] = lambda: relief_ranking.draw(relief)
            if len(relief.curves):
                found["relief_curves"] = lambda: relief_curves.draw(relief)
            found["relief_effects"] = lambda: relief_effects.draw(relief)
        return found

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """The ranking, both rankings by groups, and effects."""
        relief = findings.relief
        return {
            "relief-ranking": _ranking(relief.ranking.head(MOST_ROWS), relief.about["measure"]),
            "relief-groups": document.table(relief.groups.head(MOST_ROWS), GROUPS),
            "relief-effects": _effects(relief),
        }

    def values(self, findings: Findings) -> dict[str, object]:
        """Sentences on agreement, curves, pairs of runs; how to repeat it."""
        relief = findings.relief
        return {
            "about": relief.about,
            "agreement": _agreement(relief),
            "levelling": relief.about["levelling"],
            "pairing": _pairing(relief),
            "command": _command(relief.about),
            "left_out": max(len(relief.ranking) - MOST_ROWS, 0),
        }

    def say(self, findings: Findings, terminal: Terminal) -> None:
        """Verdict, ranking beside the ledger's, and where the two differ."""
        relief = findings.relief
        about, table = relief.about, Table("#", "what if", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        table.columns[1].overflow = "fold"
        size, of_them = _size(relief.ranking["gain"])
        none = none_of(about["measure"])
        for heading in (f"gain{of_them}", "per\nunit", "per\nUSD", "ledger\nGPU-h", "ledger\n#"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in relief.ranking.head(MOST_LINES).itertuples():
            seen = not np.isnan(row.ledger_rank)
            table.add_row(
                str(row.rank), row.text, plus_minus(row.gain / size, row.low / size, row.high / size, none),
                f"{_short(row.per_unit)} /{row.unit}" if row.unit != "rule" and row.per_unit == row.per_unit else "",
                _short(row.per_usd) if row.usd > 0.0 else "",
                compact(row.ledger_gpu_hours) if seen else "", f"{row.ledger_rank:.0f}" if seen else "",
            )  # fmt: skip
        terminal.print()
        terminal.print(about["verdict"], style="bold")
        if relief.ranking.empty:
            return
        terminal.print(table)
        steps = len(relief.ranking)
        more = f" All {steps} are in the report." if steps > MOST_LINES else ""
        note = f"Gain in {about['what']}: mean change over paired runs, \u00b1 half of its 95% interval."
        note += " Ledger: held back in the unchanged runs."
        terminal.print(note + more, style="dim")
        for sentence in (*about["explanations"], *about["levelling"]):
            terminal.print(f"- {sentence}")


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
        Column("usd", "the step costs [USD]", quantity, none=NO_PRICE),
        Column("per_usd", "gain per USD", lambda value: quantity(value * unit.factor), none=NO_PRICE),
        *LEDGER,
    )
    gain_said, per_unit_said, none = [], [], none_of(measure)
    for row in ranking.itertuples():
        gain_said.append(plus_minus(*(value * unit.factor for value in (row.gain, row.low, row.high)), none))
        per_unit = f"{quantity(row.per_unit * unit.factor)} /{row.unit}" if row.per_unit == row.per_unit else none
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
    times = number(factor.median())
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
        none = none_of(measure)
        first = unit.number(base) if base == base else none
        table[measure] = [first, *(_change(row, unit.factor, none) for row in changes.itertuples())]
        columns.append(Column(measure, label_of(measure, unit), str))
    return document.table(pd.DataFrame(table), tuple(columns))


def _change(row, factor: float, none: str) -> str:
    text = plus_minus(row.difference * factor, row.low * factor, row.high * factor, none)
    return f"+{text}" if row.difference > 0.0 else text


def _size(values: pd.Series) -> tuple[float, str]:
    """What to count in, so that a column of these values leaves room for others; its words under a heading."""
    most = values.abs().max()
    return next(((size, words) for size, words in SIZES if most >= size), (1.0, ""))


def _short(value: float) -> str:
    return compact(value) if abs(value) >= LONG else number(value)


LEDGER = (
    Column("ledger_gpu_hours", "ledger: GPU-hours held back", quantity, none="not in the ledger"),
    Column("ledger_rank", "ledger #", decimals(), none="not in the ledger"),
)
GROUPS = (
    text("group", "what is short, where"),
    Column("relief_rank", "# by gain", decimals(), none="no rank"),
    Column("gain", "gain of its best relief", number),
    *reversed(LEDGER),
)
