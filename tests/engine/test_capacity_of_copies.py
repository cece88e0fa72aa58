"""What a replica can put out whose copies of the attention share experts: as in a long replay of the same requests."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gpusim.engine.serving.engines import ServingEngine, _engine
from gpusim.scenario.inference import ServedModel
from gpusim.serving.replay import replay


class Arrivals:
    """Requests of lengths as an agent's, prompts of 2,000 and answers of 400 tokens on average."""

    adapters, block_tokens, by_priority = 0, 0, False

    def sample(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(3)
        return tuple(np.maximum(1, np.rint(rng.gamma(2.0, mean / 2.0, count))).astype(int) for mean in (2000.0, 400.0))


@pytest.mark.parametrize("copies", [1, 8])
def test_it_is_that_of_a_long_replay(copies):
    """At a rate a tenth below it queues stay short; at twice the rate they grow from the first half to the second."""
    model = ServedModel(name="DeepSeek-V3", tp=1 if copies > 1 else 8, dp=copies, ep=copies, weights="nvfp4")
    engine: ServingEngine = _engine(model, "GB200", Arrivals())
    waits_s = {}
    for share in (0.9, 2.0):
        count = 12_000 * copies
        prompts, outputs = engine.requests(count)
        arrival_s = np.arange(len(prompts)) / (share * engine.requests_per_s)
        asked = pd.DataFrame({"arrival_s": arrival_s, "prompt_tokens": prompts, "output_tokens": outputs})
        found = replay(asked, engine.deployment).requests
        waits_s[share] = [half["ttft_s"].mean() for half in (found.iloc[: count // 2], found.iloc[count // 2 :])]
    assert waits_s[0.9][1] < 3.0
    assert waits_s[2.0][1] > 2.0 * waits_s[2.0][0]
    assert waits_s[2.0][1] > 10.0 * waits_s[0.9][1]
