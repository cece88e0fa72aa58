"""Small scenarios with projects, by hand and at random."""

from __future__ import annotations

import numpy as np

from gpusim.scenario.scenario import Scenario

# Delays that have nothing in common, lognormal; results taken as soon as they are there.
ALONE = {"same_region": 0.0, "same_trade": 0.0, "tail_index": 0.0, "early_share": 1.0}
COMPONENTS = ("gpus", "halls", "grid")


def tables(projects: dict, **more) -> dict:
    """Nested tables of a scenario with one empty site per name that projects use, and types of one GPU per node."""
    names = dict.fromkeys(project.get("site", "here") for project in projects.values())
    site = {"region": "DE-LU", "jurisdiction": "EU", "grid_mw": 0.0, "hall_mw": 0.0, "cooling": {"fixed_fraction": 0.0}}
    return {
        "name": "build-out",
        "run": {"start": "2025-01-01", "days": 3000.0},
        "gpus": {"one": one_gpu(1000.0), "other": one_gpu(2000.0)},
        "sites": {name: {**site, "pools": {"one": {"gpus": 0.0}, "other": {"gpus": 0.0}}} for name in names},
        "projects": {name: {"site": "here", "start": "2025-01-01", **project} for name, project in projects.items()},
        "delays": ALONE,
        **more,
    }


def one_gpu(rated_w: float) -> dict:
    """A GPU type in nodes of one GPU."""
    return {
        "tdp_w": 700.0, "idle_w": 70.0, "memory_gb": 80.0, "bf16_tflops": 989.0, "gpus_per_node": 1, "node_base_w": 0.0,
        "rated_it_w_per_gpu": rated_w, "training_speed": 1.0, "usd_per_gpu_hour": 2.0,
    }  # fmt: skip


def scenario(projects: dict, **more) -> Scenario:
    """The scenario of ``tables``."""
    return Scenario.from_dict(tables(projects, **more))


def days(*tasks: float) -> dict:
    """Tasks of fixed durations, one after the other; the last gives GPUs."""
    chain = {f"t{i}": {"median_days": d, "after": [f"t{i - 1}"] if i else []} for i, d in enumerate(tasks)}
    chain[f"t{len(tasks) - 1}"]["gives"] = "gpus"
    return chain


def random_scenario(seed: int, exact: bool, with_rivals: bool = False) -> Scenario:
    """Projects of random graphs that share supplies; ``exact``: whole days and crews, so that many things tie."""
    random = np.random.default_rng(seed)
    projects: dict[str, dict] = {}
    for p in range(int(random.integers(1, 6))):
        site = f"s{random.integers(2)}"
        projects[f"p{p}"] = {
            "site": site, "start": f"2025-{random.integers(1, 13):02d}-01", "priority": int(random.integers(0, 2)),
            "adds": {"gpus": {"one": int(random.integers(1, 2000)), "other": int(random.integers(1, 900))},
                     "hall_mw": float(random.uniform(0.2, 3.0)), "grid_mw": float(random.uniform(0.2, 3.0))},
            "tasks": _tasks(random, p, exact),
        }  # fmt: skip
    supplies = {"crew": {"kind": "crew", "units": [{"at": 0.0, "value": 2.0}, {"at": 700.0, "value": 3.0}]}}
    shocks = {}
    if not exact:
        stock = {"kind": "stock", "per_month": float(random.uniform(0.1, 1.0)), "at_start": float(random.integers(3))}
        supplies["stock"] = stock if random.random() < 0.5 else {**stock, "most": 1.5}
        shocks = {
            "slip": {"at": "2025-09-01", "at_p90": "2026-02-01", "days": 200.0, "effect": "supply", "supply": "stock",
                     "factor": float(random.choice([0.0, 0.5, 3.0])), "probability": 0.7},
            "ban": {"at": "2025-06-01", "days": float(random.uniform(20.0, 300.0)), "effect": "stop", "kind": "t1"},
            "reform": {"at": "2026-01-01", "effect": "duration", "kind": "t2", "factor": 0.5, "jurisdiction": "EU"},
        }  # fmt: skip
    run = {"start": "2025-03-01", "days": 1100.0}
    rivals = _rivals(random, supplies) if with_rivals else {}
    parts = {"supplies": supplies, "shocks": _hitting(shocks, projects), "run": run, "rivals": rivals}
    shared = random.dirichlet((1.0, 1.0, 1.0))
    delays = {"same_region": float(shared[0]), "same_trade": float(shared[1]), "tail_index": [0.0, 2.5][seed % 2],
              "early_share": [0.0, 0.4, 1.0][seed % 3]}  # fmt: skip
    return scenario(projects, delays=delays, **parts)


