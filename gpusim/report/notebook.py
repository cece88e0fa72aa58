"""A result as a notebook shows it: the headline, its course as a line of its size, the largest bottlenecks."""

from __future__ import annotations

import numpy as np

from gpusim.causes import WORDS
from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.tables import Column, decimals, text
from gpusim.results.series import Series
from gpusim.results.wording import share

MOST_ROWS = 5
STEPS = 120
WIDTH, HEIGHT = 360, 36  # px of the line


def fragment(findings: Findings) -> str:
    """HTML without a page around it, in the colours of what it stands in."""
    course = held_back(findings)
    return document.render(
        "notebook.html",
        findings=findings,
        line=curve(course),
        most=share(float(course.max(initial=0.0))),
        size=(WIDTH, HEIGHT),
        tables={"bottlenecks": document.table(findings.blamed.head(MOST_ROWS), COLUMNS)},
    )


def held_back(findings: Findings) -> np.ndarray:
    """Share of the planned GPUs that was held back, in ``STEPS`` steps of the run at most; shape (steps,)."""
    series = Series.of(findings.result, STEPS)
    planned = series.gpus(list(findings.result.sites["site"])).sum(axis=1).to_numpy()
    held = series.held_back(findings.entries).sum(axis=1).to_numpy()
    return np.divide(held, planned, out=np.zeros_like(held), where=planned > 0.0)


def curve(shares: np.ndarray) -> str:
    """Points of a line of ``WIDTH`` by ``HEIGHT`` px over steps, from 0 on the bottom to the largest on the top."""
    shares = shares / max(float(shares.max(initial=0.0)), 1e-9)
    x = np.linspace(0.0, WIDTH, len(shares)) if len(shares) > 1 else np.array([0.0, WIDTH])
    y = HEIGHT * (1.0 - np.broadcast_to(shares, x.shape))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


COLUMNS = (
    Column("site", "site", lambda site: site or "any site", text=True),
    text("gpu_type", "GPU type"),
    Column("cause", "cause", lambda cause: WORDS[cause].short, text=True),
    Column("gpu_hours_held_back", "GPU-hours held back", decimals()),
    Column("job_hours_waited", "job-hours waited", decimals()),
    Column("usd", "worth [USD]", decimals()),
)
