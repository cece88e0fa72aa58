"""The causes of the ledger, one row each: what a cause is, its codes, its words, its colour.

Why a GPU-second was what it was, and why a second of waiting passed. To add a cause: a row here, and the place in a
kernel that books it; for one of absent GPUs, where these are counted (``absent`` of their pool); for one of a limit on
power, the process that sets the cap. Codes of the engine, groups, legends and words all follow from this table.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What the GPUs of a cause were."""

    ABSENT = "absent"  # not there to be used: held something back only as far as somebody asked for them
    IDLE = "idle"  # free, or held by a gang that had not asked for them
    HELD = "held"  # by jobs or replicas, and not useful to them
    USEFUL = "useful"  # they trained or served
    BUSY = "busy"  # at work for others: the bottleneck is GPUs; costs waiting but no GPU-hours
    REJECTED = "rejected"  # no GPU was lost to jobs that were turned away, but all the work that they asked for


class Stage(Enum):
    """What GPUs come to on their way to being online, one after the other."""

    DELIVERED = "delivered"
    HOUSED = "housed"
    ENERGISED = "energised"


class Limit(Enum):
    """What limits a site's power."""

    CONNECTION = "connection"  # with what the site makes itself
    CAP = "cap"  # below it, called for by a process (`SitePower.set_cap`)
    PLANT = "plant"  # for cooling


class WaitRow(NamedTuple):
    """The waiting that goes with a cause: the demand side of the ledger.

    ``clause`` stands for that of the cause where it is about free GPUs and none was free.
    """

    name: str
    code: int  # its place in the engine's arrays
    turn: int  # who comes first where too few GPUs are free for all that ask: ascending
    clause: str = ""
    limit: Limit | None = None  # on power, that keeps who waits from starting
    late: str = ""  # why requests are late where replicas wait for it (`misses`); "": power or, without a limit, no_gpu


class CauseRow(NamedTuple):
    """One cause, also for a reader who has never seen the ledger.

    ``short`` fits a table or a legend; ``clause`` fills "At SITE, KIND ..."; ``relief`` fills "Relief: ...". Of
    rejected jobs, ``clause`` says what they lack, where {who} is "it", "they" or a number of them.
    """

    name: str
    kind: Kind
    code: int | None  # its place in the engine's arrays; None: no GPU-second is booked under it
    layer: int | None  # its place in a stack, ascending from useful to absent; None: never drawn
    colour: str
    short: str
    clause: str
    relief: str
    wait: WaitRow | None = None
    asked: bool = True  # False: nobody asked for these GPUs, or it is what a fleet is built for: nothing is at fault
    until: Stage | None = None  # absent GPUs: not online, nor paid for, before they come to this; None: they are online
    relieved_by: str = ""  # the resource of the counterfactuals that loosen it, "" for none of one resource
    slows_for: str = ""  # of runs that were slowed while a limit on power was the lowest: the wait for that limit
    pauses: bool = False  # or paused


