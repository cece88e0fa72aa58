"""What each policy came to, and how to read a comparison of policies."""

from __future__ import annotations

import pandas as pd

from gpusim.report import document
from gpusim.report.policies.verdict import first_policy
from gpusim.report.section import Head, Section
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.sweeps.method import MethodSection
from gpusim.report.sweeps.points import scaled
from gpusim.report.sweeps.summary import print_summary
from gpusim.report.tables import text
from gpusim.report.terminal import Terminal
from gpusim.results.labels import label_of
from gpusim.studies.comparison import AXIS

# What each policy came to.


class MeansSection(Section[SweepFindings]):
    """Means over replications with their intervals: a row per measure, a column per policy."""

    name, title = "means", "Measures of each policy"

    def applies(self, findings: SweepFindings) -> bool:
        """Whether anything was measured."""
        return bool(findings.measures)

    def lead(self, findings: SweepFindings) -> list[str]:
        """What the figures are."""
        return ["Mean over replications, ± half of its 95% interval, or its ends where that is cut at 0 or 100%."]

    def tables(self, findings: SweepFindings) -> dict[str, dict[str, list]]:
        """All measures of all policies."""
        means, units = findings.means, findings.units
        said = [scaled(row.measure, units, row.mean, row.low, row.high) for row in means.itertuples()]
        wide = means.assign(said=said).pivot(index="measure", columns=AXIS, values="said")
        wide = wide.loc[list(units), list(dict.fromkeys(means[AXIS]))].reset_index()
        wide["measure"] = [label_of(measure, units[measure]) for measure in wide["measure"]]
        columns = tuple(text(name, name) for name in wide.columns)
        return {"means": document.table(pd.DataFrame(wide), columns)}

    def say(self, findings: SweepFindings, terminal: Terminal) -> None:
        """The same on the console."""
        print_summary(findings.summary, [AXIS], terminal)


# How to read a comparison of policies, and how to run it again.


class PoliciesMethodSection(MethodSection):
    """As that of a sweep, but there are no indices, and differences are corrected for how many there are."""

    def head(self, findings: SweepFindings) -> Head:
        """What is said where no policy can be held against the first."""
        if findings.table.empty or not findings.measures:
            return super().head(findings)
        first = first_policy(findings)
        said = f"Too few runs have finished: a comparison needs some under {first} and some under another policy."
        return Head("sweep", "headline", said)

    def values(self, findings: SweepFindings) -> dict[str, object]:
        """No index is shown."""
        return {**super().values(findings), "indices": set(), "corrected": True}
