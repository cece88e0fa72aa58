"""The ``gpusim`` command, to which the other files add theirs."""

from __future__ import annotations

import re
import sys
from typing import NoReturn

import click

from gpusim import __version__
from gpusim.cli.terminal import say
from gpusim.errors import GpusimError, printable, reason

LONGEST = 200  # characters of one word, such as the name of a file, that a message shows


class Group(click.Group):
    """Prints a user's error as its text alone, with exit status 2."""

    def main(self, *args: object, **options: object) -> object:
        try:
            try:
                return super().main(*args, **options)
            finally:
                if sys.stdout:  # None where it is closed
                    sys.stdout.flush()  # here, where what cannot be written is an error that is told
        except GpusimError as error:
            _tell(str(error))
        except OSError as error:  # a folder that is not there, a full disk: the user's to repair, as above
            _tell(f"{printable(str(error.filename or 'file'))}: {reason(error)}")
        except MemoryError as error:
            _tell(f"not enough memory; give a shorter run, fewer jobs or fewer workers ({error})")


def _tell(text: str) -> NoReturn:
    short = re.sub(rf"\S{{{LONGEST},}}", lambda word: f"{word[0][:60]}...{word[0][-20:]}", text)
    say(f"gpusim: {short}", err=True)
    sys.exit(2)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Simulate GPU datacenter fleets: which resource holds the fleet back, when, and at what cost."""
