"""Contracts in sentences: who takes what a tenant drops, and what was checked before signing."""

from __future__ import annotations

import pandas as pd

from gpusim.results.tables.record import Record
from gpusim.results.tables.studies import Deliveries
from gpusim.results.wording import compact, share
from gpusim.units import number_of

# Who takes the GPUs that a tenant drops, in sentences.

HOURLY = {"on_demand": "sold on demand", "spot": "sold as spot", "idle": "idle"}
LEAST = 0.005  # of what is dropped: takers of less are not named


def dropped(deliveries: Deliveries) -> list[str]:
    """One sentence for each shock to a tenant that came in a replication."""
    groups = deliveries.dropped.groupby(["shock", "tenant"], sort=False)
    return [_sentence(shock, tenant, rows) for (shock, tenant), rows in groups]


def _sentence(shock: str, tenant: str, rows: pd.DataFrame) -> str:
    hours = rows.set_index("taker")["gpu_hours"]
    lost = -hours[hours < 0.0].sum()
    text = f"{tenant} cuts back ({shock}) in {share(rows['comes'].iloc[0])} of replications"
    if not lost > 0.0:
        return f"{text}, but has no GPUs to give up then."
    taken = hours[hours > LEAST * lost].sort_values(ascending=False, kind="stable")
    parts = [f"{share(value / lost)} {HOURLY.get(name, f'to {name}')}" for name, value in taken.items()]
    usd = rows["usd"].sum()
    change = f"{'-' if usd < 0.0 else '+'}{compact(abs(usd))}"
    return (
        f"{text}: of the {compact(lost)} GPU-hours that it drops on average, {', '.join(parts)}; revenue {change} USD."
    )


# Contracts that were checked before they were signed, in words.


def asked(result: Record) -> list[str]:
    """A sentence for each contract of a result that was checked before it was signed, in order of time."""
    return [
        f"{row.contract} was checked on {row.asked_utc.day} {row.asked_utc:%B %Y}: each milestone is met within grace"
        f" with a probability of {share(row.probability)} or more, over {number_of(row.replications, 'replication')}"
        f" of what was not known then. It needed {share(row.admit)}, so it was {'' if row.signed else 'not '}signed."
        for row in result.contract_signings.itertuples()
    ]
