"""The report of a result: one HTML page that needs nothing but itself, section by section."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from gpusim.report import document
from gpusim.report.drawing import draw_all, draw_narrow
from gpusim.report.findings import Findings
from gpusim.report.section import filled
from gpusim.report.sections import SECTIONS
from gpusim.results.lateness import is_built
from gpusim.results.rejections import never_started
from gpusim.results.wording import duration, quantity, share
from gpusim.units import DAY_S


def write(findings: Findings, path: Path, pictures: list[Path] | None = None) -> Path:
    """Render the report of a result, and of studies of its scenario, to ``path``.

    Parameters
    ----------
    pictures : list of Path, optional
        Figures drawn before by ``draw_all``; drawn now if not given.
    """
    if pictures is None:
        with TemporaryDirectory() as folder:
            return write(findings, path, draw_all(findings, Path(folder)))
    manifest = findings.result.manifest
    return document.write(
        path,
        "report.html",
        pictures,
        draw_narrow(findings),
        manifest=manifest,
        scenario=manifest["scenario"],
        days=float(f"{manifest['duration_s'] / DAY_S:.4g}"),
        cards=_cards(findings),
        **filled(SECTIONS, findings),
    )


def _cards(findings: Findings) -> list[tuple[str, str, str]]:
    """Metric, value and meaning of the figures shown large."""
    figures, several = findings.figures, findings.replications is not None
    never = figures["jobs_waiting_at_end"] + figures["jobs_rejected"] if several else never_started(findings.result)
    p95_s = figures["wait_p95_s"]
    of_them, waited = "95%", f"of jobs that started did so within {duration(max(p95_s, 1.0))}"
    if p95_s < 1.0 and not several:
        of_them, waited = share(_share_at_once(findings.result.jobs)), "of jobs that started did so at once"
    turned_away = f", {figures['jobs_rejected']:,.0f} of them rejected" if figures["jobs_rejected"] else ""
    pue = f"at a PUE of {figures['pue']:.3f}" if figures["pue"] == figures["pue"] else "no power was drawn"
    cards = [
        ("useful_share_of_planned", share(figures["useful_share_of_planned"]), "of planned GPU-time was useful work"),
        ("allocation", share(figures["allocation"]), "of GPU-time online was held by jobs and replicas"),
        ("goodput", share(figures["goodput"]), "of the GPU-time held by jobs was useful"),
        ("jobs", f"{figures['jobs']:,.0f}", f"jobs submitted, {never:,.0f} never started{turned_away}"),
        ("wait_p95_s", of_them, waited),
        ("job_hours_waited", quantity(figures["job_hours_waited"]), "job-hours waited"),
        ("energy_facility_mwh", f"{quantity(figures['energy_facility_mwh'])} MWh", pue),
        ("energy_usd", f"{quantity(figures['energy_usd'])} USD", "for energy"),
        ("carbon_t", f"{quantity(figures['carbon_t'])} t", "of CO2e"),
        ("usd_per_useful_gpu_hour", f"{figures['usd_per_useful_gpu_hour']:.2f} USD",
         "per useful GPU-hour: GPUs, halls, staff, energy"),
    ]  # fmt: skip
    built = is_built(findings.result)  # what comes in any year is planned from the first day on: a share says little
    return [card for card in cards[built:] if figures[card[0]] == figures[card[0]]]


def _share_at_once(jobs: pd.DataFrame) -> float:
    """Of the jobs that started, those that waited for less than a second."""
    waited_s = (jobs["start_s"] - jobs["submit_s"]).dropna()
    return float((waited_s < 1.0).mean())
