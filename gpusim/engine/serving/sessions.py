"""Sessions of a service: turns whose prompts hold all before them, each sent when its user has read the last answer.

A session is drawn as a whole when its first turn arrives, from streams of its own, so that its turns are the same
whenever they come. No turn comes sooner than ``least_s`` after an answer: so far can replicas be played before it is
known who goes on.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gpusim.kernels.serving.traffic import ARRIVAL
from gpusim.kernels.state.bundle import record, records
from gpusim.kernels.state.codes import NONE
from gpusim.scenario.inference import RequestMix

LEAST_SHARE = 0.1  # of the mean time to think, that each takes at least
TO_COME = record(  # a turn that waits for the one before it
    [
        ("think_s", "f8"),
        ("prompt_tokens", "i8"),
        ("output_tokens", "i8"),
        ("region", "i8"),
        ("first_hash", "i8"),
        ("hashes", "i8"),
        ("adapter", "i8"),
        ("priority", "i8"),
        ("kept", "i8"),
        ("turn", "i8"),  # behind it; -1 if it is the last
    ]
)
SAME = ("region", "first_hash", "adapter", "priority", "kept")  # of all turns of a session


class Sessions:
    """The turns to come of the sessions of one service.

    Parameters
    ----------
    mix : RequestMix
    random : callable
        ``random(part)``: a stream of random numbers.
    block_tokens : int
        Tokens of a block that later turns find in the prefix cache; 0: they find none.
    pairs : ndarray, shape (n, 2), optional
        Tokens of prompts and outputs, of which pairs are drawn in place of lognormal lengths.

    Attributes
    ----------
    least_s : float
        [s] From an answer to the next turn, at least.
    """

    def __init__(
        self,
        mix: RequestMix,
        random: Callable[[str], np.random.Generator],
        block_tokens: int,
        pairs: np.ndarray | None = None,
    ):
        self.least_s = LEAST_SHARE * mix.think_s
        self._mix, self._pairs, self._block_tokens = mix, pairs, block_tokens
        self._counts, self._prompts, self._outputs, self._thinks = map(
            random, ("counts", "prompts", "outputs", "thinks")
        )
        self._rows = records(TO_COME, 0)
        self._free = np.empty(0, np.int64)
        self._due = records(ARRIVAL, 0)  # turns whose time is known, in order of it
        self._names = 1  # of blocks, the next

    def begin(self, made: np.recarray) -> None:
        """Draw the further turns of sessions whose first requests arrive: their ``turn`` and ``hashes`` are written."""
        more = self._counts.geometric(1.0 / self._mix.turns, len(made)) - 1
        own, count = np.repeat(np.arange(len(made)), more), int(more.sum())
        prompts, outputs = _lengths(self._mix, self._pairs, self._prompts, self._outputs, count)
        rows, first = self._room(count), np.cumsum(more) - more
        turns = records(TO_COME, count)
        turns["think_s"] = self.least_s + (self._mix.think_s - self.least_s) * self._thinks.exponential(size=count)
        turns["prompt_tokens"] = _so_far(made, own, first, prompts + outputs) - outputs
        turns["output_tokens"] = outputs
        turns["turn"] = np.append(rows[1:], NONE)
        turns["turn"][(np.cumsum(more) - 1)[more > 0]] = NONE
        made["turn"] = np.where(more > 0, np.append(rows, NONE)[np.minimum(first, count)], NONE)
        if self._block_tokens:
            self._name(made, turns, more)
        for name in SAME:
            turns[name] = made[name][own]
        self._rows[rows] = turns

    def _name(self, made: np.recarray, turns: np.recarray, more: np.ndarray) -> None:
        """Each session's blocks are numbers of its own, from ``-first_hash`` on."""
        for some in (made, turns):
            some["hashes"] = (some["prompt_tokens"] + some["output_tokens"] - 1) // self._block_tokens
        last = np.where(more > 0, np.append(turns["hashes"], 0)[np.cumsum(more) - 1], made["hashes"])
        made["first_hash"] = -(self._names + np.cumsum(last) - last)
        self._names += int(last.sum())

    def _room(self, count: int) -> np.ndarray:
        """Rows for so many turns."""
        if count > len(self._free):
            known, more = len(self._rows), max(count, len(self._rows))
            self._rows = np.concatenate([self._rows, records(TO_COME, more)]).view(np.recarray)
            self._free = np.append(self._free, np.arange(known, known + more))
        rows, self._free = self._free[:count], self._free[count:]
        return rows

    def drawn(self, turn: int) -> np.record | None:
        """A turn that is to come; None behind the last."""
        return None if turn == NONE else self._rows[turn]

    def go_on(self, told: np.recarray, round_trip_s: np.ndarray, deployments: np.ndarray, sticky: bool) -> None:
        """Requests have ended, or never will: the turns behind them are to come, or not.

        Parameters
        ----------
        told : recarray of TURN
        round_trip_s : ndarray, shape (regions, deployments)
        deployments : ndarray of int
            Where each was served.
        sticky : bool
            The turn goes to the same replica.
        """
        dropped = told["turn"][np.isinf(told["ended_s"])]
        while len(dropped):
            self._free = np.append(self._free, dropped)
            dropped = self._rows["turn"][dropped]
            dropped = dropped[dropped != NONE]
        on = np.isfinite(told["ended_s"])
        told, deployments = told[on], deployments[on]
        turns, made = self._rows[told["turn"]], records(ARRIVAL, len(told))
        for name in ("prompt_tokens", "output_tokens", "hashes", "turn", *SAME):
            made[name] = turns[name]
        made["arrival_s"] = told["ended_s"] + turns["think_s"] + round_trip_s[turns["region"], deployments]
        made["arrival_s"] += told["link_s"]
        made["home"] = told["replica"] if sticky else NONE
        self._free = np.append(self._free, told["turn"])
        self._due = _in_order(self._due, made)

    def with_turns(self, arrivals: np.recarray, time_s: float) -> np.recarray:
        """Those that arrive before a time: first requests of sessions, and further turns."""
        count = int(np.searchsorted(self._due["arrival_s"], time_s))
        due, self._due = self._due[:count], self._due[count:]
        return _in_order(arrivals, due) if count else arrivals


