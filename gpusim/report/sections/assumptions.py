"""The assumptions on which the answer of a build-out hangs most, and what would turn it."""

from __future__ import annotations

from math import isnan

from gpusim.analysis.lateness import spelled
from gpusim.analysis.wording import quantity
from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column
from gpusim.tables.studies import Assumptions
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
        said = "; ".join(f"{row.turns_to} from {_value(row.how, row.turns_at)} on ({row.assumption})"
                         for row in turning.itertuples())  # fmt: skip
        sentences.append(f"The first cause of delay is {first}. It would be {said}.")
    return sentences


def _effect(row, lost: float) -> str:
    ends = [f"{more / lost:+.0%} at {_value(row.how, value)}" for value, more in
            ((row.low, row.low_gpu_hours), (row.high, row.high_gpu_hours))]  # fmt: skip
    return f"{spelled(row.assumption.replace(' ', '_'))} ({', '.join(ends)})"


def _value(how: str, value: float) -> str:
    return {"times": f"{value:.3g} times", "scale": f"{value:.3g} times", "power": f"a power of {value:.3g}"}.get(
        how, f"{value:.3g}"
    )  # fmt: skip


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
