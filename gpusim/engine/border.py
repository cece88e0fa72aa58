"""The border between control processes and compiled kernels, which check nothing: what is wrong stops here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real

import simpy

from gpusim.errors import ProcessError, did_you_mean

_SHOWN = 60  # letters of a wrong value in a message


def refuse(env: simpy.Environment, what: str) -> ProcessError:
    """The error to raise: who asked, when, and ``what`` is wrong."""
    process = env.active_process
    who = f"process {process.name!r}, {env.now:,.6g} s into the run: " if process is not None else ""
    return ProcessError(f"{who}{what}")


def whole(env: simpy.Environment, name: str, value: object, count: int, first: int = 0) -> int:
    """A whole number from ``first`` to ``count - 1``."""
    if isinstance(value, Integral) and not isinstance(value, bool) and first <= value < count:
        return int(value)
    allowed = f"give a whole number from {first:,} to {count - 1:,}" if count > first else "there is none"
    raise refuse(env, f"{name}: found {shown(value)}; {allowed}")


def number(
    env: simpy.Environment,
    name: str,
    value: object,
    least: float,
    unit: str = "",
    *,
    most: float = math.inf,
    may_be_infinite: bool = False,
) -> float:
    """A number from ``least`` to ``most``, and finite unless it may be infinite."""
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            found = float(value)
        except OverflowError:
            found = math.nan
        if least <= found <= most and (may_be_infinite or math.isfinite(found)):
            return found
    kind = f"a number{unit and f' of {unit}'}" + ("" if may_be_infinite else ", not infinite")
    low = f", {least:,.6g} or more" if least > -math.inf else ""
    high = f", {most:,.6g} or less" if most < math.inf else ""
    raise refuse(env, f"{name}: found {shown(value)}; give {kind}{low}{high}")


def text(env: simpy.Environment, name: str, value: object) -> str:
    """A text."""
    if isinstance(value, str):
        return value
    raise refuse(env, f"{name}: found {shown(value)}; give a text")


def known(env: simpy.Environment, name: str, value: object, names: Iterable[str]) -> str:
    """One of some names."""
    names = [str(name) for name in names]
    if isinstance(value, str) and value in names:
        return value
    near = did_you_mean(value, names) if isinstance(value, str) else ""
    raise refuse(env, f"{name}: unknown name {shown(value)}{near}; known: {', '.join(names) or 'none'}")


def function(env: simpy.Environment, name: str, value: object) -> object:
    """Something that can be called."""
    if callable(value):
        return value
    raise refuse(env, f"{name}: found {shown(value)}; give a function")


def shown(value: object) -> str:
    """A value as text, short whatever it is."""
    try:
        text = repr(value)
    except Exception:  # a number with too many digits, or an object whose repr is broken
        text = f"something of type {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


class Named(dict):
    """Things by name; a name that is not there is refused with the ones that are."""

    def __init__(self, env: simpy.Environment, what: str):
        super().__init__()
        self._env, self._what = env, what

    def __missing__(self, name: object) -> object:
        return known(self._env, f"env.{self._what}", name, self)