# Colours: Okabe and Ito's, tints and shades of them (Okabe & Ito 2008, "Color Universal Design").
CAUSES = (
    CauseRow("busy", Kind.BUSY, None, 200, "#44546A", "GPUs busy",
             "GPUs were busy while more jobs waited for them",
             "more GPUs, or less work sent here",
             WaitRow("busy", 0, turn=10), relieved_by="GPUs"),
    # The same where projects bring more GPUs: work that waits behind work is what they are built for.
    CauseRow("backlog", Kind.BUSY, None, 205, "#8497B0", "backlog",
             "GPUs were busy while more jobs waited for them, in a fleet under construction",
             "the GPUs under construction, or less work sent here",
             asked=False, relieved_by="GPUs"),
    CauseRow("not_delivered", Kind.ABSENT, 0, 190, "#9ADBC5", "GPUs not delivered",
             "GPUs had not been delivered yet",
             "an earlier delivery",
             WaitRow("not_delivered", 1, turn=20), until=Stage.DELIVERED, relieved_by="delivery"),
    # Their pool will never again have so many: nobody's plan has them, and no GPU-second is booked.
    CauseRow("retired", Kind.BUSY, None, 195, "#C9B79C", "GPUs taken out",
             "GPUs had been taken out, and too few were left for jobs or replicas that still asked for them",
             "taking them out later, or other GPUs for this work",
             WaitRow("retired", 14, turn=55)),
    # Delivered, but no hall that is ready has room for them.
    CauseRow("not_housed", Kind.ABSENT, 1, 180, "#005A32", "no hall for the GPUs",
             "GPUs had been delivered, but no hall was ready to house and cool them",
             "an earlier or larger hall",
             WaitRow("not_housed", 9, turn=40), until=Stage.HOUSED, relieved_by="halls"),
    # In a hall, but beyond what the grid connection carries.
    CauseRow("not_energised", Kind.ABSENT, 2, 170, "#009E73", "grid connection too small",
             "GPUs had been delivered, but the grid connection could not power them",
             "an earlier or larger grid connection, or oversubscribing it where GPUs draw less than their nameplate",
             WaitRow("not_energised", 2, turn=30, late="power"), until=Stage.ENERGISED, relieved_by="power"),
    # The same where it could have powered most of them by what the site really drew (`results.ledger`).
    CauseRow("power_plan", Kind.ABSENT, None, 175, "#A6D854", "power planned by nameplate",
             "GPUs had been delivered but not energised, though the site never drew all that its connection supplies",
             "oversubscribing the grid connection, with a power cap for the hours that need one",
             until=Stage.ENERGISED, relieved_by="power"),
    CauseRow("down", Kind.ABSENT, 3, 160, "#8C3A00", "broken nodes",
             "nodes were down or under repair",
             "fewer failures, faster repair or spare nodes",
             WaitRow("down", 3, turn=50, late="failure")),
    # Asked for, but fewer than the job at the head of the queue, or the next replica, needs. Who waits for GPUs that
    # are busy or absent asks for those that are free too: it has no waiting of its own.
    CauseRow("idle_reserved", Kind.IDLE, 5, 120, "#E69F00", "reserved for a large job",
             "GPUs were idle, but too few for the job at the head of the queue or the next replica",
             "smaller jobs, more GPUs in one pool, or more backfilling",
             relieved_by="GPUs"),
    # Enough are free, but not where the gang could use them; or held by a gang without being asked.
    CauseRow("idle_fragmented", Kind.IDLE, 6, 110, "#F0E442", "fragmented free GPUs",
             "GPUs were idle, but too fragmented across nodes for the next job, or held in whole nodes by gangs that"
             " asked for fewer",
             "packing jobs more tightly",
             WaitRow("fragmented", 4, turn=60), relieved_by="GPUs"),
    # Free GPUs are where the head could use them, and the CPUs or the memory beside them are not.
    CauseRow("idle_cpu_memory", Kind.IDLE, 32, 115, "#7F7F3F", "no CPUs or memory left",
             "GPUs were idle because their nodes had too few CPUs or too little memory left for the next job",
             "nodes with more CPUs or memory, or jobs that take less of them",
             WaitRow("cpu_memory", 15, turn=65), relieved_by="CPUs and memory"),
    # The site's power limit does not admit the head's draw.
    CauseRow("idle_power", Kind.IDLE, 7, 140, "#D55E00", "power limit",
             "GPUs were idle because the site had no power left for the next job or replica",
             "more grid capacity, or caps that slow running jobs and let more start",
             WaitRow("power", 5, turn=70, limit=Limit.CONNECTION), relieved_by="power"),
    # It would be admitted without a cap below the grid connection, that a rule, or a process, calls for.
    CauseRow("idle_rule", Kind.IDLE, 8, 150, "#999900", "capped by a rule",
             "GPUs were idle because a rule held the site below its grid connection",
             "an exemption from the rule, on-site generation, or work elsewhere while it binds",
             WaitRow("rule", 11, turn=80, limit=Limit.CAP), relieved_by="rule"),
    # It would be admitted if the cooling plant managed in this weather what the grid connection gives.
    CauseRow("idle_cooling", Kind.IDLE, 27, 145, "#6B1E5C", "cooling limit",
             "GPUs were idle because the cooling plant could remove no more heat in that weather",
             "a cooling plant that is larger or designed for hotter weather, or work elsewhere on hot days",
             WaitRow("cooling", 12, turn=85, limit=Limit.PLANT), relieved_by="cooling"),
    # It would be admitted if the grid had not taken back a part of the connection that is not firm.
    CauseRow("idle_curtailed", Kind.IDLE, 29, 148, "#4E7A27", "connection curtailed",
             "GPUs were idle while the grid curtailed the non-firm part of the connection",
             "more firm capacity, on-site generation, or work elsewhere during calls",
             WaitRow("curtailed", 13, turn=87, limit=Limit.CAP), relieved_by="power"),
    # Only tenants at their quota have jobs waiting.
    CauseRow("idle_quota", Kind.IDLE, 9, 130, "#CC79A7", "tenants at their quota",
             "GPUs were idle because the only tenants with waiting work had used up their quota",
             "larger quotas, or quotas that lend idle GPUs",
             WaitRow("quota", 6, turn=90, clause="GPUs were asked for by tenants that had used up their quota"),
             relieved_by="quota"),
    CauseRow("idle_cycle", Kind.IDLE, 10, 80, "#9A9A9A", "waiting for the scheduler",
             "GPUs were idle until the scheduler's next cycle, or a service's next control step",
             "a shorter scheduling cycle",
             # Replicas that wait for it start in the next control step.
             WaitRow("cycle", 7, turn=110, late="queue",
                     clause="GPUs were asked for, but not before the next cycle or control step"),
             relieved_by="cycle"),
    CauseRow("idle_policy", Kind.IDLE, 11, 90, "#8E4A73", "held back by the policy",
             "GPUs were idle while the scheduling policy chose to start nothing",
             "a policy that starts what fits",
             WaitRow("policy", 8, turn=100, clause="GPUs were asked for by jobs that the scheduling policy held back")),
    # Jobs will take them once their data have arrived in their pool's region.
    CauseRow("idle_data", Kind.IDLE, 12, 100, "#3F2FBF", "waiting for data",
             "GPUs were idle while data of the jobs sent here were in transfer",
             "more WAN bandwidth, or data closer to the GPUs",
             WaitRow("data", 10, turn=120, clause="GPUs were asked for by jobs whose data were in transfer"),
             relieved_by="WAN"),
    CauseRow("loading", Kind.HELD, 13, 40, "#B79AD0", "loading data and weights",
             "GPUs were held while data and weights loaded",
             "faster storage, or fewer restarts"),
    # Of runs behind a job's first: it was evicted, or lost its nodes.
    CauseRow("restarting", Kind.HELD, 24, 45, "#C9876B", "reloading after interruptions",
             "GPUs were held while interrupted jobs reloaded",
             "faster storage, or fewer interruptions"),
    CauseRow("checkpointing", Kind.HELD, 14, 50, "#7B5BA6", "writing checkpoints",
             "GPUs stood still while checkpoints were written",
             "faster checkpoint storage, or fewer checkpoints"),
    CauseRow("lost_work", Kind.HELD, 15, 60, "#000000", "lost work, redone",
             "GPUs did work that was lost when jobs were evicted",
             "more frequent checkpoints, or fewer evictions"),
    # At rate r, 1 - r of a run's GPU-seconds.
    CauseRow("slowed", Kind.HELD, 19, 65, "#5A5A00", "runs slowed or paused",
             "GPUs were held by runs that were slowed or paused",
             "removing what slows them, such as a power cap or a slow node"),
    # What caps on their power take from runs.
    CauseRow("throttled", Kind.HELD, 26, 67, "#B0413E", "throttled by power caps",
             "GPUs were slowed by caps that kept the site within its power limit",
             "more grid capacity, or less oversubscription of it: fewer nodes on, or a power plan nearer nameplate",
             relieved_by="power"),
    # The same where a feeder between the nodes and the site asked for more than the site did.
    CauseRow("throttled_feeder", Kind.HELD, 31, 66, "#8A6A3B", "throttled below the site",
             "GPUs were slowed by caps that kept GPUs, nodes, racks, busways or halls within their power limits",
             "higher limits there, fewer nodes on each, or jobs spread over more of them"),
    # The same where cooling was the lowest limit.
    CauseRow("throttled_cooling", Kind.HELD, 28, 68, "#F08A5D", "throttled by cooling",
             "GPUs were slowed by caps that kept the site within what its cooling plant could remove in that weather",
             "a cooling plant that is larger or designed for hotter weather, or work elsewhere on hot days",
             relieved_by="cooling", slows_for="cooling"),
    # The same, and pauses, where the grid had taken back a part of the connection.
    CauseRow("slowed_curtailed", Kind.HELD, 30, 69, "#A8C686", "slowed by curtailment",
             "GPUs were slowed or paused while the grid curtailed the non-firm part of the connection",
             "more firm capacity, on-site generation, or work elsewhere during calls",
             relieved_by="power", slows_for="curtailed", pauses=True),
    CauseRow("serving_idle", Kind.HELD, 16, 30, "#C4E3F7", "replicas on standby",
             "inference replicas were ready beyond what demand required",
             "a higher target utilisation of the services",
             asked=False),
    CauseRow("serving_loading", Kind.HELD, 20, 32, "#DCC9EA", "replicas loading weights",
             "inference replicas loaded their weights",
             "faster loading, or replicas that start and stop less often",
             asked=False),
    CauseRow("serving_draining", Kind.HELD, 21, 34, "#8FB9D6", "replicas draining",
             "inference replicas that were stopping had free slots while their last requests finished",
             "shorter requests, or replicas that start and stop less often",
             asked=False),
    CauseRow("rejected_size", Kind.REJECTED, None, None, "", "jobs too large for any pool",
             "{who} need{s} {most} in one pool, and the largest{allowed} has {largest}",
             "one pool of {need}, or jobs of {largest} at most"),
    CauseRow("rejected_type", Kind.REJECTED, None, None, "", "no site has the GPU type",
             "{who} ask{s} for {kinds}, which no site has",
             "a pool of {kinds} with {need}, or jobs that may use other types"),
    CauseRow("rejected_residency", Kind.REJECTED, None, None, "", "no site allowed by residency",
             "{who} may run in {places} only, where no site has GPUs that {they} may use",
             "a pool of {need} in {places}, or a wider residency"),
    CauseRow("rejected_link", Kind.REJECTED, None, None, "", "no link to the data",
             "no link leads from {homes}, where {data} are, to GPUs that {they} may use",
             "a link from {homes} to a pool of {need}, or such a pool there"),
    CauseRow("rejected_queue", Kind.REJECTED, None, None, "", "queue full",
             "{who} arrived when the queue of {queue} was full",
             "a larger queue limit, or more GPUs", relieved_by="GPUs"),
    # All other idle causes are of GPUs that somebody asked for.
    CauseRow("idle_no_demand", Kind.IDLE, 4, 70, "#E3E3E3", "no demand",
             "GPUs were idle because nobody asked for them",
             "more demand",
             asked=False),
    CauseRow("idle_spare", Kind.IDLE, 25, 75, "#BFC8B0", "spare nodes",
             "nodes were kept spare to replace those that fail",
             "fewer spare nodes, or fewer failures",
             asked=False),
    CauseRow("serving", Kind.USEFUL, 17, 20, "#56B4E9", "serving",
             "GPUs served inference requests",
             ""),
    # Of services by requests: by what the steps of replicas were for.
    CauseRow("serving_prefill", Kind.USEFUL, 22, 22, "#2E7FB0", "serving, steps with prefill",
             "GPUs computed steps with prefill, and the tokens decoded in them",
             ""),
    CauseRow("serving_decode", Kind.USEFUL, 23, 24, "#8CCBEE", "serving, decode-only steps",
             "GPUs decoded tokens of inference requests",
             ""),
    CauseRow("training", Kind.USEFUL, 18, 10, "#0072B2", "training and batch",
             "GPUs ran training and batch jobs",
             ""),
)  # fmt: skip

