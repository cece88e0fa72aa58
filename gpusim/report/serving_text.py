"""A prediction of serving for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from rich.console import Console

from gpusim.report.terminal import listing, terminal
from gpusim.results.wording import duration, quantity, share
from gpusim.serving.calibration import Calibration
from gpusim.serving.entry import Entry
from gpusim.serving.prediction import Prediction
from gpusim.units import number_of

MEASURES = {
    "ttft_s": ("time to first token [s]", 1.0),
    "time_per_output_token_s": ("time per output token [ms]", 1e3),
    "end_to_end_s": ("end to end [s]", 1.0),
}
SHOWN = ("mean", "p50", "p90", "p99")


def print_prediction(found: Prediction, requests: pd.DataFrame, console: Console | None = None) -> None:
    """Latencies with their intervals, then what was served, and by what it is known."""
    console = terminal(console)
    table = listing("", *(f"{name}>" for name in SHOWN))
    for measure, (title, unit) in MEASURES.items():
        row = found.latencies.loc[measure] * unit
        table.add_row(title, *(_value(row[name]) for name in SHOWN))
        table.add_row("  80% interval", *(_between(row[f"{name}_low"], row[f"{name}_high"]) for name in SHOWN))
    console.print(table)
    for line in _lines(found, requests):
        console.print(line)


def print_calibration(found: Calibration, console: Console | None = None) -> None:
    """Latencies as logged, by the catalogue and as fitted, then the factors."""
    console = terminal(console)
    table = listing("", "", "measured>", "catalogue>", "fitted>", "fit error>")
    for measure, (title, unit) in MEASURES.items():
        for what in SHOWN:
            row = found.fit.loc[(measure, what)] * unit
            off = row["fitted"] / row["measured"] - 1.0 if row["measured"] > 0.0 else float("nan")
            shown = f"{off:+.1%}" if off == off else "none"
            cells = (_value(row[name]) for name in ("measured", "catalogue", "fitted"))
            table.add_row(title if what == SHOWN[0] else "", what, *cells, shown)
    console.print(table)
    factors = found.factors
    console.print(
        f"Factors on the catalogue's entry: host and small kernels take {factors.waiting:.2f} times as long; weights"
        f" are read at {factors.reading:.2f}, contexts at {factors.context:.2f}, and matrix products run at"
        f" {factors.computing:.2f} times its rates."
    )
    time = found.entry.time
    console.print(
        f"Under loads like the log's, four in five mean token times are {time.low:.2f} to {time.high:.2f} times the"
        " predicted ones."
    )
    if found.waits_unseen:
        console.print(
            "Requests of the log waited for their first token far longer than in the replay, as if its engine had other"
            f" limits. At most {found.most_at_once:,} were between first and last token on a replica at once: give"
            " --max-requests, --max-batched-tokens or --kv-blocks as it had them."
        )


def _value(value: float) -> str:
    return "none" if value != value else f"{value:,.3g}" if abs(value) < 1000.0 else f"{value:,.0f}"


def _between(low: float, high: float) -> str:
    return "" if low != low else f"{_value(low)}-{_value(high)}"


def _lines(found: Prediction, requests: pd.DataFrame) -> Iterator[str]:
    served, replicas, entry = found.replay.requests, found.replay.replicas, found.entry
    busy = (replicas["prefill_s"] + replicas["decode_s"]).sum() / (len(replicas) * found.span_s)
    tokens_per_s = requests["output_tokens"].sum() / found.span_s
    yield (
        f"{number_of(len(served), 'request')} in {duration(found.span_s)} on {number_of(found.gpus, 'GPU')}:"
        f" {quantity(tokens_per_s)} output tokens/s, replicas busy {share(busy)} of the time,"
        f" {number_of(int(served['preemptions'].sum()), 'preemption')},"
        f" {share(served['cached_tokens'].sum() / requests['prompt_tokens'].sum())} of prompt tokens from the cache."
    )
    if "loaded_tokens" in replicas:
        yield (
            f"KV cache of {quantity(replicas['loaded_tokens'].sum())} tokens loaded from host memory, of"
            f" {quantity(replicas['written_tokens'].sum())} written to it."
        )
    if "adapter_loads" in replicas:
        yield f"Adapters were loaded {number_of(int(replicas['adapter_loads'].sum()), 'time')}."
    yield f"{found.gpu_w:,.0f} W per GPU on average, {found.joules_per_token:.3g} J per output token."
    known = "a roofline fitted to other models and GPUs; this pair was not measured"
    if entry.basis in ("pair", "other engine"):
        runs = f"{number_of(entry.runs, 'measured run')} of this model on this GPU"
        known = f"{runs} with {entry.like}" if entry.like else runs
    yield (
        f"Step times from {known}. {_four_in_five(entry)} {entry.time.low:.2f} to {entry.time.high:.2f}"
        " times the predicted ones; the intervals are replays with all step times at these ends."
    )


def _four_in_five(entry: Entry) -> str:
    if not entry.like and not entry.announced:
        return "Four in five measured token times are"
    which = f"of {entry.engine}" if entry.like else f"on {entry.replica.gpu.name}"
    return f"No run {which} was measured: four in five token times are assumed to be"
