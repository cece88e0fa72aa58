"""Libraries that read publishers' files for us, and are installed only by who needs them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from gpusim.inputs.traces.source import Source


def library(source: Source, name: str, *, extra: str) -> ModuleType:
    """A module of an optional library; a fault of the file that needs it where it is not installed.

    Parameters
    ----------
    extra : str
        The extra of gpusim's package that installs it.
    """
    try:
        return import_module(name)
    except ImportError:
        source.faults.stop(
            f"is read by {name.partition('.')[0]}, which is not installed; install it with: pip install"
            f" 'gpusim[{extra}]'"
        )
