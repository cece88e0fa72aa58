"""What differs in the scenarios."""

from __future__ import annotations

from gpusim.analysis.wording import share
from gpusim.causes import WORDS
from gpusim.report import document
from gpusim.report.compared.runs import Runs
from gpusim.report.section import Head, Section
from gpusim.report.tables import text
from gpusim.units import number_of

MOST_KEYS = 100


class ScenariosSection(Section[Runs]):
    """Keys whose values are not the same in all runs, and the headline."""

    name, title, template = "scenarios", "What differs in the scenarios", "compared/scenarios.html"

    def head(self, findings: Runs) -> Head:
        """The useful share of each run, and the cause with the largest difference."""
        shares = findings.figures.loc["useful_share_of_planned"].dropna()
        said = ", ".join(f"{share(value)} in {name}" for name, value in shares.items())
        parts = [f"Useful share of planned GPU time: {said}."] if said else []
        if len(findings.held) and findings.held["apart"].iloc[0] > 0.0:
            row = findings.held.iloc[0]
            hours = ", ".join(f"{row[name]:,.0f} in {name}" for name in findings.findings)
            where = f"{row['gpu_type']} at {row['site']}" if row["site"] else row["gpu_type"]
            parts.append(f"Largest difference in GPU-hours held back: {WORDS[row['cause']].short} ({where}), {hours}.")
        question = f"{number_of(len(findings.findings), 'run')} compared"
        return Head(question, "headline", " ".join(parts) or "Nothing was planned in any run.")

    def tables(self, findings: Runs) -> dict[str, dict[str, list]]:
        """A row per key, a column per run."""
        columns = (text("key", "key"), *(text(name, name) for name in findings.findings))
        return {"compared-keys": document.table(findings.keys.head(MOST_KEYS), columns)}

    def values(self, findings: Runs) -> dict[str, object]:
        """How many keys are not in the table."""
        return {"left_out": max(len(findings.keys) - MOST_KEYS, 0)}
