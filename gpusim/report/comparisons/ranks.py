"""Policies by rank, and which do not differ significantly."""

from __future__ import annotations

from functools import partial

from gpusim.analysis.labels import words_of
from gpusim.analysis.measure import sign_of
from gpusim.errors import StatisticsError
from gpusim.report.figures import ranks as figure
from gpusim.report.section import Drawings, Section
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.studies.comparison import AXIS
from gpusim.studies.statistics.ranks import Ranks, ranks
from gpusim.units import number_of


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
        return {"ranks": partial(figure.draw, _ranks(findings), words_of(findings.measures[0]))}


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
