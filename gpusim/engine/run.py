"""Run a scenario from start to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from gpusim.commerce.bill import agreed_mwh, bills
from gpusim.engine.assembly import Assembly
from gpusim.engine.build import check_regions
from gpusim.engine.build_out import Construction, build_tables, tell
from gpusim.engine.clock import start_all
from gpusim.engine.data_sets import copies_table
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.job_tables import kept_table, segments_table
from gpusim.engine.manifest import manifest_of
from gpusim.engine.meter import open_meters
from gpusim.engine.non_firm import Curtailments
from gpusim.engine.regulation import Regulation
from gpusim.engine.rejections import rejection_events, rejections_table
from gpusim.engine.site_tables import costs_table, feeders_table, sites_table
from gpusim.engine.storage import with_storage
from gpusim.engine.surroundings import peak_overheads
from gpusim.engine.workload import jobs_of
from gpusim.inputs.jobtable import JobTable, concatenate
from gpusim.regulation.residency import confined
from gpusim.results.tables.names import CHECKPOINTS, KEPT, SEGMENTS
from gpusim.results.tables.record import Record
from gpusim.results.tables.rules import table as rules_table
from gpusim.scenario.scenario import Scenario

Process = Callable[[FleetEnvironment], Generator]


def run(
    scenario: Scenario,
    seed: int = 0,
    *,
    jobs: JobTable | None = None,
    trace: JobTable | None = None,
    processes: Sequence[Process] = (),
    progress: Callable[[float], None] | None = None,
) -> Record:
    """The record of a scenario that is simulated; arguments as of ``gpusim.run``."""
    began = time.perf_counter()
    check_regions(scenario)
    build = Construction(scenario, seed) if scenario.projects else None
    fleet_scenario, entries = confined(build.scenario if build else scenario)
    table = jobs_of(fleet_scenario, seed, trace, jobs)
    if scenario.workload.contracted and build and jobs is None:
        table = _with_contracted(scenario, build, table, seed)
    fleet_scenario, checkpoints = with_storage(fleet_scenario, table)
    world = Assembly(fleet_scenario, table, seed)
    build_out = build.build_out(world.overheads) if build else None
    if build_out:
        world.env.process(tell(world.env, build_out.events, world.recorder.log))
    regulation = None
    if scenario.rules.enforce:
        entries += build.rule_entries() if build else []
        regulation = Regulation(world.env, fleet_scenario, world.names, world.hourly, seed, entries)
    is_called = any(site.non_firm for site in fleet_scenario.sites.values())
    curtailments = Curtailments(world.env, fleet_scenario, world.names, world.signals, seed) if is_called else None
    meters = open_meters(world.env, fleet_scenario, world.signals)
    start_all(world.env, processes)
    end_s = world.play(progress)
    tables = _tables(world, fleet_scenario, table, end_s)
    if checkpoints is not None:
        tables[CHECKPOINTS] = checkpoints
    if build_out:
        tables |= build_tables(build_out)
    if regulation:
        tables["rules"] = regulation.table(tables["power"], end_s)
    if curtailments:
        tables["curtailments"] = curtailments.table()
    if meters:
        tables["meter"] = pd.concat([meter.table() for meter in meters], ignore_index=True)
        if any(site.tariff and site.tariff.agreements for site in fleet_scenario.sites.values()):
            tables["meter"]["agreed_mwh"] = agreed_mwh(fleet_scenario, tables["meter"])
        charged = tables.get("rules", rules_table([]))
        tables["bill"] = bills(
            fleet_scenario, tables["meter"], charged, tables.get("curtailments"), tables.get("on_site")
        )
    odd = tuple(f"jobs: {what}: {count:,}" for what, count in table.notes.items()) + world.input_notes
    manifest = manifest_of(
        scenario, seed, end_s, time.perf_counter() - began, engines=world.engines, jobs=jobs, input_notes=odd
    )
    result = Record(manifest, tables)
    return _with_contracts(scenario, result, world.overheads) if scenario.contracts else result


def _tables(world: Assembly, scenario: Scenario, table: JobTable, end_s: float) -> dict[str, pd.DataFrame]:
    """What the fleet and its processes have to tell."""
    fleet, names = world.env.fleet, world.names
    tables = world.recorder.tables(table)
    tables["rejections"] = rejections_table(scenario, fleet, table, names, np.array(world.recorder.edges_s))
    tables["events"] = _with_rejections(tables["events"], tables["rejections"])
    tables["sites"] = sites_table(scenario, fleet, names, world.plants, world.marginals)
    tables["costs"] = costs_table(scenario, fleet, names, tables["ledger"], tables["jobs"])
    if fleet.clock[0].n_segments:
        tables[SEGMENTS] = segments_table(fleet, tables["jobs"], names, end_s)
        if len(kept := kept_table(fleet, tables["jobs"])):
            tables[KEPT] = kept
    if scenario.links:
        tables["links"] = world.network.table(scenario.links)
    if scenario.data_sets:
        tables["copies"] = world.mover.copies.table() if world.mover.copies else copies_table([])
    if fleet.pools["feeder_nodes"].any():
        tables["feeders"] = feeders_table(fleet, names, end_s, world.halls)
    if world.breakdowns:
        tables |= world.breakdowns.tables(table["job_id"])
    if world.own:
        tables["on_site"] = pd.concat([plant.table() for plant in world.own], ignore_index=True)
    return tables


def _with_rejections(events: pd.DataFrame, rejected: pd.DataFrame) -> pd.DataFrame:
    if rejected.empty:
        return events
    both = pd.concat([events, rejection_events(rejected)])
    return both.sort_values("time_s", kind="stable", ignore_index=True)


def _with_contracted(scenario: Scenario, build: Construction, table: JobTable, seed: int) -> JobTable:
    """The jobs and those of contracts and market."""
    from gpusim.engine.workload import contracted_jobs

    overheads = peak_overheads(build.scenario, seed)
    build_out = build.build_out(overheads)
    more = contracted_jobs(scenario, build_out.live, build_out.line, build_out.requests, seed, overheads)
    return concatenate([table, more]) if len(table) else more


def _with_contracts(scenario: Scenario, result: Record, overheads: dict[str, float]) -> Record:
    """The result with accounts and statements; who has no contracts does not load what makes them."""
    from gpusim.commerce.run_tables import run_tables

    return replace(result, tables=result.tables | run_tables(scenario, result, overheads))
