"""The command line: thin, and quick to say what it can do (heavy imports happen inside the commands)."""

from __future__ import annotations

# Each adds its commands to the group.
from gpusim.cli import inputs, pack, planning, policies, report, results, serving, sweep, validate  # noqa: F401
from gpusim.cli.group import cli
from gpusim.cli.terminal import set_up_streams

__all__ = ["cli", "main"]


def main() -> None:
    """Entry point of the ``gpusim`` command."""
    set_up_streams()
    cli(prog_name="gpusim")
