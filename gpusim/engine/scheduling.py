"""From the scheduler of a scenario to the codes and keys that kernels decide by."""

from __future__ import annotations

import math

import numpy as np

from gpusim.engine.description import Scheduling, Work
from gpusim.engine.layout.jobs import submitted
from gpusim.errors import PolicyError
from gpusim.kernels.state.codes import GREEDY_ONLY, Backfill, Dispatch, Order, Placement, Topology
from gpusim.policies.indices import RemainingTime, ServiceLevels
from gpusim.policies.policy import Policy, decides_in_rounds
from gpusim.scenario.scheduler import Scheduler
from gpusim.units import number_of

# The door at which a policy decides before the run: by what jobs are ordered, whenever the order is looked at.


def ask_key(policy: Policy, name: str, jobs: np.recarray) -> np.ndarray | RemainingTime | ServiceLevels:
    """What a policy orders by.

    Parameters
    ----------
    jobs : recarray, shape (n_jobs,)
        Records ``SUBMITTED``.

    Returns
    -------
    ndarray of float, shape (n_jobs,)
        A number for each job, or else what its key is as it runs.

    Raises
    ------
    PolicyError
        If the policy raises, or answers with anything else.
    """
    jobs.flags.writeable = False
    try:
        answer = policy.key(jobs)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the user's code raises: a SystemExit would end this process
        raise PolicyError(f"policy {name!r}: key raised {type(error).__name__}: {error}") from error
    if isinstance(answer, RemainingTime):
        return answer
    if isinstance(answer, ServiceLevels):
        return _sound(answer, name)
    return _numbers(answer, name, len(jobs))


def _numbers(answer: object, name: str, count: int) -> np.ndarray:
    wanted = f"return {number_of(count, 'number')}, one for each job, or RemainingTime or ServiceLevels"
    try:
        keys = np.asarray(answer)
    except Exception as error:  # ragged lists, and objects that only look like arrays
        raise PolicyError(f"policy {name!r}: key returned no sequence of numbers ({error}); {wanted}") from error
    if keys.shape != (count,) or (keys.dtype.kind not in "iufb" and count):
        raise PolicyError(f"policy {name!r}: key returned {keys.dtype} of shape {keys.shape}; {wanted}")
    keys = keys.astype(float)
    if np.isnan(keys).any():
        raise PolicyError(f"policy {name!r}: key returned NaN for job {int(np.isnan(keys).argmax())}; {wanted}")
    return keys


def _sound(levels: ServiceLevels, name: str) -> ServiceLevels:
    """As numbers that kernels may rely on."""
    try:
        limits, keys = np.asarray(levels.limits, dtype=float), np.asarray(levels.keys, dtype=float)
        promote = float(levels.promote)
    except (TypeError, ValueError) as error:
        raise PolicyError(f"policy {name!r}: key returned levels that are no numbers ({error})") from error
    rising = limits.ndim == 1 and np.all(np.diff(limits, prepend=0.0) > 0.0) and not np.isnan(limits).any()
    if not rising or keys.shape != (len(limits) + 1,) or np.isnan(keys).any() or not promote > 0.0:
        raise PolicyError(
            f"policy {name!r}: key returned levels with {limits.size:,} limits, {keys.size:,} keys, promote ="
            f" {promote:g}; give limits that rise from above 0, one key more than limits, and promote above 0"
        )
    return ServiceLevels(tuple(limits.tolist()), tuple(keys.tolist()), bool(levels.by_gpus), promote)


# From the scheduler of a scenario to the codes that kernels decide by.


def scheduling_of(scheduler: Scheduler, work: Work, policy: Policy | None = None, for_standing: str = "") -> Scheduling:
    """How jobs are ordered, placed and dispatched, under a policy in Python if any.

    ``for_standing``: a key of the scenario with which policies of one's own go only if their orders stand.

    Raises
    ------
    PolicyError
        If the policy does not go with the scheduler's other keys, or with that one.
    """
    order, key, levels = _order_of(scheduler, work, policy)
    if for_standing and scheduler.own_policy and order not in (Order.KEY, Order.FAIR_SHARE):
        how = "decides in rounds" if order == Order.CUSTOM else "gives a key that changes as jobs run"
        raise PolicyError(
            f"policy {scheduler.order!r} {how}, which does not go with {for_standing}; give jobs a number that stands,"
            f" or remove {for_standing}"
        )
    greedy = scheduler.preemption == "order" or order in GREEDY_ONLY
    if greedy and scheduler.topology_wait_s > 0.0:
        raise PolicyError(
            f"policy {scheduler.order!r} takes GPUs for the first in its order: scheduler.topology_wait_s is"
            f" {scheduler.topology_wait_s:g}; give 0, with which gangs take the nearest nodes that are free"
        )
    # Where somebody of the user's own decides, the code is of what else there is to place, or of who cannot answer.
    placement = Placement.BEST_FIT if scheduler.own_placement else Placement[scheduler.placement.upper()]
    if placement.by_score and (greedy or order == Order.CUSTOM):
        raise PolicyError(
            f"policy {scheduler.order!r} does not order a queue by keys that stand: scheduler.placement is"
            f' "{scheduler.placement}", which scores nodes for such orders alone; give best_fit, first_fit or spread'
        )
    decides = greedy or hasattr(policy, "allocate") or hasattr(policy, "assign")
    return Scheduling(
        order=order,
        key=None if key is None else lambda _jobs: key,
        levels=levels,
        backfill=Backfill.NONE if decides else Backfill[scheduler.backfill.upper()],
        placement=placement,
        topology=Topology[scheduler.topology.upper()],
        topology_wait_s=scheduler.topology_wait_s,
        dispatch=Dispatch.LEAST_LOADED if scheduler.own_dispatch else Dispatch[scheduler.dispatch.upper()],
        redispatch=scheduler.redispatch,
        kill_at_estimate=scheduler.overrun == "kill",
        preempts=scheduler.preemption == "priority" and not decides,
        greedy=greedy,
        queue_limit=scheduler.queue_limit,
        cycle_s=scheduler.cycle_s if scheduler.mode == "cycle" else 0.0,
    )


def _order_of(
    scheduler: Scheduler, work: Work, policy: Policy | None
) -> tuple[Order, np.ndarray | None, ServiceLevels]:
    """How the queue is ordered: keys of the jobs if they stand, levels of service if these count."""
    none = ServiceLevels((), (0.0,), promote=math.inf)
    if policy is None:
        return Order.FAIR_SHARE if scheduler.order == "fair_share" else Order.KEY, None, none
    if decides_in_rounds(policy):
        if scheduler.mode != "cycle":
            raise PolicyError(f'policy {scheduler.order!r} decides in rounds: it needs scheduler.mode = "cycle"')
        if scheduler.preemption == "order":
            raise PolicyError(
                f'policy {scheduler.order!r} decides in rounds: scheduler.preemption = "order" needs an order that'
                ' stands for each job, of a method key; give "none" or "priority"'
            )
        return Order.CUSTOM, None, none
    answer = ask_key(policy, scheduler.order, submitted(work))
    if isinstance(answer, RemainingTime):
        return Order.REMAINING_GPU if answer.by_gpus else Order.REMAINING, None, none
    if isinstance(answer, ServiceLevels):
        return Order.SERVICE, None, answer
    return Order.KEY, answer, none