def _rivals(random: np.random.Generator, supplies: dict) -> dict:
    """Up to three, who react in all ways."""
    rivals: dict[str, dict] = {}
    for r in range(int(random.integers(1, 4))):
        orders = {"crew": {"per_month": float(random.uniform(0.2, 1.0)), "held_days": float(random.uniform(10.0, 60.0)),
                           "units": float(random.choice([0.5, 1.0, 2.0]))}}  # fmt: skip
        if "stock" in supplies:
            orders["stock"] = {"per_month": float(random.uniform(0.1, 0.6)), "units": 0.7, "units_p90": 1.5}
        rivals[f"r{r}"] = {
            "priority": int(random.integers(0, 2)), "orders": orders,
            "growth_per_year": float(random.choice([-0.5, 0.0, 0.8])),
        }  # fmt: skip
        if random.random() < 0.7:
            reaction = {"again": float(random.choice([0.0, 0.5, 1.0])), "priority": int(random.integers(0, 2))}
            if any(reaction.values()):
                rivals[f"r{r}"]["reaction"] = {
                    **reaction,
                    "wait_days": float(random.uniform(5.0, 60.0)),
                    "cancels": 0.6,
                }
        if random.random() < 0.4:
            rivals[f"r{r}"] |= {"start": "2025-02-01", "end": "2026-11-01"}
    return rivals


def _hitting(shocks: dict, projects: dict) -> dict:
    """Those shocks whose kind of work there is."""
    kinds = {task for project in projects.values() for task in project["tasks"]}
    return {name: shock for name, shock in shocks.items() if shock.get("kind", "t0") in kinds}


def _tasks(random: np.random.Generator, p: int, exact: bool) -> dict[str, dict]:
    n, tasks = int(random.integers(3, 8)), {}
    for i in range(n):
        before = [f"t{j}" for j in range(i) if random.random() < 0.4]
        if p and random.random() < 0.3:
            before.append(f"p{p - 1}.{random.choice([*COMPONENTS, 't0'])}")
        median = float(random.integers(1, 30) * 10) if exact else float(random.uniform(5.0, 300.0))
        tasks[f"t{i}"] = {"median_days": median, "after": before}
        if not exact:
            tasks[f"t{i}"]["p90_days"] = median * float(random.uniform(1.1, 2.5))
        if random.random() < 0.4:
            tasks[f"t{i}"]["supply"] = "crew" if exact or random.random() < 0.5 else "stock"
            tasks[f"t{i}"]["units"] = float(random.integers(1, 3))
        if random.random() < 0.2:
            tasks[f"t{i}"]["expedite"] = {"factor": 0.5, "usd": 7.0, "late_days": float(random.integers(0, 50))}
    for component, task in zip(COMPONENTS, random.permutation(n), strict=False):
        tasks[f"t{task}"]["gives"] = component
    if random.random() < 0.5:
        tasks["gas"] = {
            "median_days": 40.0 if exact else float(random.uniform(20.0, 60.0)),
            "gives": "grid",
            "when": "late",
            "late_days": float(random.integers(0, 60)),
            "after": ["t0"] if tasks["t0"].get("gives") != "grid" else [],
        }
        if random.random() < 0.5:
            tasks["gas"]["supply"] = "crew"
    return tasks
