"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

import base64
import io
from importlib.resources import files
from pathlib import Path

import matplotlib as mpl
from jinja2 import Environment

from gpusim.analysis.metrics import waits_by
from gpusim.record.result import Result
from gpusim.report.figures import FIGURES, STYLE
from gpusim.units import DAY_S


def write(result: Result, path: Path) -> Path:
    """Render the report of a result to ``path``."""
    template = (files("gpusim.report") / "report.html").read_text(encoding="utf-8")
    losses = result.bottlenecks()
    page = Environment(autoescape=True).from_string(template).render(
        name=result.manifest["scenario"]["name"],
        description=result.manifest["scenario"].get("description", ""),
        days=result.manifest["duration_s"] / DAY_S,
        manifest=result.manifest,
        metrics=result.metrics().to_dict(),
        losses=losses.head(15).to_dict("records"),
        headline=losses["sentence"].iloc[0] if len(losses) else "Nothing held the fleet back.",
        classes=waits_by(result, "job_class").to_dict("records"),
        figures=[(_data_uri(draw, result), draw.__doc__) for draw in FIGURES.values()],
        events=result.events.to_dict("records"),
        day_s=DAY_S,
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def _data_uri(draw, result: Result) -> str:
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        draw(result).savefig(buffer, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
