"""The command line: thin, and quick to say what it can do (heavy imports happen inside the commands)."""

from __future__ import annotations

# Each adds its commands to the group.
from gpusim.cli import (  # noqa: F401
    calibrate,
    figures,
    inputs,
    pack,
    plan,
    policies,
    relieve,
    replay,
    report,
    results,
    schedules,
    streams,
    sweep,
    validate,
)
from gpusim.cli.group import cli

__all__ = ["cli", "main"]


def main() -> None:
    """Entry point of the ``gpusim`` command."""
    streams.settle()
    cli(prog_name="gpusim")