WORDS = {row.name: row for row in CAUSES}
# From useful to absent. Figures of what GPUs were held for are sums in this order.
_LAYERS = [(row.layer, row) for row in CAUSES if row.layer is not None]
STACK = tuple(row for _layer, row in sorted(_LAYERS, key=lambda pair: pair[0]))
BUSY, RETIRED, RESERVED, FRAGMENTED = "busy", "retired", "idle_reserved", "idle_fragmented"
TRAINING = "training"
NOT_ENERGISED, DOWN, NO_DEMAND, CAPPED = "not_energised", "down", "idle_no_demand", "idle_rule"
# Causes that the books tell from those under which the engine books them.
BACKLOG, POWER_PLAN = "backlog", "power_plan"

USEFUL = tuple(row.name for row in STACK if row.kind is Kind.USEFUL)
HELD = tuple(row.name for row in STACK if row.kind in (Kind.USEFUL, Kind.HELD))  # by jobs and replicas
STALLED = tuple(row.name for row in STACK if row.kind is Kind.HELD and row.asked)  # asked for by jobs, and of no use
JOBS = (TRAINING, *STALLED)  # held by jobs
SLACK = tuple(row.name for row in CAUSES if not row.asked)
FREE = tuple(row.name for row in CAUSES if row.kind is Kind.IDLE and row.asked and row.name != FRAGMENTED)  # all of it
ABSENT = tuple(row.name for row in CAUSES if row.kind is Kind.ABSENT)
OFFLINE = tuple(row.name for row in CAUSES if row.until)
UNDELIVERED = tuple(row.name for row in CAUSES if row.until is Stage.DELIVERED)
# Absent GPUs that the engine counts, by what they have not come to: those that are nearest to being used first.
ABSENT_UNTIL = {
    stage: tuple(row.name for row in CAUSES if row.kind is Kind.ABSENT and row.until is stage and row.code is not None)
    for stage in (*reversed(Stage), None)
}
REJECTED = tuple(row.name for row in CAUSES if row.kind is Kind.REJECTED)

