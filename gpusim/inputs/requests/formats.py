"""All formats of request traces that can be read, and the search for the one that a file has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gpusim import plugins
from gpusim.errors import TraceError
from gpusim.inputs.requests import mooncake, tables
from gpusim.inputs.requests.servegen import read_servegen
from gpusim.inputs.requests.trace import Requests
from gpusim.inputs.traces.source import Source


class Format(NamedTuple):
    """One format: its title, why a file is not of it ('' if it is), and its reader."""

    title: str
    mismatch: Callable[[Source], str]
    read: Callable[[Source], Requests]


# In order of asking: the first whose content fits reads the file. Those of other packages are asked after these.
FORMATS = (
    Format("Mooncake", mooncake.mismatch, mooncake.read),
    Format("gpusim CSV", tables.mismatch_own, tables.read_own),
    Format("BurstGPT", tables.mismatch_burst_gpt, tables.read_burst_gpt),
    Format("Azure", tables.mismatch, tables.read),
)


def read_requests(path: str | Path) -> Requests:
    """Read a request trace in any known format, plain or gzipped; a folder is read as ServeGen's clients.

    Raises
    ------
    TraceError
        With every fault of the file; for an unknown format, with all formats and why the file matches none.
    """
    path = Path(path)
    if not path.exists():
        raise TraceError(f"{path}: no such file; a relative path counts from the working directory, {Path.cwd()}")
    if path.is_dir():
        return read_servegen(path)
    source = Source(path, "a trace of requests")
    reasons = []
    for format in (*FORMATS, *plugins.loaded(plugins.REQUESTS, Format)):
        reason = format.mismatch(source)
        if not reason:
            source.faults.source = f"{source.path} (read as {format.title})"
            return format.read(source)
        reasons.append(f"\n    {format.title}: {reason}")
    found = f"its content is of no known format of requests (first line: {source.head[:60]!r})"
    source.faults.stop(f"{found}. Formats read:{''.join(reasons)}")
