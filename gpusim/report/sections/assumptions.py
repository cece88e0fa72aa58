"""The assumptions on which the answer of a build-out hangs most, and what would turn it."""

from __future__ import annotations

from math import isnan

from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column
from gpusim.results.lateness import spelled
from gpusim.results.tables.studies import Assumptions
from gpusim.results.wording import quantity
from gpusim.units import number_of

MOST = 5


class AssumptionsSection(Section):
    """Where they were tried."""

    name, title = "assumptions", "Assumptions"

    def applies(self, findings: Findings) -> bool:
        """Whether they were."""
        return findings.assumptions is not None

    def lead(self, findings: Findings) -> list[str]:
        """The five of the greatest effect, and what would turn the first cause of delay."""
        return told(findings.assumptions)

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """All of them."""
        return {"assumptions": document.table(findings.assumptions.assumptions, ALL)}


def told(found: Assumptions) -> list[str]:
    """In sentences, as page and console say it."""
    lost, rows = found.about["gpu_hours"], found.assumptions
    played = number_of(found.about["replications"], "build-out")
    if not found.about["first"]:
        return [f"Nothing is late over {played} under the stated assumptions."]
    strongest = rows[rows[["low_gpu_hours", "high_gpu_hours"]].abs().max(axis=1) > 0.0].head(MOST)
    if not len(strongest):
        return [f"No assumption changes what is late over {played}."]
    listed = "; ".join(_effect(row, lost) for row in strongest.itertuples())
    sentences = [
        f"Of {number_of(len(rows), 'assumption')} of the build-out, each moved alone over {played} under the same"
        f" seeds, these most change the GPU-hours planned but not live: {listed}."
    ]
    turning = rows[rows["turns_to"] != ""].head(MOST)
    first = found.about["first"]
    if not len(turning):
        sentences.append(f"None, within its interval, displaces {first} as the first cause.")
    else:
        said = {}
        for row in turning.itertuples():
            way = "up" if row.turns_at > row.base else "down"
            said.setdefault(row.turns_to, []).append(f"{in_words(row.assumption)} from {_value(row)} {way}")
        would = " ".join(
            f"It would be {cause}{',' * (',' in cause)} with {'; or '.join(each)}." for cause, each in said.items()
        )
        sentences.append(f"The first cause of delay is {first}. {would}")
    return sentences


# An assumption that every build-out has, in words: by its whole name, or by what comes before the name of a thing.
WHOLE = {
    "spread": "the spread of all durations",
    "same region": "the correlation of delays within a region",
    "same trade": "the correlation of delays within a trade",
    "tail index": "the tail index of durations",
    "early share": "the share of early work that counts",
}
OF = {
    "duration": "the duration of {} tasks", "supply": "the supply of {}", "orders": "the orders of {}",
    "shock": "the probability of {}",
}  # fmt: skip


def in_words(assumption: str) -> str:
    """An assumption as a sentence names it; one with keys of its own has the name that the scenario gave it."""
    kind, _, thing = assumption.partition(" ")
    if assumption in WHOLE:
        return WHOLE[assumption]
    return OF[kind].format(spelled(thing)) if thing and kind in OF else spelled(assumption)


def _effect(row, lost: float) -> str:
    ends = [f"{_change(more / lost)} at {_times(row.how, value)}" for value, more in
            ((row.low, row.low_gpu_hours), (row.high, row.high_gpu_hours))]  # fmt: skip
    scale = " as exponent of p90 over median" if row.how == "power" else ""
    return f"{in_words(row.assumption)} ({', '.join(ends)}{scale})"


def _change(part: float) -> str:
    return f"{part:+.0%}" if round(abs(part), 2) else "no change"


def _value(row) -> str:
    return _times(row.how, row.turns_at)


def _times(how: str, value: float) -> str:
    return f"{value:.3g} times" if how in ("times", "scale") else f"{value:.3g}"


def _turns(value: float) -> str:
    return "" if isnan(value) else f"{value:.3g}"


ALL = (
    Column("assumption", "assumption", str, text=True),
    Column("how", "in", str, text=True),
    Column("base", "base", lambda value: f"{value:.3g}"),
    Column("low", "low", lambda value: f"{value:.3g}"),
    Column("high", "high", lambda value: f"{value:.3g}"),
    Column("low_gpu_hours", "more GPU-hours lost at low", quantity),
    Column("low_se_gpu_hours", "standard error", quantity),
    Column("high_gpu_hours", "at high", quantity),
    Column("high_se_gpu_hours", "standard error", quantity),
    Column("turns_at", "first cause changes from", _turns, none=""),
    Column("turns_to", "to cause", str, text=True),
)