def turns_of(mix: RequestMix, drawn: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Tokens of prompts, with all before them in their session, and of outputs, as many as are drawn.

    Parameters
    ----------
    drawn : ndarray, shape (n, 4)
        Arrival, tokens that each turn adds, tokens of its answer, and a number.
    """
    added, outputs = drawn[:, 1].astype(np.int64), drawn[:, 2].astype(np.int64)
    begins = random.random(len(drawn)) < 1.0 / mix.turns
    upto = np.cumsum(added + outputs) - outputs
    first = np.maximum.accumulate(np.where(begins, np.arange(len(drawn)), 0))
    return upto - np.append(0, upto + outputs)[first], outputs


def _so_far(made: np.recarray, own: np.ndarray, first: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Tokens of each further turn's session, from its beginning up to the end of the turn's answer."""
    upto = np.append(0, np.cumsum(tokens))
    return (made["prompt_tokens"] + made["output_tokens"])[own] + upto[1:] - upto[first][own]


def _lengths(
    mix: RequestMix, pairs: np.ndarray | None, of_prompts: np.random.Generator, of_outputs: np.random.Generator, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens that so many turns add, and of their answers."""
    if pairs is not None:
        return tuple(pairs[of_prompts.integers(len(pairs), size=n)].T)
    each = []
    for random, mean, cv in (
        (of_prompts, mix.prompt_tokens, mix.prompt_cv), (of_outputs, mix.output_tokens, mix.output_cv),
    ):  # fmt: skip
        sigma = np.sqrt(np.log1p(cv**2))
        drawn = mean * np.exp(sigma * random.standard_normal(n) - 0.5 * sigma**2)
        each.append(np.maximum(np.rint(drawn), 1.0).astype(np.int64))
    return each[0], each[1]


def _in_order(some: np.recarray, others: np.recarray) -> np.recarray:
    """All of both by arrival; at one time the former first."""
    both = np.concatenate([some, others])
    return both[np.argsort(both["arrival_s"], kind="stable")].view(np.recarray)
