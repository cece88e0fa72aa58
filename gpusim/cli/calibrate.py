"""``gpusim calibrate``: an entry of the catalogue, fitted to a user's own log of requests."""

from __future__ import annotations

from pathlib import Path

import click

from gpusim.cli.entry_options import COUNT, entry_options, given, limit_options
from gpusim.cli.group import cli
from gpusim.cli.path import PATH
from gpusim.cli.progress import loading
from gpusim.cli.streams import say
from gpusim.cli.target import check_output, replace_option


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
    from gpusim.inputs.requests.log import read_log
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
