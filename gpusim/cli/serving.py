"""``gpusim replay`` and ``calibrate``: requests to a language model, served by an entry of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpusim.cli.group import cli
from gpusim.cli.paths import PATH, check_output, replace_option
from gpusim.cli.terminal import loading, say
from gpusim.units import number_of

if TYPE_CHECKING:
    import pandas as pd

    from gpusim.serving.deployment import Deployment


# What commands that serve requests share: the options that name an entry of the catalogue.

COUNT = click.IntRange(1)


def entry_options(command: Callable) -> Callable:
    """Options ``--model`` to ``--ep`` of a command."""
    for option in reversed((
        click.option("--model", required=True, help="Name of a published model, say Llama-3.1-70B-Instruct."),
        click.option("--gpu", required=True, help="GPU type, say H100."),
        click.option("--engine", default="vllm", show_default=True,
                     help="Serving engine: vllm, vllm-v0 (older, prompts first), sglang, trtllm."),
        click.option("--weights", default="bf16", show_default=True,
                     help="Format of the weights: bf16, fp8, nvfp4, ..."),
        click.option("--kv", default="bf16", show_default=True, help="Format of the KV cache: bf16 or fp8."),
        click.option("--tp", type=COUNT, default=1, show_default=True,
                     help="Tensor parallelism: GPUs that share each layer."),
        click.option("--pp", type=COUNT, default=1, show_default=True, help="Pipeline parallelism: stages of layers."),
        click.option("--dp", type=COUNT, default=1, show_default=True,
                     help="Data parallelism of the attention: copies that share experts."),
        click.option("--ep", type=COUNT, default=1, show_default=True,
                     help="Expert parallelism: groups of GPUs with their own experts."),
    )):  # fmt: skip
        command = option(command)
    return command


def limit_options(command: Callable) -> Callable:
    """Options of a command for limits of the engine, as keys of a ``Deployment``; absent ones are None."""
    for option in reversed((
        click.option("--kv-blocks", type=COUNT, help="KV cache of a replica, in blocks [default: what fits]."),
        click.option("--max-batched-tokens", type=COUNT,
                     help="Maximum number of tokens in a step [default: the engine's]."),
        click.option("--max-requests", type=COUNT,
                     help="Maximum number of requests in a step [default: the engine's]."),
    )):  # fmt: skip
        command = option(command)
    return command


def given(**limits: int | None) -> dict[str, int]:
    """Those that are not absent."""
    return {name: value for name, value in limits.items() if value is not None}


# ``gpusim replay``: requests to a language model, served by replicas of an entry of the catalogue.


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
    from gpusim.serving.engine_options import Lora, Speculation
    from gpusim.serving.entry import entry
    from gpusim.serving.prediction import predict
    from gpusim.serving.replica import Layout
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


# ``gpusim calibrate``: an entry of the catalogue, fitted to a user's own log of requests.


@cli.command()
@click.argument("log", type=PATH)
@entry_options
@click.option("--replicas", type=COUNT, default=1, show_default=True, help="Replicas that served the log.")
@click.option("--router", default="least-requests", show_default=True, help="How requests were distributed over them.")
@limit_options
@click.option("--out", type=PATH, help="Write the fitted entry to this file, for `entry` of a service's model.")
@replace_option
def calibrate(
    log: Path, model: str, gpu: str, engine: str, weights: str, kv: str, tp: int, pp: int, dp: int, ep: int,
    replicas: int, router: str, kv_blocks: int | None, max_batched_tokens: int | None, max_requests: int | None,
    out: Path | None, force: bool,
) -> None:  # fmt: skip
    """Fit a catalogue entry to a LOG of requests.

    Starts from the entry of a model on a GPU type, and prints how well the fit explains the times of the log.

    LOG is a CSV or Parquet file with a row per request: arrival_s, first_token_s, end_s, prompt_tokens, output_tokens.
    If its engine had limits of its own, give them: under load, queues follow from them.
    """
    from gpusim.errors import ServingError
    from gpusim.inputs.requests.trace import read_log
    from gpusim.report.serving_text import print_calibration
    from gpusim.serving.calibration import fit_log
    from gpusim.serving.entry import entry
    from gpusim.serving.replica import Layout

    if out is not None:
        check_output(out, force, log)
    known = entry(model, gpu, engine, Layout(tp, pp, dp, ep), weights, kv=kv)
    rows = read_log(log)
    limits = given(kv_blocks=kv_blocks, max_batched_tokens=max_batched_tokens, max_requests=max_requests)
    loading()
    try:
        found = fit_log(known, rows, replicas, router, **limits)
    except ServingError as error:
        raise ServingError(f"{log}: {error}") from None
    print_calibration(found)
    if out is not None:
        found.save(out)
        say(f'{out} written. A service uses it with entry = "{out}" in its model.')
