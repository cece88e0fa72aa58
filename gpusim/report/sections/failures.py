"""Failures: what broke, whom it interrupted, and the effective training time ratio."""

from __future__ import annotations

import pandas as pd

from gpusim.causes import DOWN
from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.section import Section
from gpusim.report.tables import Column, decimals, text
from gpusim.report.terminal import Terminal
from gpusim.results.effective import effective_times
from gpusim.results.wording import quantity
from gpusim.units import HOUR_S, number_of


class FailuresSection(Section):
    """Where something broke."""

    name, title = "failures", "Failures"

    def applies(self, findings: Findings) -> bool:
        """Whether anything did."""
        return len(findings.result.tables.get("failures", ())) > 0

    def lead(self, findings: Findings) -> list[str]:
        """What broke, and what was left of the jobs' time."""
        failures, planned = _told_apart(findings)
        ledger = findings.result.tables["ledger"]
        down_h = ledger.loc[ledger["cause"] == DOWN, "gpu_s"].sum() / HOUR_S
        hours = f"{quantity(down_h)} GPU-hours in total"
        if len(planned):
            sentences = [_did(number_of(len(failures), "failure"), failures)] if len(failures) else []
            sentences += [_did("Planned maintenance", planned), f"Nodes were down for {hours}."]
        else:
            sentences = [_did(number_of(len(failures), "failure"), failures, f", for {hours},")]
        times = effective_times(findings.result)
        if len(times) and times["elapsed_gpu_hours"].iloc[0] > 0.0:
            of_all = times.iloc[0]
            sentences.append(
                f"Effective training time ratio: {of_all['ettr']:.1%} of jobs' time from first start to end was"
                " productive."
            )
            if of_all["expected_ettr"] == of_all["expected_ettr"]:
                sentences.append(
                    f"The formula for exponential failures gives {of_all['expected_ettr']:.1%} for jobs that never wait"
                    " for nodes."
                )
        return sentences

    def say(self, findings: Findings, terminal: Terminal) -> None:
        """How many, and the effective training time ratio."""
        (failures, planned), times = _told_apart(findings), effective_times(findings.result)
        said = f"{len(failures):,}; {_interrupted(failures)}"
        if len(planned):
            said += f"; by maintenance {_interrupted(planned)}"
        if len(times) and times["elapsed_gpu_hours"].iloc[0] > 0.0:
            said += f"; effective training time ratio {times['ettr'].iloc[0]:.1%}"
        terminal.print(f"Failures{findings.example}: {said}.")

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """By cause; and the effective time by size and tenant."""
        failures = findings.result.tables["failures"]
        columns = WITH_PLANNED if len(_told_apart(findings)[1]) else CAUSES
        if not _replicas(failures):
            columns = tuple(column for column in columns if column.key != "replicas")
        found = {"failures-cause": document.table(_by_cause(failures), columns)}
        for by, heading in (("size", "GPUs"), ("tenant", "tenant")):
            times = effective_times(findings.result, by)
            if len(times):
                found[f"effective-{by}"] = document.table(times, (text(by, heading), *TIMES))
        return found


def _told_apart(findings: Findings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of failures, and of planned maintenance."""
    table = findings.result.tables["failures"]
    names = list(findings.result.manifest["scenario"].get("failures", {}).get("maintenance", {}))
    is_planned = table["cause"].isin(names)
    return table[~is_planned], table[is_planned]


def _did(who: str, rows: pd.DataFrame, for_how_long: str = "") -> str:
    nodes, times = (int(rows[name].sum()) for name in ("nodes", "jobs"))
    took, hit = f"took {number_of(nodes, 'node')} down{for_how_long}", f"interrupted jobs {number_of(times, 'time')}"
    if replicas := _replicas(rows):
        return f"{who} {took}, {hit} and stopped {number_of(replicas, 'replica')} of services."
    return f"{who} {took} and {hit}."


def _interrupted(rows: pd.DataFrame) -> str:
    """In short, whom failures hit."""
    said = f"jobs interrupted {number_of(int(rows['jobs'].sum()), 'time')}"
    replicas = _replicas(rows)
    return f"{said}, {number_of(replicas, 'replica')} stopped" if replicas else said


def _replicas(rows: pd.DataFrame) -> int:
    """Replicas that failures stopped."""
    return int(rows["replicas"].sum()) if "replicas" in rows else 0


def _by_cause(failures: pd.DataFrame) -> pd.DataFrame:
    """Rows by cause, the most frequent first."""
    rows = failures.assign(node_h=failures["nodes"] * failures["repair_s"] / HOUR_S)
    counts = [name for name in ("nodes", "jobs", "replicas", "node_h") if name in rows]
    table = rows.groupby("cause", sort=False).agg(
        failures=("cause", "size"), **{name: (name, "sum") for name in counts}
    )
    return table.sort_values("failures", ascending=False, kind="stable").reset_index()


ACRONYMS = {"cpu", "dram", "gpu", "hbm", "nccl", "nic", "pcie", "psu", "sram", "ssd"}


def _named(cause: str) -> str:
    """The name of a cause in words: hbm, faulty_gpu are HBM, faulty GPU."""
    return " ".join(word.upper() if word in ACRONYMS else word for word in cause.split("_"))


CAUSES = (
    Column("cause", "cause of failure", _named, text=True),
    Column("failures", "failures", decimals()),
    Column("nodes", "nodes down", decimals()),
    Column("jobs", "jobs interrupted", decimals()),
    Column("replicas", "replicas stopped", decimals()),
    Column("node_h", "node-hours of repair", decimals()),
)
WITH_PLANNED = (
    Column("cause", "failure or maintenance", _named, text=True),
    Column("failures", "times", decimals()),
    *CAUSES[2:],
)
TIMES = (
    Column("jobs", "jobs that ran", decimals()),
    Column("interruptions", "interrupted", decimals()),
    Column("mttf_hours", "hours to failure", decimals(1), none="no failure"),
    Column("ettr", "effective time", lambda value: f"{value:.1%}", none="no time"),
    Column("expected_ettr", "expected", lambda value: f"{value:.1%}", none="no formula"),
    Column("goodput", "goodput", lambda value: f"{value:.1%}", none="no time"),
)
