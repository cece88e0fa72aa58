"""Which differences between policies are real, and which policies do not differ by rank."""

from __future__ import annotations

from functools import partial

import pandas as pd

from gpusim.errors import StatisticsError
from gpusim.report import document
from gpusim.report.figures import ranks as figure
from gpusim.report.section import Drawings, Head, Section
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.tables import text
from gpusim.report.terminal import Terminal
from gpusim.results.labels import unit_of, words_of
from gpusim.results.measure import sign_of
from gpusim.studies.comparison import AXIS
from gpusim.studies.statistics.intervals import paired
from gpusim.studies.statistics.ranks import Ranks, ranks
from gpusim.units import number_of

# Which differences between policies are real.

RISK = 0.05  # that any difference of a measure is called real by luck
MOST_RELATIVE = 5.0  # of the base: larger differences are told in their own unit
VERDICTS = ("better", "worse", "not significant")


class VerdictSection(Section[SweepFindings]):
    """Each policy against the first, measure by measure, with intervals that hold together."""

    name, title = "verdict", "Which differences are real"

    def applies(self, findings: SweepFindings) -> bool:
        """Whether the first policy and another have runs."""
        return not judged(findings).empty

    def head(self, findings: SweepFindings) -> Head:
        """Of the first measure."""
        return Head("sweep", "headline", statement(findings, findings.measures[0]), tuple(findings.absent))

    def lead(self, findings: SweepFindings) -> list[str]:
        """How sure, and of what."""
        others = judged(findings)["policy"].nunique()
        return [
            f"Against {first_policy(findings)}, under the same jobs and seeds, replication by replication: the"
            f" intervals of a measure share a risk of {RISK:.0%} over {number_of(others, 'difference')}, so that all of"
            " them hold together.",
            *_the_same(findings),
            *_unended(findings),
        ]

    def tables(self, findings: SweepFindings) -> dict[str, dict[str, list]]:
        """A row per measure: which policies are better, worse, or do not differ significantly."""
        rows = [{"measure": words_of(measure), **_said(part)} for measure, part in _parts(findings)]
        columns = (text("measure", "measure"), *(text(v, v) for v in VERDICTS))
        return {"verdicts": document.table(pd.DataFrame(rows), columns)}

    def say(self, findings: SweepFindings, terminal: Terminal) -> None:
        """A sentence for each measure."""
        for measure in findings.measures:
            terminal.print(statement(findings, measure))
        for sentence in self.lead(findings):
            terminal.print(sentence, style="dim")


def judged(findings: SweepFindings) -> pd.DataFrame:
    """Differences to the first policy, paired, with a column ``verdict``: one of ``VERDICTS``."""
    table = findings.table
    base = table.loc[table["point"] == 0, findings.by] if findings.measures else pd.DataFrame()
    others = table["point"].nunique() - 1 if len(base) else 0
    if others < 1:
        return pd.DataFrame()
    gaps = paired(table, findings.by, base.iloc[0].to_dict(), findings.measures, 1.0 - RISK / others)
    known = (gaps["low"] > 0.0) | (gaps["high"] < 0.0)
    good = gaps["difference"] * gaps["measure"].map(sign_of) > 0.0
    verdict = good.map({True: "better", False: "worse"}).where(known, "not significant")
    return gaps.assign(verdict=verdict)


def statement(findings: SweepFindings, measure: str) -> str:
    """What is known of a measure, in a sentence."""
    part = judged(findings)
    part = part[part["measure"] == measure]
    words = words_of(measure)
    mean = findings.parts[measure].set_index("point")["mean"].get(0, float("nan"))
    said = _said(part)
    parts = [f"{verdict} under {said[verdict]}" for verdict in VERDICTS[:2] if said[verdict]]
    same = _equal(part)
    for told, rows in (("the same under", same), ("no significant difference for", ~same)):
        if names := part.loc[rows & (part["verdict"] == "not significant"), AXIS].tolist():
            parts.append(f"{told} {', '.join(names)}")
    head = f"{words[0].upper()}{words[1:]}, {unit_of(measure, abs(mean)).said(mean)} under {first_policy(findings)}"
    return f"{head}: {'; '.join(parts)}."


def _parts(findings: SweepFindings) -> list[tuple[str, pd.DataFrame]]:
    return list(judged(findings).groupby("measure", sort=False))


