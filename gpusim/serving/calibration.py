"""An entry fitted to a log of requests, how well it explains them, and the file in which it is kept."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.errors import ServingError
from gpusim.serving.adjustment import KIND, Adjustment
from gpusim.serving.calibrate import calibrate
from gpusim.serving.entry import Entry, ErrorRange
from gpusim.serving.replay import replay
from gpusim.serving.request_log import loops
from gpusim.serving.tabulation import deployment

FORM = "gpusim entry 1"
ROUNDS = 2  # in which the closed form, which fits quickly, is held against the kernel
UNSEEN = 3.0  # times as long to the first token as a replay says: its engine had a queue that the replay has not
FURTHEST = 50.0  # times the catalogue's token times, or so much less, is no other cluster but another unit
WHAT = {"mean": "mean", "p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(frozen=True)
class Calibration:
    """An entry as a log has it.

    Attributes
    ----------
    entry : Entry
        Of basis "log".
    factors : Adjustment
        What sets it apart from the catalogue.
    fit : DataFrame
        A row per measure (``ttft_s``, ``time_per_output_token_s``, ``end_to_end_s``) and of what (mean, p50, p90, p99):
        measured, by the catalogue and as fitted, both by a replay of the log.
    most_at_once : int
        Requests that a replica of the log had between first and last token, at most.
    """

    entry: Entry
    factors: Adjustment
    fit: pd.DataFrame
    most_at_once: int

    @property
    def waits_unseen(self) -> bool:
        """Whether half of the log's requests waited for their first token far longer than in the replay."""
        half = self.fit.loc[("ttft_s", "p50")]
        return bool(half["measured"] > UNSEEN * half["fitted"])

    def save(self, path: Path) -> None:
        """Write the factors to a file that ``apply`` reads."""
        own = self.entry
        about = {
            "form": FORM, **identity(own), "factors": asdict(self.factors), "runs": own.runs,
            "time": asdict(own.time), "power": asdict(own.power),
        }  # fmt: skip
        path.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def identity(entry: Entry) -> dict[str, str]:
    """What an entry is of: fitted factors hold for no other."""
    return {"model": entry.replica.shape.name, "gpu": entry.replica.gpu.name, "engine": entry.engine}


def fit_log(
    entry: Entry, log: pd.DataFrame, replicas: int = 1, router: str = "least-requests", **limits: object
) -> Calibration:
    """Fit an entry to a log of requests.

    Parameters
    ----------
    entry : Entry
        Of the catalogue.
    log : DataFrame
        Columns of ``request_log.COLUMNS``, a row per request.
    replicas : int
        That served them.
    router : str
        As of a ``Deployment``.
    **limits
        Of the engine that served them, where they were not its usual ones: keys of ``Deployment``.

    Raises
    ------
    ServingError
        If the log has a fault, or too little in it.
    """
    measured = loops(log, replicas)
    served_by = {"replicas": replicas * entry.replica.layout.dp, "router": router, **limits}
    _check_unit(entry, measured)
    made = calibrate(entry, measured)
    for _ in range(ROUNDS):
        off = _formula_off(made, _served(log, made, served_by), replicas)
        made = calibrate(entry, measured.assign(token_s=measured["token_s"] * off))
    fit = _fit(log, {"catalogue": entry, "fitted": made}, served_by)
    return Calibration(made, _factors(entry, made), fit, _most_at_once(log, replicas))


