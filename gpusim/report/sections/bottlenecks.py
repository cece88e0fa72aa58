"""Bottlenecks by attribution: ranked, in sentences and figures."""

from __future__ import annotations

from gpusim.causes import WORDS
from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column, days, decimals, text
from gpusim.report.terminal import Terminal, add_column, listing
from gpusim.results.ledger import HELD_BACK
from gpusim.results.wording import compact, share
from gpusim.units import DAY_S

MOST_SENTENCES = 8
MOST_ROWS = 25  # of the page
MOST_LINES = 12  # of the console
WIDE = 100  # columns from which all of the bottlenecks' figures fit


class BottlenecksSection(Section):
    """What kept work from GPUs at the time."""

    name, title, template = "ranking", "Bottlenecks by attribution", "sections/bottlenecks.html"

    def lead(self, findings: Findings) -> list[str]:
        """The headline."""
        return [findings.headline]

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """The largest."""
        return {"bottlenecks": document.table(findings.losses.head(MOST_ROWS), COLUMNS)}

    def values(self, findings: Findings) -> dict[str, object]:
        """Their sentences."""
        said = findings.blamed.head(MOST_SENTENCES).to_dict("records")
        return {
            "held_back": HELD_BACK,
            "ranking": [{**row, "short": WORDS[row["cause"]].short} for row in said],
            "left_out": max(len(findings.losses) - MOST_ROWS, 0),
        }

    def say(self, findings: Findings, terminal: Terminal) -> None:
        """Headline and the largest, as wide as the terminal allows; nothing where replications are the answer."""
        if findings.replications:
            return
        shown, wide = findings.losses, terminal.width >= WIDE
        table = listing("#>", "site", "GPU", "cause", "held>", "asked>", "lost>")
        for heading in (*(("of plan>", "days>") if wide else ()), "waited h>", "USD>"):
            add_column(table, heading)
        for row in shown.head(MOST_LINES).itertuples():
            extra = ()
            if wide:
                span = f"{row.period_start_s / DAY_S:.1f}-{row.period_end_s / DAY_S:.1f}"
                extra = (share(row.share_of_planned).replace("under ", "<"), span)
            hours = (row.gpu_hours_held_back, row.gpu_hours_asked, row.gpu_hours_lost)
            table.add_row(
                str(row.rank), row.site or "any site", row.gpu_type, WORDS[row.cause].short, *map(compact, hours),
                *extra, compact(row.job_hours_waited), compact(row.usd),
            )  # fmt: skip
        terminal.print()
        for sentence in self.lead(findings):
            terminal.print(sentence, style="bold")
        terminal.print(table)
        more = f" All {len(shown)} are in the report." if len(shown) > MOST_LINES else ""
        note = (
            f"An attribution; gpusim relieve says what relief would gain. {HELD_BACK} Asked: unmet"
            f" demand. Lost: planned and not useful. Waited h: job-hours waited. USD: held back, {findings.basis}."
        )
        terminal.print(note + more, style="dim")


COLUMNS = (
    Column("rank", "#", str),
    Column("site", "site", lambda site: site or "any site", text=True),
    text("gpu_type", "GPU type"),
    Column("cause", "cause", lambda cause: WORDS[cause].short, text=True),
    Column("gpu_hours_held_back", "GPU-hours held back", decimals()),
    Column("gpu_hours_asked", "unmet demand [GPU-hours]", decimals()),
    Column("gpu_hours_lost", "GPU-hours lost", decimals()),
    Column("share_of_planned", "lost, share of planned", share),
    Column("job_hours_waited", "job-hours waited", decimals()),
    Column("usd", "worth [USD]", decimals()),
    Column("period_start_s", "from day", days),
    Column("period_end_s", "to day", days),
)
