"""What all replications say: which causes rank first and how often, what binds, and how figures scatter."""

from __future__ import annotations

import pandas as pd

from gpusim.causes import WORDS
from gpusim.report import document
from gpusim.report.figures import ranks
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Section
from gpusim.report.tables import Column, decimals, is_cut, number, plus_minus, text
from gpusim.report.terminal import Terminal, listing
from gpusim.results.measure import FLEET, none_of
from gpusim.results.wording import compact, share
from gpusim.studies.replications.replications import Replications
from gpusim.units import number_of

MOST_PLACES = 25  # of the page
MOST_CAUSES, MOST_NAMED = 6, 3  # of the console


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
        return {"ranks": lambda: ranks.draw_causes(findings.replications)}

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
        """The headline, the largest causes, and where most is held back."""
        found = findings.replications
        terminal.print()
        for sentence in self.lead(findings):
            terminal.print(sentence, style="bold")
        causes, runs = _causes(found), number_of(len(found), "run")
        if causes.empty:
            return
        table = listing("cause", "ranks\nfirst>", "GPU-h>", "±>", "USD>", "most of it",
                        title=f"Held back by cause, means over {runs}")  # fmt: skip
        for row in causes.head(MOST_CAUSES).itertuples():
            table.add_row(row.short, row.of, compact(row.mean), row.spread, compact(row.usd), row.most)
        terminal.print(table)
        terminal.print(_where(_places(found)))
        terminal.print(
            f"±: half the 95% interval of the mean, or its ends where cut at 0; USD {found.basis}. An attribution;"
            " gpusim relieve measures what relief would gain.",
            style="dim",
        )


def _where(places: pd.DataFrame) -> str:
    """The places and causes that hold the most back, in a sentence."""
    named = [
        f"{row.site} {row.gpu_type}, {row.short} ({compact(row.mean)})" for row in places.head(MOST_NAMED).itertuples()
    ]
    rest = f" The report ranks all {len(places)}." if len(places) > MOST_NAMED else ""
    return f"Most GPU-hours are held back at: {'; '.join(named)}.{rest}"


def _causes(found: Replications) -> pd.DataFrame:
    table, n = found.causes(), len(found)
    return table.assign(
        short=[WORDS[cause].short for cause in table["cause"]],
        of=[f"{first} of {n}" for first in table["first"]],
        span=[f"{share(low)}-{share(high)}" for low, high in zip(table["first_low"], table["first_high"], strict=True)],
        spread=[_spread(row) for row in table.itertuples()],
        most=[f"{share(part)} {place}" for place, part in zip(table["place"], table["place_share"], strict=True)],
    )


def _spread(row: tuple) -> str:
    """Half of the interval of a mean, or its ends where they are not as far from the mean."""
    cut = is_cut(row.mean, row.low, row.high)
    return f"{compact(row.low)}-{compact(row.high)}" if cut else compact(row.high - row.mean)


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
    text("measure", "measure"),
    Column("said", "mean ± half the 95% interval", str),
    Column("sd", "standard deviation of a run", number),
    text("meaning", "meaning"),
)
