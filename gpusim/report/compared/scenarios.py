"""What is compared, and what differs in the scenarios."""

from __future__ import annotations

from string import ascii_uppercase

from gpusim.causes import WORDS
from gpusim.report import document
from gpusim.report.compared.findings import ComparedRuns
from gpusim.report.section import Head, Section
from gpusim.report.tables import text
from gpusim.report.terminal import Terminal, in_lines, listing
from gpusim.results.wording import share
from gpusim.units import number_of

# What is compared: on the page it stands above all sections.


class NamesSection(Section[ComparedRuns]):
    """A letter for each run, which tables of the console have above their columns."""

    name = "names"

    def lead(self, findings: ComparedRuns) -> list[str]:
        """A line each."""
        return [f"{letter}: {name}" for letter, name in zip(ascii_uppercase, findings.runs)]


# What differs in the scenarios.

MOST_KEYS = 100
MOST_LINES = 30  # of the console


class ScenariosSection(Section[ComparedRuns]):
    """Keys whose values are not the same in all runs, and the headline."""

    name, title, template = "scenarios", "What differs in the scenarios", "compared/scenarios.html"

    def head(self, findings: ComparedRuns) -> Head:
        """The useful share of each run, and the cause with the largest difference."""
        shares = findings.figures.loc["useful_share_of_planned"].dropna()
        said = ", ".join(f"{share(value)} in {name}" for name, value in shares.items())
        parts = [f"Useful share of planned GPU time: {said}."] if said else []
        if len(findings.held) and findings.held["apart"].iloc[0] > 0.0:
            row = findings.held.iloc[0]
            hours = ", ".join(f"{row[name]:,.0f} in {name}" for name in findings.runs)
            where = f"{row['gpu_type']} at {row['site']}" if row["site"] else row["gpu_type"]
            parts.append(f"Largest difference in GPU-hours held back: {WORDS[row['cause']].short} ({where}), {hours}.")
        question = f"{number_of(len(findings.runs), 'run')} compared"
        return Head(question, "headline", " ".join(parts) or "Nothing was planned in any run.")

    def tables(self, findings: ComparedRuns) -> dict[str, dict[str, list]]:
        """A row per key, a column per run."""
        columns = (text("key", "key"), *(text(name, name) for name in findings.runs))
        return {"compared-keys": document.table(findings.keys.head(MOST_KEYS), columns)}

    def values(self, findings: ComparedRuns) -> dict[str, object]:
        """How many keys are not in the table."""
        return {"left_out": max(len(findings.keys) - MOST_KEYS, 0)}

    def say(self, findings: ComparedRuns, terminal: Terminal) -> None:
        """The same."""
        keys = findings.keys
        if keys.empty:
            terminal.print("\nThe scenarios and seeds are the same.")
            return
        table = listing("key", *ascii_uppercase[: len(findings.runs)], title="Differences between the scenarios")
        for row in keys.head(MOST_LINES).to_dict("records"):
            table.add_row(in_lines(row["key"]), *(row[name] for name in findings.runs))
        terminal.print(table)
        if len(keys) > MOST_LINES:
            terminal.print(f"and {number_of(len(keys) - MOST_LINES, 'more key')}", style="dim")
