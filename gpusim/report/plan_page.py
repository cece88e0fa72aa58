"""The page of a plan: what to buy, what each further dollar brings, and how sure that is, section by section."""

from __future__ import annotations

from pathlib import Path

from gpusim.report import document
from gpusim.report.drawing import draw_narrow
from gpusim.report.plans import SECTIONS
from gpusim.report.section import filled
from gpusim.studies.planning.proposal import Proposal


def write(plan: Proposal, pictures: list[Path], path: Path) -> Path:
    """Render the page of a plan to ``path``; ``pictures`` are those of its sections."""
    return document.write(
        path, "plan.html", pictures, draw_narrow(plan, SECTIONS), about=plan.store.about, **filled(SECTIONS, plan)
    )
