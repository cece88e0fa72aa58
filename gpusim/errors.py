"""Every error that gpusim raises on purpose. The command line prints their text alone, never a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from gpusim.units import number_of


class GpusimError(Exception):
    """Base of all errors that a user can cause and repair."""


class ScenarioError(GpusimError):
    """A scenario that cannot be simulated; carries all of its faults, one line each."""

    def __init__(self, source: str, faults: Sequence[str]):
        self.source = source
        self.faults = [printable(fault) for fault in faults]
        super().__init__(
            f"{source}: {number_of(len(self.faults), 'fault')}\n" + "\n".join(f"  - {fault}" for fault in self.faults)
        )

    def __reduce__(self) -> tuple:
        return type(self), (self.source, self.faults)  # whole, when it comes back from another process


class TraceError(GpusimError):
    """A trace, weather, price or carbon file that cannot be read."""


class PolicyError(GpusimError):
    """A custom policy that cannot be loaded, or that returned an invalid answer."""


class PluginError(GpusimError):
    """A package whose addition to gpusim cannot be used."""


class ProcessError(GpusimError):
    """A user's control process that is not one, or that requests something impossible."""


class ResultError(GpusimError):
    """A saved result that is absent, incomplete or damaged."""


class StoreError(GpusimError):
    """A store of a study that is absent, damaged or something else."""


class GoalError(GpusimError):
    """A goal that cannot be read, or that refers to something the scenario lacks."""


class CommerceError(GpusimError):
    """Capacity, spending or use that cannot be compared with the contracts of a scenario."""


class ServingError(GpusimError):
    """Requests, step times or a deployment that cannot be served."""


class WorkerDied(GpusimError):
    """A worker process that ended in the middle of a run."""


class StatisticsError(GpusimError):
    """Values, or a table of runs, for which the requested statistic cannot be computed."""


class InvariantError(GpusimError):
    """A conservation law violated by a run: a defect of gpusim, not of the scenario."""


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """Suggestion text for a misspelt name: ``" (did you mean 'x'?)"``, or ``""`` when nothing is near."""
    known = [str(a) for a in allowed]
    near = [one for one in known if one.lower() == str(name).lower()]
    near = near or difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    return f" (did you mean '{near[0]}'?)" if near else ""


def shortened(text: str, longest: int) -> str:
    """A text without its middle if it is long."""
    half = longest // 2 - 1
    return text if len(text) <= longest else f"{text[:half]}\u2026{text[-half:]}"


def one_line(text: str) -> str:
    """What an object says of itself: a line, however long the names are that are in it."""
    return shortened(printable(text), 200)


def reason(error: Exception) -> str:
    """Why something failed, without the number and the path that errors of the system repeat."""
    return getattr(error, "strerror", None) or str(error)


def printable(text: str) -> str:
    """Text on one line, with control characters, also those that turn its direction, escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
