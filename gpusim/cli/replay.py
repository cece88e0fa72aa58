"""``gpusim replay``: requests to a language model, served by replicas of an entry of the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpusim.cli.entry_options import COUNT, entry_options, given, limit_options
from gpusim.cli.group import cli
from gpusim.cli.path import PATH
from gpusim.cli.progress import loading
from gpusim.cli.streams import say
from gpusim.cli.target import check_output, replace_option
from gpusim.units import number_of

if TYPE_CHECKING:
    import pandas as pd

    from gpusim.serving.deployment import Deployment


@cli.command()
@click.argument("requests", type=PATH)
@entry_options
@click.option("--replicas", type=COUNT, default=1, show_default=True, help="Number of replicas.")
@click.option("--router", default="least-requests", show_default=True,
              help="Routing: round-robin, least-requests, least-kv, prefix.")  # fmt: skip
@click.option("--clients", type=COUNT, help="Closed loop: this many clients per replica, instead of arrival times.")
@limit_options
@click.option("--prefill-replicas", type=click.IntRange(0), default=0, show_default=True,
              help="Replicas that only prefill; the others then only decode.")  # fmt: skip
@click.option("--link-gb-per-s", type=click.FloatRange(0, min_open=True), default=50.0, show_default=True,
              help="GB/s at which a decode GPU reads KV cache from a prefill replica.")  # fmt: skip
@click.option("--link-ms", type=click.FloatRange(0), default=0.0, show_default=True, help="Latency of the link [ms].")
@click.option("--draft-tokens", type=click.IntRange(0), default=0, show_default=True,
              help="Speculative tokens drafted per step and decoding request.")  # fmt: skip
@click.option("--acceptance", type=click.FloatRange(0, 1), default=0.7, show_default=True,
              help="Probability that a drafted token is accepted if those before it are.")  # fmt: skip
@click.option("--draft-ms", type=click.FloatRange(0), default=0.0, show_default=True,
              help="Time that drafting adds to a step [ms].")  # fmt: skip
@click.option("--offload-gb", type=click.FloatRange(0), default=0.0, show_default=True,
              help="GB of host memory per GPU for KV blocks that no longer fit on it.")  # fmt: skip
@click.option("--offload-gb-per-s", type=click.FloatRange(0, min_open=True), default=50.0, show_default=True,
              help="GB/s at which a GPU loads them back.")  # fmt: skip
@click.option("--max-loras", type=click.IntRange(0), default=0, show_default=True,
              help="Slots for adapters (LoRA) on a replica, taken from the memory of its KV cache.")  # fmt: skip
@click.option("--adapter-mb", type=click.FloatRange(0, min_open=True), default=100.0, show_default=True,
              help="Memory of an adapter on each GPU [MB].")  # fmt: skip
@click.option("--adapter-gb-per-s", type=click.FloatRange(0, min_open=True), default=25.0, show_default=True,
              help="GB/s at which a GPU loads an adapter.")  # fmt: skip
@click.option("--out", type=PATH, help="Write a row per request to this CSV or Parquet file.")
@replace_option
def replay(
    requests: Path, model: str, gpu: str, engine: str, weights: str, kv: str, tp: int, pp: int, dp: int, ep: int,
    replicas: int, router: str, clients: int | None, kv_blocks: int | None, max_batched_tokens: int | None,
    max_requests: int | None, prefill_replicas: int, link_gb_per_s: float, link_ms: float, draft_tokens: int,
    acceptance: float, draft_ms: float, offload_gb: float, offload_gb_per_s: float, max_loras: int,
    adapter_mb: float, adapter_gb_per_s: float, out: Path | None, force: bool,
) -> None:  # fmt: skip
    """Serve the REQUESTS of a trace: latencies and resources.

    Latencies come with intervals.
    """
    from gpusim.errors import ServingError, TraceError
    from gpusim.inputs.requests.formats import read_requests
    from gpusim.inputs.traces.own import check_ending
    from gpusim.report.serving_text import print_prediction
    from gpusim.serving.entry import entry
    from gpusim.serving.lora import Lora
    from gpusim.serving.prediction import predict
    from gpusim.serving.replica import Layout
    from gpusim.serving.speculation import Speculation
    from gpusim.serving.tabulation import deployment, offload, prefill_pool

    if out is not None:
        check_ending(out)
        check_output(out, force, requests)
    known = entry(model, gpu, engine, Layout(tp, pp, dp, ep), weights, kv=kv)
    trace = read_requests(requests)
    frame = trace.to_frame()
    limits = given(kv_blocks=kv_blocks, max_batched_tokens=max_batched_tokens, max_requests=max_requests)
    if trace.block_tokens:
        limits["block_tokens"] = trace.block_tokens
    if trace.priority is not None:
        limits["by_priority"] = True
    if max_loras:
        limits["lora"] = Lora(max_loras, adapter_mb * 1e6, adapter_gb_per_s * 1e9)
    elif "adapter" in frame and frame["adapter"].notna().any():
        raise TraceError(f"{requests}: its requests have adapters, but there are no slots for them; give --max-loras")
    if offload_gb:
        if not trace.block_tokens:
            raise TraceError(f"{requests}: found no hash_ids, which --offload-gb needs; leave it out, or add them")
        limits["offload"] = offload(known, offload_gb * 1e9, offload_gb_per_s * 1e9)
    if prefill_replicas:
        limits["prefill"] = prefill_pool(
            known, prefill_replicas * dp, link_gb_per_s * 1e9, link_ms / 1e3, router=router, **limits
        )
    if draft_tokens:
        limits["speculation"] = Speculation(draft_tokens, acceptance, draft_ms / 1e3)
    loading()
    limits |= {"replicas": replicas * dp, "router": router}
    made = deployment(known, **limits)
    read, frame = frame, _without_too_long(frame, made)
    try:
        found = predict(frame, known, clients, **limits)
    except ServingError as error:
        raise ServingError(f"{requests}: {error}") from None
    if out is not None:
        served = found.replay.requests
        served.to_csv(out, index=False) if out.suffix == ".csv" else served.to_parquet(out, index=False)
    print_prediction(found, frame)
    _tell(requests, trace.notes, len(trace) - len(read), len(read) - len(frame), made.chunked_prefill)


def _tell(requests: Path, notes: dict[str, int], without: int, too_long: int, chunked: bool) -> None:
    """What was changed in a trace, and how many of its requests were left out."""
    for what, count in notes.items():
        say(f"{requests}: {what}: {count:,}", err=True)
    _tell_left_out(without, "without prompt or output")
    whole = "" if chunked else ", or than a step for whole prompts (--max-batched-tokens)"
    _tell_left_out(too_long, f"longer than the KV cache of a replica{whole}")


def _tell_left_out(count: int, which: str) -> None:
    if count:
        say(f"{number_of(count, 'request')} left out: {which}.", err=True)


def _without_too_long(requests: pd.DataFrame, served_by: Deployment) -> pd.DataFrame:
    """What engines do not refuse; all, which is told as a fault, where nothing would be left."""
    from gpusim.serving.requests import too_long

    refused = too_long(requests, served_by)
    return requests if refused.all() else requests[~refused]
