"""What is KV cache in host memory worth?
======================================

Conversations resume after their KV cache had to make room for others'. An hour of Mooncake's conversation trace (needs
GPUSIM_DATA), with its shared prefixes, on four replicas of Llama-3.1-8B, one H100 each, with growing amounts of host
memory, over two links: the share of prompt tokens found in cache, what moves, and the time to first token.

::

    python experiments/serving_offload.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

import gpusim
from gpusim.serving.replay import replay
from gpusim.serving.tabulation import deployment, offload

HOSTS_GB = (0.0, 50.0, 200.0, 800.0)
LINKS_GB_PER_S = (50.0, 10.0)
REPLICAS = 4


def case(trace: pd.DataFrame, block_tokens: int, host_gb: float, link_gb_per_s: float) -> dict[str, float]:
    """One replay, and what is worth knowing of it."""
    entry = gpusim.entry("Llama-3.1-8B", "H100")
    host = offload(entry, host_gb * 1e9, link_gb_per_s * 1e9) if host_gb else None
    made = deployment(entry, replicas=REPLICAS, router="prefix", block_tokens=block_tokens, offload=host)
    found = replay(trace, made)
    served, replicas = found.requests, found.replicas
    moved = {name: replicas[name].sum() if host else 0 for name in ("loaded_tokens", "written_tokens")}
    assert served["cached_tokens"].sum() >= moved["loaded_tokens"] - (served["preemptions"] > 0).sum() * block_tokens
    assert host or moved["loaded_tokens"] == 0
    ttft_s = served["first_token_s"] - served["arrival_s"]
    return {
        "found": served["cached_tokens"].sum() / trace["prompt_tokens"].sum(),
        "loaded": moved["loaded_tokens"] / trace["prompt_tokens"].sum(),
        "written": moved["written_tokens"] / trace["prompt_tokens"].sum(),
        "ttft_p50_s": ttft_s.quantile(0.5),
        "ttft_p99_s": ttft_s.quantile(0.99),
    }


def main(rows: int | None = None) -> pd.DataFrame | None:
    """All hosts over the first link, and the largest over the second, for the trace or its first requests."""
    folder = os.environ.get("GPUSIM_DATA")
    if not folder:
        print("no data, set GPUSIM_DATA")
        return None
    trace = gpusim.read_requests(Path(folder) / "mooncake" / "conversation_trace.jsonl.gz")
    frame = trace.to_frame().head(rows or len(trace))
    cases = [(host, LINKS_GB_PER_S[0]) for host in HOSTS_GB] + [(HOSTS_GB[-1], LINKS_GB_PER_S[1])]
    table = pd.DataFrame([case(frame, trace.block_tokens, *one) for one in cases])
    table.index = pd.MultiIndex.from_tuples(cases, names=["host_gb", "link_gb_per_s"])
    print(table.to_string(float_format="{:.3f}".format))
    return table


if __name__ == "__main__":
    main()
