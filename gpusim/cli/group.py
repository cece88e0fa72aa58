"""The ``gpusim`` command, to which the other files add theirs."""

from __future__ import annotations

import re

import click

from gpusim import __version__
from gpusim.cli.streams import say
from gpusim.errors import GpusimError, printable

LONGEST = 200  # characters of one word, such as the name of a file, that a message shows


class Group(click.Group):
    """Prints a user's error as its text alone, with exit status 2."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except GpusimError as error:
            _tell(ctx, str(error))
        except OSError as error:  # a folder that is not there, a full disk: the user's to repair, as above
            _tell(ctx, f"{printable(str(error.filename or 'file'))}: {error.strerror or error}")
        except MemoryError as error:
            _tell(ctx, f"not enough memory; give a shorter run, fewer jobs or fewer workers ({error})")


def _tell(ctx: click.Context, text: str) -> None:
    short = re.sub(rf"\S{{{LONGEST},}}", lambda word: f"{word[0][:60]}...{word[0][-20:]}", text)
    say(f"gpusim: {short}", err=True)
    ctx.exit(2)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Simulate GPU datacenter fleets: which resource holds the fleet back, when, and at what cost."""
