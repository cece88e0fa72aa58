"""What the requests of a trace look like, as a scenario says it: from a trace to synthetic requests like its own."""

from __future__ import annotations

import numpy as np

from gpusim.inputs.requests.trace import Requests as Trace
from gpusim.scenario.inference import Requests

NEIGHBOURS = 200  # gaps, over whose mean each is measured: the rate of a moment


def mix_of(trace: Trace) -> Requests:
    """Means and CVs of the lengths, and the CV of the times between requests beside the changes of their rate.

    Parameters
    ----------
    trace : Requests
        Of at least two requests with a prompt and an output.
    """
    given = (trace.prompt_tokens > 0) & (trace.output_tokens > 0)
    prompt, prompt_cv = _moments(trace.prompt_tokens[given])
    output, output_cv = _moments(trace.output_tokens[given])
    return Requests(
        prompt_tokens=prompt, prompt_cv=prompt_cv, output_tokens=output, output_cv=output_cv,
        burst_cv=_burst_cv(trace.arrival_s[given]),
    )  # fmt: skip


def _moments(tokens: np.ndarray) -> tuple[float, float]:
    mean = float(tokens.mean())
    return mean, min(float(tokens.std()) / mean, 10.0)


def _burst_cv(arrival_s: np.ndarray) -> float:
    """CV of the gaps, each over the mean of those around it, so that a slow change of the rate is no burst."""
    gaps = np.diff(arrival_s)
    width = min(NEIGHBOURS, len(gaps))
    around = np.convolve(gaps, np.ones(width), mode="same") / np.convolve(np.ones(len(gaps)), np.ones(width), "same")
    relative = gaps[around > 0.0] / around[around > 0.0]
    return float(np.clip(relative.std() / relative.mean(), 0.01, 20.0)) if len(relative) else 1.0
