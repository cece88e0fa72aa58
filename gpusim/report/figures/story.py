"""The figures of build-out, contracts, money and rules; none of what the scenario does not have."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from gpusim.analysis.lateness import is_built
from gpusim.analysis.rivalry import has_rivals
from gpusim.regulation.effects import in_force, is_ruled
from gpusim.report.figures import build_gantt, build_missing, build_paths, cash, competition, contracts, money, rules
from gpusim.tables.deliveries import Deliveries
from gpusim.tables.result import Result


def story_figures(result: Result, deliveries: Deliveries | None) -> Iterator[tuple[str, Figure]]:
    """Figures by name, with dates over replications if these are given."""
    if is_built(result):
        yield "build_paths", build_paths.draw(result, deliveries)
        yield "build_missing", build_missing.draw(result)
        yield "build_gantt", build_gantt.draw(result, deliveries)
    if has_rivals(result):
        yield "competition", competition.draw(result)
    if "contract_accounts" in result.tables:
        yield "contracts", contracts.draw(result, deliveries)
        yield "money", money.draw(result)
        if deliveries:
            yield "cash", cash.draw(deliveries)
    if is_ruled(result) and len(in_force(result)):
        yield "rules", rules.draw(result)
