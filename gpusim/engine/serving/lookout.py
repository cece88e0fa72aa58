"""What policies of scaling that look back see of the replicas of a service by requests."""

from __future__ import annotations

import numpy as np

from gpusim.engine.serving.deployment import PoolDeployment
from gpusim.engine.serving.engines import ServingEngine
from gpusim.engine.serving.scaling import Seen
from gpusim.kernels.serving.state import Engines
from gpusim.kernels.serving.traffic import MEASURES, MET, Traffic
from gpusim.serving.quantiles import UPTO_S

TTFT, TOKEN_TIME = MEASURES.index("ttft_s"), MEASURES.index("time_per_output_token_s")


class Lookout:
    """What the replicas of each deployment have seen since it was last asked.

    Where prefill is apart, replicas that prefill count as tokens put out those of the answers to the prompts that they
    have computed, and as in time who had the first token in time; those that decode who had those behind it in time.

    Parameters
    ----------
    deployments : list of Deployment
        Those that prefill for others behind these, in their order.
    engines : list of ServingEngine
        Of each.
    state : Engines
        Replicas of all of them.
    traffic : Traffic
    """

    def __init__(
        self, deployments: list[PoolDeployment], engines: list[ServingEngine], state: Engines, traffic: Traffic
    ):
        self._deployments, self._engines, self._state, self._traffic = deployments, engines, state, traffic
        self._before = [(0.0, 0.0, 0, 0)] * len(deployments)

    def seen(self, i: int, now: float) -> Seen:
        """Of one deployment."""
        counts = now, self._tokens(i), *self._ended(i)
        span_s, tokens, ended, kept = (a - b for a, b in zip(counts, self._before[i], strict=True))
        self._before[i] = counts
        mine = self._mine(i)
        mine = mine[mine["open"] == 1]
        under_way = int((mine["waiting"] + mine["running"] + mine["coming"]).sum())
        under_way += int(self._traffic.gateway["waiting"][0])
        in_use = mine["blocks"] - mine["free"] + mine["blocks_waited_for"]
        kv_share = float(in_use.sum() / max(int(mine["blocks"].sum()), 1))
        return Seen(tokens / max(span_s, 1e-9), under_way, kv_share, ended, kept)

    def _mine(self, i: int) -> np.ndarray:
        row = self._traffic.deployments[i]
        return self._state.engines[row.first_engine : row.first_engine + row.engines]

    def _tokens(self, i: int) -> float:
        """Of answers, put out since the start."""
        if self._deployments[i].role != "prefill":
            return float(self._traffic.deployments["served_tokens"][i])
        engine = self._engines[i]
        return float(self._mine(i)["prefill_tokens"].sum()) / engine.prompt_tokens * engine.output_tokens

    def _ended(self, i: int) -> tuple[int, int]:
        """Requests that have ended since the start, and those of them in time as far as it is up to the deployment."""
        regions, served = self._traffic.round_trip_s.shape
        pairs, role = slice(i % served * regions, (i % served + 1) * regions), self._deployments[i].role
        if not role:
            outcomes = self._traffic.outcomes[pairs].sum(axis=0)
            return int(outcomes.sum()), int(outcomes[MET])
        gate = self._traffic.gateway[0]
        measure, most_s = (TTFT, gate.ttft_s) if role == "prefill" else (TOKEN_TIME, gate.time_per_output_token_s)
        counts = self._traffic.sketch[measure :: len(MEASURES)][pairs].sum(axis=0)
        return int(counts.sum()), int(counts[most_s >= UPTO_S].sum())
