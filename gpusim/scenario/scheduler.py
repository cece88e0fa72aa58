"""How jobs are ordered, placed and dispatched."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from gpusim import plugins
from gpusim.errors import did_you_mean
from gpusim.scenario.base import Model
from gpusim.scenario.dispatches import DISPATCHES
from gpusim.scenario.faults import faults_of
from gpusim.scenario.orders import ORDERS, How, meant
from gpusim.scenario.placements import PLACEMENTS, SCORED

_COUNTED = f"placement {', '.join(name for name in PLACEMENTS if name not in SCORED)}"
_OWN = "or the import path of your own function, 'module:function'"
IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def _known(value: object, names: Collection[str]) -> object:
    """A name of a built-in rule, or an import path."""
    if not isinstance(value, str) or value in names or IMPORT_PATH.fullmatch(value):
        return value
    raise ValueError(f"allowed: {', '.join(names)}{did_you_mean(value, names)}, {_OWN}")


class Scheduler(Model):
    """Rules of docs/semantics.md."""

    order: str = "fifo"
    """The policy: which job goes first. ``gpusim policies`` lists them; name your own by its import path, say
    ``my_policy:PriceAware``, or by the name its package registers. Policies that decide in rounds need
    ``mode = "cycle"``."""
    options: dict[str, Any] = {}
    """Options of the policy by name, as listed by ``gpusim policies``; for your own policy, arguments of its class or
    function."""
    backfill: Literal["none", "easy", "conservative"] = "easy"
    """Whether jobs may pass a blocked head of the queue: never, if they do not delay it (EASY), or if they delay no
    other job (conservative). Not available where running jobs are preempted for the head of the queue, or where a
    policy allocates GPUs to each job."""
    placement: str = "best_fit"
    """Which node a job of at most one node takes, and which GPU if it shares one: ``best_fit``, ``first_fit``,
    ``spread``, ``random``, ``dot_product``, ``clustering``, ``packing``, ``least_left`` or ``fgd``; ``gpusim policies``
    gives rules and sources. Or your own function, by its import path, say ``my_rules:fullest``, which is asked for
    the nodes of each job that starts, gangs too; not with ``backfill`` of ``conservative``. From ``random`` on nodes
    are scored by their GPUs, CPUs and jobs: these placements go with orders of the queue, ``backfill`` of ``none`` and
    ``easy``, and ``preemption`` of ``none`` and ``priority``, without services."""
    topology: Literal["required", "preferred", "unconstrained"] = "required"
    """Where the nodes of a gang may be: as few domains as they fit in, and one pod if they fit in one; the same,
    but any nodes where these are not free after ``topology_wait_s``; or any nodes."""
    topology_wait_s: float = Field(0.0, ge=0, lt=math.inf)
    """[s] How long gangs wait for the domains and the pod that they prefer."""
    dispatch: str = "least_loaded"
    """Which pool an arriving job joins: ``home``, ``least_loaded``, ``earliest_start``, ``cheapest``, ``greenest``, or
    under a placement that scores nodes ``best_node``; ``gpusim policies`` gives the rules. Or your own function, by its
    import path, say ``my_rules:nearest``, which is asked for each job that arrives."""
    carbon: Literal["average", "marginal"] = "average"
    """Which carbon intensity ``greenest`` (of services too) and policies use. ``marginal``: every site needs
    ``marginal``."""
    redispatch: bool = True
    """Whether a waiting job that never ran moves to another pool that can start it at once. Policies that decide in
    rounds say themselves where jobs wait."""
    mode: Literal["event", "cycle"] = "event"
    """A pass at every event, or every ``cycle_s``."""
    cycle_s: float = Field(30.0, gt=0)
    """[s] Interval of passes in cycle mode."""
    overrun: Literal["kill", "keep"] = "keep"
    """What happens to a job that reaches its estimate."""
    preemption: Literal["none", "priority", "order"] = "none"
    """Whether a blocked job may evict preemptible jobs of lower priority, or, at every pass, preemptible jobs make way
    for jobs ahead of them in the order (as they always do under ``srtf``, ``las`` and the like)."""
    queue_limit: int | None = Field(None, ge=0)
    """Jobs that may wait in a pool; more are rejected. Absent: no limit."""

    @property
    def policy(self) -> str:
        """Import path of the policy that decides; "" if none does: jobs go first come, first served, or by tenants."""
        if self.order not in ORDERS:
            return self.own_policy
        return f"gpusim.policies.{ORDERS[self.order].path}" if ORDERS[self.order].path else ""

    @property
    def own_policy(self) -> str:
        """Import path of a policy that is not gpusim's but the user's or another package's, "" if there is none."""
        if ":" in self.order:
            return self.order
        return "" if self.order in ORDERS else plugins.found(plugins.POLICIES)[self.order].value

    @property
    def own_dispatch(self) -> str:
        """Import path of the user's own rule of dispatch, "" if there is none."""
        return "" if self.dispatch in DISPATCHES else self.dispatch

    @property
    def own_placement(self) -> str:
        """The same of placement."""
        return "" if self.placement in PLACEMENTS else self.placement

    @property
    def own_policies(self) -> dict[str, str]:
        """Import paths of all that is not gpusim's own, by the key that names it."""
        found = {"order": self.own_policy, "dispatch": self.own_dispatch, "placement": self.own_placement}
        return {key: path for key, path in found.items() if path}

    @property
    def scores_nodes(self) -> bool:
        """Whether the placement does."""
        return self.placement in SCORED

    @property
    def decides_in_rounds(self) -> bool:
        """Whether the policy surely does; of the user's own that is known once it is loaded."""
        return self.order in ORDERS and ORDERS[self.order].how is How.ROUNDS

    @property
    def arguments(self) -> dict[str, Any]:
        """Options as the policy takes them: where it is asked for keys, those not given at their defaults."""
        if self.order in ORDERS and not self.decides_in_rounds:
            return self.chosen.model_dump()
        return self.options

    @property
    def is_greedy(self) -> bool:
        """Whether GPUs go to the first in the order, whoever holds them."""
        return self.preemption == "order" or (self.order in ORDERS and ORDERS[self.order].how is How.GREEDY)

    @property
    def chosen(self) -> Model:
        """Options of a policy that comes with gpusim, those not given at their defaults."""
        return ORDERS[self.order].options.model_validate(self.options)

    @field_validator("order")
    @classmethod
    def _order(cls, order: str) -> str:
        if order in ORDERS or IMPORT_PATH.fullmatch(order):
            return order
        known = (*ORDERS, *plugins.found(plugins.POLICIES))
        if order not in known:
            raise ValueError(
                f"allowed: {', '.join(known)}{meant(order, known)}, or a policy's import path, 'module:Class'"
            )
        return order

    @field_validator("placement", mode="before")
    @classmethod
    def _placement(cls, placement: object) -> object:
        if placement == "best-fit":
            raise ValueError(
                'give "best_fit", the node with the fewest free GPUs that suffice, or "least_left", which is the'
                " best-fit of gpusim pack"
            )
        return _known(placement, PLACEMENTS)

    @field_validator("dispatch", mode="before")
    @classmethod
    def _dispatch(cls, dispatch: object) -> object:
        return _known(dispatch, DISPATCHES)

    @model_validator(mode="after")
    def _sound(self) -> Scheduler:
        faults = [*self._of_order(), *self._of_topology(), *self._of_placement(), *self._of_options()]
        if faults:
            raise ValueError(*faults)
        return self

    def _of_order(self) -> Iterator[str]:
        if self.mode != "cycle" and self.decides_in_rounds:
            yield f'order = {self.order!r} decides in rounds: it needs mode = "cycle"'
        if self.preemption == "order" and (self.decides_in_rounds or self.order == "fair_share"):
            yield f'preemption = "order" needs an order that stands for each job; {self.order!r} is none'

    def _of_topology(self) -> Iterator[str]:
        if self.topology != "required" and self.backfill == "conservative":
            yield (
                f'topology = "{self.topology}" goes with backfill "none" or "easy", found "conservative", which'
                " promises each gang its nodes as it comes"
            )
        if self.topology_wait_s > 0.0 and self.topology != "preferred":
            yield f'topology_wait_s of {self.topology_wait_s:g} is for topology = "preferred", found "{self.topology}"'
        elif self.topology_wait_s > 0.0 and self.is_greedy:
            yield (
                f"topology_wait_s of {self.topology_wait_s:g} with an order that takes GPUs for the first; give 0, with"
                " which gangs take the nearest nodes that are free"
            )

    def _of_placement(self) -> Iterator[str]:
        """Nodes are scored for jobs that start from a queue, one after the other."""
        if self.own_placement and self.backfill == "conservative":
            yield (
                f'backfill = "conservative" with placement = "{self.placement}": its plan says on which nodes jobs'
                f' start; give "none" or "easy", or {_COUNTED}'
            )
        if self.placement not in SCORED:
            if self.dispatch == "best_node":
                yield (
                    f'dispatch = "best_node" goes by scores of nodes, which placement = "{self.placement}" has none of;'
                    f" give one of {', '.join(SCORED)}"
                )
            return
        with_it = f'with placement = "{self.placement}"'
        if self.order in ORDERS and ORDERS[self.order].how is not How.QUEUE:
            queued = ", ".join(name for name, policy in ORDERS.items() if policy.how is How.QUEUE)
            yield f"order = {self.order!r} {with_it}; give one of {queued}, or {_COUNTED}"
        if self.backfill == "conservative":
            yield f'backfill = "conservative" {with_it}; give "none" or "easy", or {_COUNTED}'
        if self.preemption == "order":
            yield f'preemption = "order" {with_it}; give "none" or "priority", or {_COUNTED}'

    def _of_options(self) -> Iterator[str]:
        if self.order in ORDERS:
            try:
                ORDERS[self.order].options.model_validate(self.options)
            except ValidationError as error:
                faults = "; ".join(f"options.{fault}" for fault in faults_of(error, ORDERS[self.order].options))
                alone = "options are of the order alone; " if self.own_dispatch or self.own_placement else ""
                yield f"{alone}of order {self.order!r}: {faults}"