def apply(entry: Entry, path: Path) -> Entry:
    """The entry with the factors of a file.

    Raises
    ------
    ServingError
        If the file cannot be read, or is of another model, GPU or engine.
    """
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["form"] != FORM:
            raise KeyError("form")
        factors = Adjustment(**{name: float(value) for name, value in about["factors"].items()})
        time, power = ErrorRange(**about["time"]), ErrorRange(**about["power"])
        of, runs = {name: about[name] for name in identity(entry)}, int(about["runs"])
    except OSError as error:
        raise ServingError(
            f"{path}: cannot be read ({error.strerror}); `gpusim calibrate LOG --out` writes it"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ServingError(
            f"{path}: no fitted entry; give a file that `gpusim calibrate LOG --out` has written"
        ) from None
    if of != identity(entry):
        found, asked = (", ".join(one.values()) for one in (of, identity(entry)))
        raise ServingError(f"{path}: fitted to {found}; it does not hold for {asked}")
    return replace(
        entry, coefficients=factors.of_times(entry.coefficients), draws=factors.of_power(entry.draws), basis="log",
        runs=runs, source=f"a log of its own ({path.name})", time=time, power=power,
    )  # fmt: skip


def _check_unit(entry: Entry, measured: pd.DataFrame) -> None:
    """One error for a log whose times can hardly be seconds: no cluster is so far from the catalogue."""
    off = _off(entry, measured)
    if not 1.0 / FURTHEST <= off <= FURTHEST:
        times = f"{off:,.0f}" if off > 1.0 else f"{off:.1g}"
        raise ServingError(
            f"from token to token it takes {times} times as long as the catalogue says; give arrival_s,"
            " first_token_s and end_s in seconds"
        )


def _off(entry: Entry, measured: pd.DataFrame) -> float:
    """Token times of closed loops over those of the closed form, in the middle."""
    loads = [entry.load(*row) for row in measured[["batch", "prompt_tokens", "output_tokens"]].to_numpy(float)]
    formula_s = np.array([float(entry.token_time_s(load).value) for load in loads])
    return float(np.exp(np.median(np.log(measured["token_s"].to_numpy(float) / formula_s))))


def _formula_off(entry: Entry, served: pd.DataFrame, replicas: int) -> float:
    """Token times of the closed form over those of the kernel at loads like the log's: lengths differ, batches vary."""
    return 1.0 / _off(entry, loops(served, replicas))


def _served(log: pd.DataFrame, entry: Entry, served_by: dict[str, object]) -> pd.DataFrame:
    """The log as the kernel serves its requests."""
    requests = log[["arrival_s", "prompt_tokens", "output_tokens"]].astype(float).reset_index(drop=True)
    served = replay(requests, deployment(entry, **served_by)).requests
    return requests.assign(first_token_s=served["first_token_s"], end_s=served["end_s"])


def _factors(before: Entry, after: Entry) -> Adjustment:
    """By one coefficient of each kind."""
    one = {kind: name for name, kind in reversed(KIND.items())}
    times = {kind: getattr(after.coefficients, name) / getattr(before.coefficients, name) for kind, name in one.items()}
    power, computing = (getattr(after.draws, name) / getattr(before.draws, name) for name in ("reading", "computing"))
    return Adjustment(**times, power=power, computing_power=computing / power)


def _fit(log: pd.DataFrame, entries: dict[str, Entry], served_by: dict[str, object]) -> pd.DataFrame:
    """The log's latencies, and those of its replays."""
    found = {"measured": _measures(log)}
    found |= {name: _measures(_served(log, entry, served_by)) for name, entry in entries.items()}
    rows = {
        (measure, what): {
            name: float(values[measure].mean() if what == "mean" else values[measure].quantile(share))
            for name, values in found.items()
        }
        for measure in found["measured"]
        for what, share in WHAT.items()
    }
    table = pd.DataFrame(rows).T
    table.index.names = ["measure", "what"]
    return table


def _most_at_once(log: pd.DataFrame, replicas: int) -> int:
    """Requests between first and last token at one time at most, for each replica."""
    times_s = np.concatenate([log["end_s"], log["first_token_s"]]).astype(float)  # at one time, who ends is first
    steps = np.repeat([-1, 1], len(log))[np.argsort(times_s, kind="stable")]
    return math.ceil(int(np.cumsum(steps).max()) / replicas)


def _measures(served: pd.DataFrame) -> pd.DataFrame:
    later = served["output_tokens"] - 1
    took_s = served["end_s"] - served["first_token_s"]
    return pd.DataFrame(
        {
            "ttft_s": served["first_token_s"] - served["arrival_s"],
            "time_per_output_token_s": took_s / later.where(later > 0),
            "end_to_end_s": served["end_s"] - served["arrival_s"],
        }
    )
