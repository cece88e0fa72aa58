"""What all replications say: which causes rank first and how often, what binds, and how figures scatter."""

from __future__ import annotations

import pandas as pd

from gpusim.analysis.measure import FLEET, none_of
from gpusim.analysis.wording import compact, share
from gpusim.causes import WORDS
from gpusim.report import document
from gpusim.report.figures import firsts
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Section
from gpusim.report.tables import Column, decimals, number, plus_minus, text
from gpusim.report.terminal import Terminal, listing
from gpusim.studies.replications.replications import Replications
from gpusim.units import number_of

MOST_PLACES = 25  # of the page
MOST_CAUSES, MOST_LINES = 8, 12  # of the console


class RanksSection(Section):
    """Where a run was replicated."""

    name, title, template = "ranks", "How sure the ranking is", "sections/ranks.html"

    def applies(self, findings: Findings) -> bool:
        """Whether there are several runs."""
        return findings.replications is not None

    def lead(self, findings: Findings) -> list[str]:
        """The headline over all runs."""
        return [findings.headline]

    def figures(self, findings: Findings) -> Drawings:
        """Rank frequencies, and what was held back in each run."""
        return {"ranks": lambda: firsts.draw(findings.replications)}

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """Causes, causes by place, and the figures of the fleet."""
        found = findings.replications
        figures = found.metrics().reset_index()
        figures["meaning"] = figures["measure"].map(FLEET).fillna("")
        rows = zip(figures["measure"], figures["mean"], figures["low"], figures["high"], strict=True)
        figures["said"] = [plus_minus(mean, low, high, none_of(name)) for name, mean, low, high in rows]
        return {
            "ranks-causes": document.table(_causes(found), CAUSES),
            "ranks-places": document.table(_places(found).head(MOST_PLACES), PLACES),
            "ranks-figures": document.table(figures, FIGURES),
        }

    def values(self, findings: Findings) -> dict[str, object]:
        """How many runs, with which seeds."""
        seeds = findings.replications.seeds
        return {"runs": len(seeds), "first": min(seeds), "last": max(seeds), "failed": findings.replications.failed}

    def say(self, findings: Findings, terminal: Terminal) -> None:
        """The headline, causes by how often they rank first, and where."""
        found = findings.replications
        terminal.print()
        for sentence in self.lead(findings):
            terminal.print(sentence, style="bold")
        runs = number_of(len(found), "run")
        table = listing("cause", "first>", "95%>", "held>", "±>", "USD>", "most of it",
                        title=f"Which cause ranks first, over {runs}")  # fmt: skip
        for row in _causes(found).head(MOST_CAUSES).itertuples():
            table.add_row(row.short, str(row.first), row.span, *map(compact, (row.mean, row.half, row.usd)), row.most)
        terminal.print(table)
        table = listing("#>", "site", "GPU", "cause", "held>", "±>", "asked>", "lost>", "waited h>", "USD>",
                        title=f"Where, means over {runs}")  # fmt: skip
        places = _places(found)
        for row in places.head(MOST_LINES).itertuples():
            figures = (row.mean, row.half, row.gpu_hours_asked, row.gpu_hours_lost, row.job_hours_waited, row.usd)
            table.add_row(str(row.rank), row.site, row.gpu_type, row.short, *map(compact, figures))
        terminal.print(table)
        seeds, more = found.seeds, len(places) - MOST_LINES
        rest = f" {number_of(more, 'smaller row')} are in the report." if more > 0 else ""
        note = (
            f"Seeds {min(seeds)} to {max(seeds)}; the report details the run with seed {min(seeds)} as an example, and"
            " so do the lines below unless they say otherwise. An attribution; gpusim relieve says what relief would"
            " gain. Held: GPU-hours held back from waiting work, each GPU counted once; ±: half the 95% interval of the"
            f" mean. Lost: planned and not useful. USD: held back, {found.basis}.{rest}"
        )
        terminal.print(note, style="dim")


def _causes(found: Replications) -> pd.DataFrame:
    table, n = found.causes(), len(found)
    return table.assign(
        short=[WORDS[cause].short for cause in table["cause"]],
        of=[f"{first} of {n}" for first in table["first"]],
        span=[f"{share(low)}-{share(high)}" for low, high in zip(table["first_low"], table["first_high"], strict=True)],
        half=table["high"] - table["mean"],
        most=[f"{share(part)} {place}" for place, part in zip(table["place"], table["place_share"], strict=True)],
    )


def _places(found: Replications) -> pd.DataFrame:
    table = found.bottlenecks()
    site, _slash, kind = (
        zip(*(name.partition("/") for name in table["place"]), strict=True) if len(table) else ((),) * 3
    )
    away = [not one for one in kind]  # rejected by no queue: what the jobs asked for
    return table.assign(
        rank=range(1, len(table) + 1),
        site=["any site" if gone else name for name, gone in zip(site, away, strict=True)],
        gpu_type=[name if gone else one for name, one, gone in zip(site, kind, away, strict=True)],
        short=[WORDS[cause].short for cause in table["cause"]],
        half=table["high"] - table["mean"],
    )


CAUSES = (
    text("short", "cause"),
    text("of", "runs in which it ranks first"),
    text("span", "95% interval"),
    Column("mean", "GPU-hours held back, mean", decimals()),
    Column("low", "from", decimals()),
    Column("high", "to", decimals()),
    Column("gpu_hours_asked", "unmet demand [GPU-hours]", decimals()),
    Column("job_hours_waited", "job-hours waited", decimals()),
    Column("usd", "worth [USD]", decimals()),
    text("most", "most of it"),
)
PLACES = (
    Column("rank", "#", str),
    text("site", "site"),
    text("gpu_type", "GPU type"),
    text("short", "cause"),
    Column("first", "runs first", str),
    Column("mean", "GPU-hours held back, mean", decimals()),
    Column("low", "from", decimals()),
    Column("high", "to", decimals()),
    Column("gpu_hours_asked", "unmet demand [GPU-hours]", decimals()),
    Column("gpu_hours_lost", "GPU-hours lost", decimals()),
    Column("job_hours_waited", "job-hours waited", decimals()),
    Column("usd", "worth [USD]", decimals()),
)
FIGURES = (
    text("measure", "figure"),
    Column("said", "mean ± half the 95% interval", str),
    Column("sd", "standard deviation of a run", number),
    text("meaning", "meaning"),
)