# Of limits on power: causes of waiting, what is booked for them of free GPUs, and of runs that they slowed.
LIMITS = {row.wait.name: row.wait.limit for row in CAUSES if row.wait and row.wait.limit}
IDLE_FOR_POWER = tuple(row.name for row in CAUSES if row.wait and row.wait.limit)
SLOWED_FOR = {row.slows_for: row.name for row in CAUSES if row.slows_for}
PAUSES = tuple(row.name for row in CAUSES if row.pauses)

# Causes of waiting, and the losses that they belong to. Of waiting for GPUs at work or absent, a part belongs to
# idle_reserved and idle_fragmented: as large as the part of what was asked for that were free, or was held unasked.
LOSS_OF_WAIT = {row.wait.name: row.name for row in CAUSES if row.wait}
LATE_FOR_WAIT = {
    row.wait.name: row.wait.late or ("power" if row.wait.limit else "no_gpu") for row in CAUSES if row.wait
}
# What free GPUs are booked under while somebody who waits asks for them, by turns.
IDLE_OF_WAIT = {
    wait.name: row.name if row.kind is Kind.IDLE else RESERVED
    for wait, row in sorted(((row.wait, row) for row in CAUSES if row.wait), key=lambda pair: pair[0].turn)
}


def relieved_by(resource: str) -> tuple[str, ...]:
    """Causes that more of a resource would relieve."""
    return tuple(row.name for row in CAUSES if row.relieved_by == resource)
