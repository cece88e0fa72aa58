"""The figures of a relief study."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from gpusim.report.figures import relief_curves, relief_effects, relief_ranking
from gpusim.tables.relief import Relief


def relief_figures(relief: Relief) -> Iterator[tuple[str, Figure]]:
    """Ranking, curves and effects by name; none where nothing binds, no curves where only rules do."""
    if len(relief.ranking):
        yield "relief_ranking", relief_ranking.draw(relief)
        if len(relief.curves):
            yield "relief_curves", relief_curves.draw(relief)
        yield "relief_effects", relief_effects.draw(relief)
