"""A replica that is stopped at any time, and given requests as they come, beside one that is not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.kernels.serving.advance import advance
from gpusim.kernels.serving.route import choose, play, submit
from gpusim.kernels.serving.state import Engines
from gpusim.serving.deployment import ROUTERS, Deployment
from gpusim.serving.layout import build

SAME = ("queued_s", "scheduled_s", "first_token_s", "end_s", "preemptions", "cached_tokens")


def at_once_and_in_pieces(
    random: np.random.Generator, requests: pd.DataFrame, deployment: Deployment, router: str
) -> tuple[Engines, Engines]:
    """Both at their end, every request at the same times; the router of the second finds one replica only."""
    whole, pieces = build(requests, deployment), build(requests, deployment)
    play(whole, ROUTERS["round-robin"])
    for row in range(len(requests)):
        arrival_s, clock_s = pieces.requests[row].arrival_s, max(pieces.engines[0].clock_s, 0.0)
        for until_s in np.sort(random.uniform(min(clock_s, arrival_s), arrival_s, 3)):
            advance(pieces, 0, until_s)
        advance(pieces, 0, arrival_s)
        submit(pieces, choose(pieces, row, ROUTERS[router]), row, arrival_s)
    for until_s in np.linspace(arrival_s, arrival_s + 3.0, 20):
        advance(pieces, 0, until_s)
    advance(pieces, 0, np.inf)
    for name in SAME:
        np.testing.assert_allclose(pieces.requests[name], whole.requests[name], rtol=1e-9)
    return whole, pieces
