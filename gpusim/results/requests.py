"""Services with a model: what was promised and kept, why requests were late, how long they took, what a token took.

A request counts when it has ended, has failed, or is late at the end of the run; those still in time then stand apart.
Of services by requests each was served; of those whose tokens flow, requests are what the load of their replicas says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gpusim.results.economics import hourly_usd
from gpusim.results.measure import OF_REQUESTS
from gpusim.results.serving import keys
from gpusim.results.tables.record import Record
from gpusim.scenario.inference import Objectives
from gpusim.units import HOUR_S

DEPLOYMENT = ("service", "site", "gpu_type")
MEASURES = {"ttft_s": "ttft", "time_per_output_token_s": "token_time", "end_to_end_s": "end_to_end"}
QUANTILES = (50, 90, 99)  # [%]
_LATE = ("missed", "failed")


def by_requests(result: Record) -> list[str]:
    """Names of the services whose requests were served one by one."""
    tables = result.tables
    return list(dict.fromkeys(tables["service_replicas"]["service"])) if "service_replicas" in tables else []


def with_model(result: Record) -> list[str]:
    """Names of the services of whose requests it is told what came of them."""
    if "service_outcomes" not in result.tables:
        return []
    given = result.manifest["scenario"]["services"]
    return [name for name in dict.fromkeys(result.tables["services"]["service"]) if given[name].get("model")]


def objectives(result: Record, service: str) -> Objectives:
    """What a service promised; the usual of a scenario that names none."""
    return Objectives.model_validate(result.manifest["scenario"]["services"][service].get("objectives") or {})


def attainment(result: Record, by: Sequence[str] = ("service",)) -> pd.DataFrame:
    """How many requests kept the objectives of their service.

    Parameters
    ----------
    by : sequence of str
        Columns of ``service_outcomes``: service, site, gpu_type, region, start_s.

    Returns
    -------
    DataFrame
        Those columns; met, missed, failed (lost and not sent anew), under_way (at the end, and not late yet), judged
        (all but these), attainment (met / judged; NaN of none), goodput_requests_per_s (in time, per second). A row
        also for a service or a deployment without requests, and for a region of a service by requests.
    """
    by = list(by)
    counts = _counts(result.tables["service_outcomes"], by, ["met", *_LATE, "under_way"])
    table = _places(result, by).merge(counts, on=by, how="left")
    table = table.fillna(dict.fromkeys(counts, 0)).astype(dict.fromkeys(counts, "int64"))
    table["judged"] = table["met"] + table["missed"] + table["failed"]
    table["attainment"] = table["met"] / table["judged"].where(table["judged"] > 0)
    return table.assign(goodput_requests_per_s=table["met"] / _span_s(result, table))


def in_all(table: pd.DataFrame) -> float:
    """Attainment of all rows of ``attainment`` together; NaN of no requests."""
    judged = table["judged"].sum()
    return float(table["met"].sum() / judged) if judged else np.nan


def figures(result: Record) -> pd.DataFrame:
    """The figures of ``gpusim.results.measure.OF_REQUESTS`` by service; no rows without services with a model."""
    if not with_model(result):
        return pd.DataFrame(columns=list(OF_REQUESTS), dtype=float)
    table = attainment(result).merge(latencies(result), on="service", how="left").set_index("service")
    return table.assign(requests=table["judged"] + table["under_way"])[[*OF_REQUESTS]]


def arrivals(result: Record, service: str) -> pd.DataFrame:
    """Requests of a service by region and interval of arrival: region, start_s, end_s, requests.

    Of a service whose tokens flow, those of which it is told what came of them then.
    """
    table = "service_demand" if service in by_requests(result) else "service_outcomes"
    rows = result.tables[table]
    return rows.loc[rows["service"] == service, ["region", "start_s", "end_s", "requests"]]


def causes(result: Record, by: Sequence[str] = ("service",)) -> pd.DataFrame:
    """Requests that were late or failed, by the one cause of each, the greatest of each group first.

    Returns
    -------
    DataFrame
        The columns of ``by``, cause, missed, failed, requests (both), share (of all judged).
    """
    by = list(by)
    outcomes = result.tables["service_outcomes"]
    late = _counts(outcomes[outcomes["outcome"].isin(_LATE)], [*by, "cause"], _LATE).reset_index()
    late = late.assign(requests=late["missed"] + late["failed"]).sort_values("requests", ascending=False, kind="stable")
    table = attainment(result, by)[[*by, "judged"]].merge(late, on=by)
    return table.assign(share=table["requests"] / table["judged"]).drop(columns="judged")


def latencies(result: Record, by: Sequence[str] = ("service",)) -> pd.DataFrame:
    """Quantiles of the requests of services by requests that ended in the whole run, off by 1% at most.

    Returns
    -------
    DataFrame
        The columns of ``by``; ttft_p50_s to ttft_p99_s, from when a user sent a request to when the first token was
        there; token_time_p50_s to ..., from token to token of requests with several, mean of each; end_to_end_p50_s to
        .... NaN of none. Rows as of ``attainment``.
    """
    by = list(by)
    sketch = result.tables["service_sketch"]
    table = _places(result, by, by_requests(result))
    for measure, name in MEASURES.items():
        mine = sketch[sketch["measure"] == measure]
        found = {key if isinstance(key, tuple) else (key,): _quantiles(rows) for key, rows in mine.groupby(by)}
        none = np.full(len(QUANTILES), np.nan)
        values = [found.get(key, none) for key in table[by].itertuples(index=False, name=None)]
        columns = [f"{name}_p{q}_s" for q in QUANTILES]
        table = table.join(pd.DataFrame(values, columns=columns, index=table.index, dtype=float))
    return table


def expected(result: Record) -> pd.DataFrame:
    """What the load of the replicas says of the requests of services whose tokens flow.

    Returns
    -------
    DataFrame
        service, site, gpu_type, region; ttft_mean_s, token_time_mean_s, end_to_end_mean_s of the requests of intervals
        in which a queue had an end; known_share of all requests are those. NaN of none.
    """
    by, served = [*DEPLOYMENT, "region"], by_requests(result)
    rows = result.tables["service_latency"]
    rows = rows[~rows["service"].isin(served)]
    known = rows[rows["end_to_end_mean_s"].notna()]
    sums = {f"{name}_mean_s": known[f"{measure.removesuffix('_s')}_mean_s"] for measure, name in MEASURES.items()}
    sums = known[by].assign(**{name: known["requests"] * mean_s for name, mean_s in sums.items()})
    sums = sums.assign(requests=known["requests"]).groupby(by, sort=False).sum(min_count=1).reset_index()
    table = rows.groupby(by, sort=False)["requests"].sum().rename("all").reset_index().merge(sums, on=by, how="left")
    for name in (f"{name}_mean_s" for name in MEASURES.values()):
        table[name] /= table["requests"]
    return table.assign(known_share=table["requests"].fillna(0) / table["all"]).drop(columns=["all", "requests"])


def distribution(result: Record, service: str, measure: str, regions: Sequence[str]) -> pd.DataFrame:
    """Share of the requests of some regions that took a time at most: upto_s (ends of buckets), share.

    Parameters
    ----------
    measure : str
        One of ``MEASURES``.
    """
    sketch = result.tables["service_sketch"]
    rows = sketch[(sketch["service"] == service) & (sketch["measure"] == measure) & sketch["region"].isin(regions)]
    counts = rows.groupby("upto_s")["requests"].sum()
    return pd.DataFrame({"upto_s": counts.index.to_numpy(), "share": (counts.cumsum() / counts.sum()).to_numpy()})


def deployments(result: Record) -> pd.DataFrame:
    """What replicas did with their GPUs, and what tokens took.

    Returns
    -------
    DataFrame
        service, site, gpu_type, role if prefill is apart anywhere; served_tokens (of answers that ended); retries
        (requests lost with a replica and sent anew); gpu_hours held, prefill_share, decode_share, idle_share,
        loading_share and draining_share of them;
        energy_j (of GPUs, idle power included), energy_usd (its part of the site's bill by the servers' energy,
        interval by interval), owning_usd (what it costs to own the GPUs: ``gpusim.results.economics``);
        tokens_per_joule, tokens_per_usd (energy and owning). NaN where no GPU was held. Where prefill is apart these
        two are of all replicas of the service at the site, in the row of those that decode; NaN in that of those that
        prefill.
    """
    rows = result.tables["service_replicas"]
    power = result.tables["power"].set_index(["site", "start_s"])
    it_j = power[[name for name in power if name.endswith("_j")]].sum(axis=1)
    price = (power["cost_usd"] / it_j.where(it_j > 0.0)).fillna(0.0)  # [USD/J] of servers
    paid = price.reindex(pd.MultiIndex.from_frame(rows[["site", "start_s"]])).to_numpy()
    uses = [name for name in rows if name.endswith("_gpu_s")]
    by = keys(rows)
    sums = rows.assign(energy_usd=rows["energy_j"] * paid).groupby(by, sort=False)
    sums = sums[["served_tokens", "retries", *uses, "energy_j", "energy_usd"]].sum().reset_index()
    gpu_s = sums[uses].sum(axis=1)
    usd_per_h = sums["gpu_type"].map(hourly_usd(result.manifest)).astype(float)
    shares = {name.replace("_gpu_s", "_share"): sums[name] / gpu_s.where(gpu_s > 0.0) for name in uses}
    table = sums[[*by, "served_tokens", "retries"]].assign(gpu_hours=gpu_s / HOUR_S, **shares)
    table = table.assign(
        energy_j=sums["energy_j"], energy_usd=sums["energy_usd"], owning_usd=table["gpu_hours"] * usd_per_h
    )
    usd, joules, tokens = table["energy_usd"] + table["owning_usd"], table["energy_j"], table["served_tokens"]
    if "role" in table:
        place, apart = [table["service"], table["site"]], table["role"] != ""
        all_of = [column.where(apart).groupby(place).transform("sum") for column in (usd, joules, tokens)]
        usd, joules, tokens = (a.where(apart, b) for a, b in zip(all_of, (usd, joules, tokens), strict=True))
        tokens = tokens.where(table["role"] != "prefill")
    return table.assign(
        tokens_per_joule=tokens / joules.where(joules > 0.0), tokens_per_usd=tokens / usd.where(usd > 0.0)
    )


def _counts(outcomes: pd.DataFrame, by: list[str], what: Sequence[str]) -> pd.DataFrame:
    """Requests by group (rows) and outcome (columns), those of the groups that have any."""
    counts = outcomes.groupby([*by, "outcome"])["requests"].sum().unstack(fill_value=0)
    return counts.reindex(columns=list(what), fill_value=0).astype("int64").rename_axis(columns=None)


def _places(result: Record, by: list[str], services: list[str] | None = None) -> pd.DataFrame:
    """All values of the columns of a grouping, of services with a model or of those named, in their order."""
    tables = [result.tables[name] for name in ("services", "service_demand", "service_outcomes")]
    tables = [table[table["service"].isin(with_model(result) if services is None else services)] for table in tables]
    found = [table[by] for table in tables if set(by) <= set(table)]
    return pd.concat(found[:1] if "region" not in by else found).drop_duplicates(ignore_index=True)


def _span_s(result: Record, table: pd.DataFrame) -> pd.Series | float:
    """[s] That the rows of a table tell of: an interval each if it has ``start_s``, else all of them."""
    spans = result.tables["services"][["start_s", "end_s"]].drop_duplicates()
    lengths_s = (spans["end_s"] - spans["start_s"]).set_axis(spans["start_s"])
    return table["start_s"].map(lengths_s) if "start_s" in table else float(lengths_s.sum())


def _quantiles(rows: pd.DataFrame) -> np.ndarray:
    """[s] Of times in buckets: of rank share x (n - 1), as far from both ends of its bucket, relatively."""
    counts = rows.groupby(["over_s", "upto_s"])["requests"].sum()
    over_s, upto_s = (counts.index.get_level_values(name).to_numpy() for name in counts.index.names)
    middle_s = np.where(over_s > 0.0, 2.0 * over_s * upto_s / (over_s + upto_s), upto_s)
    upto = counts.cumsum().to_numpy()
    ranks = np.floor(np.array(QUANTILES) / 100 * (upto[-1] - 1))
    return middle_s[np.searchsorted(upto, ranks, side="right")]
