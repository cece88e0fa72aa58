"""What commands that serve requests share: the options that name an entry of the catalogue."""

from __future__ import annotations

from collections.abc import Callable

import click

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