def _said(part: pd.DataFrame) -> dict[str, str]:
    """Policies by verdict, the greatest differences first, with how large they are."""
    found = {}
    for verdict in VERDICTS:
        rows = part[part["verdict"] == verdict]
        rows = rows.loc[rows["difference"].abs().sort_values(ascending=False, kind="stable").index]
        found[verdict] = ", ".join(f"{getattr(row, AXIS)} ({_change(row)})" for row in rows.itertuples())
    return found


def _equal(gaps: pd.DataFrame) -> pd.Series:
    """Whether a measure came out the same in every replication."""
    return (gaps[["difference", "low", "high"]] == 0.0).all(axis=1)


def _change(row) -> str:
    """A difference and half of its interval: ``-42.0% ± 5.0%``.

    In points where the measure is a share, and in its own unit where the difference is many times the base.
    """
    half = (row.high - row.low) / 2.0
    if row.difference == half == 0.0:
        return "the same"
    if (share := unit_of(row.measure, abs(row.difference))).name == "%":
        return f"{row.difference * share.factor:+z.1f} \u00b1 {half * share.factor:.1f} points"
    if row.difference and abs(row.relative) < MOST_RELATIVE:  # of a base of 0 there is no share
        scale = abs(row.relative / row.difference)
        return f"{row.relative:+z.1%} \u00b1 {half * scale:.1%}"
    unit = unit_of(row.measure, abs(row.difference))
    return f"{'+' * (row.difference > 0)}{unit.said(row.difference)} \u00b1 {unit.said(half)}"


def first_policy(findings: SweepFindings) -> str:
    """The one that the others are held against."""
    return next(iter(findings.spec.axes[AXIS].cases))


def _the_same(findings: SweepFindings) -> list[str]:
    """Policies under which all comes as under the first, whatever is measured."""
    rows = judged(findings)
    equal = _equal(rows).groupby(rows[AXIS], sort=False).all()
    names = equal.index[equal]
    return [f"Under {' and '.join(names)} all is the same as under {first_policy(findings)}."] if len(names) else []


def _unended(findings: SweepFindings) -> list[str]:
    """Times of completion are of jobs that ended: a policy that leaves more of them looks better than it is."""
    if "jobs_done" not in findings.parts:
        return []
    ended = findings.parts["jobs_done"].set_index(AXIS)["mean"]
    if ended.max() - ended.min() <= 0.005 * ended.max():
        return []
    least, most = ended.idxmin(), ended.idxmax()
    return [
        f"The number of jobs that ended differs: {ended[least]:,.0f} under {least}, {ended[most]:,.0f} under {most}."
        " Completion times and slowdowns are of those that ended, which flatters policies that leave long jobs"
        " unfinished; with run.drain = true in the scenario and enough days, all jobs end."
    ]


# Policies by rank, and which do not differ significantly.


class RanksSection(Section[SweepFindings]):
    """The critical-difference diagram of the first measure."""

    name, title = "ranks", "Ranks"

    def applies(self, findings: SweepFindings) -> bool:
        """Whether three policies have two replications or more."""
        return _ranks(findings) is not None

    def lead(self, findings: SweepFindings) -> list[str]:
        """What the test says."""
        found = _ranks(findings)
        measure = words_of(findings.measures[0])
        alike = "differ significantly" if found.p_value < 0.05 else "do not differ significantly"
        return [
            f"Ranked by {measure}, in each of {number_of(found.n, 'replication')}, the policies {alike} (Friedman's"
            f" test, p = {found.p_value:.2g}). Mean ranks within {found.critical_difference:.2f} of each other do not"
            f" differ significantly (Nemenyi, 5%): the best are {', '.join(_best(found))}."
        ]

    def figures(self, findings: SweepFindings) -> Drawings:
        """Mean ranks, with a bar over those that do not differ significantly."""
        return {"ranks": partial(figure.draw_policies, _ranks(findings), words_of(findings.measures[0]))}


def _ranks(findings: SweepFindings) -> Ranks | None:
    if not findings.measures:
        return None
    measure = findings.measures[0]
    wide = findings.table.pivot(index="replication", columns=AXIS, values=measure)
    try:
        return ranks(wide * sign_of(measure))
    except StatisticsError:
        return None


def _best(found: Ranks) -> list[str]:
    """The first, and all that do not differ significantly from it."""
    return list(found.mean.index[found.mean - found.mean.iloc[0] < found.critical_difference])
