"""The built-in rules of dispatch and placement, and others, as a user would write them: plain functions."""

from __future__ import annotations

import numpy as np

HOMES = {0: "FR", 1: "GB", 2: ""}  # of tenants, by row


def loads(pools):
    """GPUs held or asked for, of those that are on."""
    return np.array([(p.held_gpus + p.queued_gpus) / p.energised_gpus if p.energised_gpus else np.inf for p in pools])


def least(score, pools, among):
    """The row of the least score; ties to the least loaded, then to the first."""
    rows = np.flatnonzero(among)
    return rows[np.lexsort((loads(pools)[rows], score[rows]))][:1]


def least_loaded(jobs, pools, allowed, now_s):
    return least(loads(pools), pools, allowed[0])


def home(jobs, pools, allowed, now_s):
    at_home = allowed[0] & np.array([pool.region == HOMES[int(jobs.tenant[0])] for pool in pools])
    return least(loads(pools), pools, at_home if at_home.any() else allowed[0])


def earliest_start(jobs, pools, allowed, now_s):
    return least(np.array([pool.starts_in_s(jobs)[0] for pool in pools]), pools, allowed[0])


def _least_by(value, jobs, pools, allowed):
    ready = allowed[0] & np.array([pool.can_start(jobs)[0] for pool in pools])
    if not ready.any():
        return least(loads(pools), pools, allowed[0])
    score = [value(pool) * pool.rated_w_per_gpu / pool.speed_of(jobs)[0] for pool in pools]
    return least(np.array(score), pools, ready)


def cheapest(jobs, pools, allowed, now_s):
    return _least_by(lambda pool: pool.price_usd_per_mwh, jobs, pools, allowed)


def greenest(jobs, pools, allowed, now_s):
    return _least_by(lambda pool: pool.carbon_g_per_kwh, jobs, pools, allowed)


def last_allowed(jobs, pools, allowed, now_s):
    return np.flatnonzero(allowed[0])[-1:]


def _first(job, nodes, key):
    """The first nodes by a key; of a gang's, all of which are idle, those that are not kept for another."""
    fit = np.flatnonzero(nodes.free)
    key = nodes.reserved if job.n_nodes > 1 else key
    return fit[np.argsort(key[fit], kind="stable")][: job.n_nodes]


def best_fit(job, nodes, now_s):
    return _first(job, nodes, nodes.free)


def spread(job, nodes, now_s):
    return _first(job, nodes, -nodes.free)


def first_fit(job, nodes, now_s):
    return _first(job, nodes, np.arange(len(nodes)))


def last_nodes(job, nodes, now_s):
    return np.flatnonzero(nodes.free)[-job.n_nodes :]


class LeastLoadedBestFit:
    """Both, beside an order of the queue: the shortest first."""

    def key(self, jobs):
        return jobs.estimate_s

    def dispatch(self, jobs, pools, allowed, now_s):
        return least_loaded(jobs, pools, allowed, now_s)

    def place(self, job, nodes, now_s):
        assert self.pool.site in ("one", "two", "three")
        return best_fit(job, nodes, now_s)


class Doors:
    """Two doors, and no order."""

    def dispatch(self, jobs, pools, allowed, now_s):
        return last_allowed(jobs, pools, allowed, now_s)

    def place(self, job, nodes, now_s):
        assert job.n_nodes * self.pool.gpus_per_node >= job.gpus
        return last_nodes(job, nodes, now_s)


class InRounds:
    """First come, first served, in rounds, on nodes of its own."""

    def order(self, queue, now_s):
        return np.arange(len(queue))

    def place(self, job, nodes, now_s):
        return best_fit(job, nodes, now_s)


class Assigned:
    """All that waits stays where it is and starts if it can, in rounds."""

    def assign(self, jobs, pools, allowed, speeds, now_s):
        return jobs.pool

    def place(self, job, nodes, now_s):
        return best_fit(job, nodes, now_s)


# What goes wrong ---------------------------------------------------------------------------------------------------


def two_rows(jobs, pools, allowed, now_s):
    return [0, 1]


def in_parts(jobs, pools, allowed, now_s):
    return [0.0]


def nothing(*_shown):
    return None


def nowhere(jobs, pools, allowed, now_s):
    return [7]


def forbidden(jobs, pools, allowed, now_s):
    return [0] if jobs.job[0] == 3 else last_allowed(jobs, pools, allowed, now_s)


def writes(jobs, pools, allowed, now_s):
    allowed[0, 0] = True
    return [0]


def raises(*_shown):
    raise KeyError("no such thing")


def leaves(*_shown):
    raise SystemExit(3)


def interrupts(*_shown):
    raise KeyboardInterrupt


def none_at_all(job, nodes, now_s):
    return []


def a_full_one(job, nodes, now_s):
    return [0] if job.n_nodes == 1 else np.arange(job.n_nodes)


def twice(job, nodes, now_s):
    return (
        np.zeros(job.n_nodes, int) + np.flatnonzero(nodes.free)[0] if job.n_nodes > 1 else best_fit(job, nodes, now_s)
    )


def outside(job, nodes, now_s):
    return [len(nodes)]


def too_many(job, nodes, now_s):
    return np.flatnonzero(nodes.free)[: job.n_nodes + 1]


def nodes_in_parts(job, nodes, now_s):
    return np.flatnonzero(nodes.free)[: job.n_nodes] + 0.5


def of_two(job, nodes):
    return [0]
