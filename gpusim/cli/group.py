"""The ``gpusim`` command, to which the other files add theirs."""

from __future__ import annotations

import click

from gpusim import __version__
from gpusim.errors import GpusimError


class Group(click.Group):
    """Prints a user's error as its text alone, with exit status 2."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except GpusimError as error:
            click.echo(f"gpusim: {error}", err=True)
            ctx.exit(2)
        except BrokenPipeError:  # whoever read the output has gone, as in `gpusim catalog | head`: click's to handle
            raise
        except OSError as error:  # a folder that is not there, a full disk: the user's to repair, as above
            click.echo(f"gpusim: {error.filename or 'file'}: {error.strerror or error}", err=True)
            ctx.exit(2)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Simulate GPU datacenter fleets: which resource holds the fleet back, when, and at what cost."""
