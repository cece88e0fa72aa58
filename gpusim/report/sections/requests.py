"""Services: their deployments; with a model also what was promised and kept, and why requests were late."""

from __future__ import annotations

import pandas as pd

from gpusim.causes import LOSS_OF_WAIT, WORDS
from gpusim.misses import BY_NAME
from gpusim.report import document
from gpusim.report.figures import late, latency
from gpusim.report.figures import requests as course
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Section
from gpusim.report.tables import Column, decimals, number, text, with_role
from gpusim.report.terminal import Terminal
from gpusim.results.objectives import kept, known, promised
from gpusim.results.requests import (
    DEPLOYMENT,
    attainment,
    by_requests,
    causes,
    deployments,
    expected,
    latencies,
    with_model,
)
from gpusim.results.serving import serving
from gpusim.results.wording import percent, quantity, share, short_time
from gpusim.studies.replications.verdict import met

# Inference services and their deployments.


class ServicesSection(Section):
    """What was asked of them, what they served, and what they lacked."""

    name, title, template = "serving", "Services", "sections/services.html"

    def applies(self, findings: Findings) -> bool:
        """Whether there are any."""
        return len(findings.result.services) > 0

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """A row per deployment."""
        table = serving(findings.result)
        return {"services": document.table(table, with_role(table, COLUMNS))}


COLUMNS = (
    text("service", "service"),
    text("site", "site"),
    text("gpu_type", "GPU type"),
    Column("demand_tokens", "tokens asked for", quantity),
    Column("served_share", "served", lambda value: f"{value:.2%}"),
    Column("wanted_replicas", "replicas wanted", decimals(1)),
    Column("replicas", "replicas running", decimals(1)),
    Column("short_hours", "hours short", decimals()),
    Column("cause", "mostly due to", lambda cause: WORDS[LOSS_OF_WAIT[cause]].short if cause else "", text=True),
)


# Services with a model: what was promised and kept, why requests were late, how long they took, what tokens took.

MOST = 4  # services that are drawn: those with most requests


class RequestsSection(Section):
    """The requests of services: on time or not, and if not, why."""

    name, title, template = "requests", "Requests and objectives", "sections/requests.html"

    def applies(self, findings: Findings) -> bool:
        """Whether there are such services."""
        return bool(with_model(findings.result))

    def lead(self, findings: Findings) -> list[str]:
        """What each service kept of its objectives: over runs, and in the one that is shown."""
        runs = findings.replications
        return [
            *filter(None, [met(runs.attainment(), len(runs)) if runs else ""]),
            *kept(findings.result, findings.example),
        ]

    def figures(self, findings: Findings) -> Drawings:
        """Course, causes and distributions of those with most requests."""
        result, found = findings.result, {}
        for name in drawn(findings):
            found[f"requests_{name}"] = lambda name=name: course.draw(result, findings.series, name)
            found[f"late_{name}"] = lambda name=name: late.draw(result, findings.series, name)
            if name in by_requests(result):
                found[f"latency_{name}"] = lambda name=name: latency.draw(result, name)
        return found

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """By deployment and region, by cause, and by deployment what its GPUs did."""
        result, by = findings.result, [*DEPLOYMENT, "region"]
        places = attainment(result, by)
        late_for = causes(result)
        late_for = late_for.assign(
            short=[BY_NAME[cause].short for cause in late_for["cause"]],
            relief=[BY_NAME[cause].relief for cause in late_for["cause"]],
        )
        held = deployments(result)
        return {
            "requests-places": document.table(places.merge(latencies(result, by), on=by), PLACES),
            "requests-expected": document.table(places.merge(expected(result), on=by), EXPECTED),
            "requests-causes": document.table(late_for, CAUSES),
            "requests-deployments": document.table(held, with_role(held, _columns(held))),
        }

    def say(self, findings: Findings, terminal: Terminal) -> None:
        """What was kept, and by what step times are known."""
        super().say(findings, terminal)
        for sentence in known(findings.result):
            terminal.print(sentence, style="dim")

    def values(self, findings: Findings) -> dict[str, object]:
        """What was promised, what is known of step times, and which services are drawn."""
        result, shown = findings.result, drawn(findings)
        return {
            "promised": promised(result), "known": known(result), "drawn": shown,
            "left_out": len(with_model(result)) - len(shown), "by_requests": by_requests(result),
        }  # fmt: skip


def drawn(findings: Findings) -> list[str]:
    """Services that have figures, in the order of the scenario."""
    table = attainment(findings.result)
    counts = table.set_index("service")[["judged", "under_way"]].sum(axis=1)
    most = set(counts.sort_values(ascending=False, kind="stable").index[:MOST])
    return [name for name in table["service"] if name in most]


def _columns(held: pd.DataFrame) -> tuple[Column, ...]:
    """Of the table of deployments: where prefill is apart, whose tokens are counted where."""
    if "role" not in held:
        return DEPLOYMENTS
    return tuple(one._replace(none=COUNTED) if one.key.startswith("tokens_per") else one for one in DEPLOYMENTS)


def _times(name: str, heading: str, none: str) -> tuple[Column, ...]:
    return tuple(Column(f"{name}_p{q}_s", f"{heading}, {q}%", short_time, none=none) for q in (50, 99))


NO_REQUESTS, NO_GPUS = "no requests", "no GPU held"
COUNTED = "with decode"  # of those that prefill for them
USES = ("prefill", "decode", "idle", "loading", "draining")
WHERE = (text("service", "service"), text("site", "site"), text("gpu_type", "GPU type"))
JUDGED = (
    *WHERE,
    Column("region", "users", lambda name: name or "all", text=True),
    Column("judged", "requests", quantity),
    Column("attainment", "on time", percent, none=NO_REQUESTS),
)
PLACES = (
    *JUDGED,
    Column("under_way", "running at the end", quantity),
    *_times("ttft", "time to first token", "none finished"),
    *_times("token_time", "time per output token", "none of two tokens or more"),
)
EXPECTED = (
    *JUDGED,
    Column("known_share", "in stable queues", percent, none=NO_REQUESTS),
    Column("ttft_mean_s", "time to first token, mean", short_time, none="none known"),
    Column("token_time_mean_s", "time per output token, mean", short_time, none="none known"),
)
CAUSES = (
    text("service", "service"),
    text("short", "reason"),
    Column("requests", "requests", quantity),
    Column("share", "share of requests", percent),
    Column("failed", "of these, failed", quantity),
    text("relief", "relief"),
)
DEPLOYMENTS = (
    *WHERE,
    Column("served_tokens", "tokens served", quantity),
    Column("retries", "retries", quantity),
    Column("gpu_hours", "GPU-hours held", number),
    *(Column(f"{use}_share", use, share, none=NO_GPUS) for use in USES),
    Column("tokens_per_joule", "tokens per joule", number, none=NO_GPUS),
    Column("tokens_per_usd", "tokens per USD", quantity, none=NO_GPUS),
)
