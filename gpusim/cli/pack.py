"""``gpusim pack`` and ``pack-trace``: pods that share GPUs, under policies that choose node and GPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpusim.cli.group import cli
from gpusim.cli.paths import PATH, check_output, replace_option
from gpusim.cli.terminal import say, timed, with_progress

if TYPE_CHECKING:
    from gpusim.studies.packing.timed import Played

POLICIES_OPTION = click.option(
    "--policies",
    "names",
    metavar="NAMES",
    help="Some of random, dot-product, clustering, packing, best-fit, fgd [default: all].",
)


@cli.command()
@click.argument("pods", type=PATH)
@click.argument("nodes", type=PATH)
@POLICIES_OPTION
@click.option("--demand", type=click.FloatRange(0, min_open=True), default=130.0, show_default=True,
              help="Pods are resampled or left out until they request this percentage of the GPUs.")  # fmt: skip
@click.option("--replications", type=click.IntRange(1), default=10, show_default=True,
              help="Random orders of pods and nodes, each run under every policy.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first replication.")
@click.option("--out", type=PATH, help="Write the curves of every replication to this CSV or Parquet file.")
@click.option("--figure", type=PATH, help="Draw the mean curves: a PNG, PDF or SVG file.")
@replace_option
def pack(
    pods: Path, nodes: Path, names: str | None, demand: float, replications: int, seed: int, out: Path | None,
    figure: Path | None, force: bool,
) -> None:  # fmt: skip
    """Fill a cluster with pods: GPUs allocated and fragmented.

    Both are shown as demand grows, under each policy.

    PODS and NODES are CSV files as Alibaba publishes them (openb_pod_list_default.csv, openb_node_list_gpu_node.csv):
    CPU, memory, GPUs, thousandths of a shared GPU, GPU types. Pods arrive one by one, in random order, and
    stay; those that fit nowhere are dropped.
    """
    from gpusim.inputs.pods import read_nodes, read_pods
    from gpusim.inputs.traces.own import check_ending
    from gpusim.studies.packing.inflation import replicate

    chosen = _chosen(names)
    if out is not None:
        check_ending(out)
    if figure is not None:
        _check_figure(figure)
    for file in (out, figure):
        if file is not None:
            for source in (pods, nodes):
                check_output(file, force, source)
    cluster, workload = read_nodes(nodes), read_pods(pods)
    seeds = range(seed, seed + replications)
    found, _took_s = timed(
        lambda: with_progress(lambda progress: replicate(cluster, workload, chosen, demand / 100.0, seeds, progress))
    )
    from gpusim.report.packing import print_packing

    print_packing(found, cluster, workload)
    if out is not None:
        found.to_csv(out, index=False) if out.suffix == ".csv" else found.to_parquet(out, index=False)
        say(f"{out} written.")
    if figure is not None:
        from gpusim.report.figures.packing import write

        write(figure, found)
        say(f"{figure} written.")


@cli.command("pack-trace")
@click.argument("pods", type=PATH)
@click.argument("nodes", type=PATH)
@POLICIES_OPTION
@click.option("--speed", type=click.FloatRange(1e-6, 1e6), default=1.0, show_default=True,
              help="Factor by which pods arrive faster than in the trace; run times stay.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the random policy.")
@click.option("--out", type=PATH, help="Write a row per pod and policy to this CSV or Parquet file.")
@replace_option
def pack_trace(
    pods: Path, nodes: Path, names: str | None, speed: float, seed: int, out: Path | None, force: bool
) -> None:
    """Play a trace of pods that share GPUs: waits by policy.

    PODS and NODES as for `gpusim pack`; pods have times, as in openb_pod_list_default.csv. Pods that fit start at once.
    When pods leave, waiting pods are tried in order; one that fits nowhere does not block the others. Ties go by node
    name.
    """
    from gpusim.inputs.pods import read_nodes, read_timed_pods
    from gpusim.inputs.traces.own import check_ending
    from gpusim.studies.packing.timed import compare

    chosen = _chosen(names)
    if out is not None:
        check_ending(out)
        for source in (pods, nodes):
            check_output(out, force, source)
    cluster, trace = read_nodes(nodes), read_timed_pods(pods)
    found, _took_s = timed(lambda: compare(cluster, trace, chosen, seed, speed))
    from gpusim.report.packing import print_played

    print_played(found, cluster, trace)
    if out is not None:
        _write(out, found)


def _chosen(names: str | None) -> list[str]:
    from gpusim.studies.packing.policies import POLICIES, named

    return list(POLICIES) if names is None else named(names)


def _write(out: Path, found: dict[str, Played]) -> None:
    """Pods of all policies, one policy behind the other."""
    import pandas as pd

    from gpusim.inputs.files import as_text

    table = pd.concat([played.pods.assign(policy=policy) for policy, played in found.items()], ignore_index=True)
    as_text(table).to_csv(out, index=False) if out.suffix == ".csv" else table.to_parquet(out, index=False)
    say(f"{out} written.")


def _check_figure(path: Path) -> None:
    from gpusim.errors import GpusimError, did_you_mean
    from gpusim.report.figures import FORMATS

    ending = path.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        allowed = ", ".join(f".{name}" for name in FORMATS)
        raise GpusimError(f"--figure: {path}: found '{path.suffix}'{did_you_mean(ending, FORMATS)}; allowed: {allowed}")
