"""The policies that come with gpusim as tables for the terminal: rule, how they decide, source; then their options."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from gpusim.report.meanings import meaning
from gpusim.scenario import kinds
from gpusim.scenario.orders import ORDERS, How

WORKS = {
    How.QUEUE: "the queue: in events or cycles, with EASY or conservative backfill, with preemption by priority or by"
    " the order; jobs are sorted once, n log n; also, without conservative backfill and preemption by the order, with"
    " jobs that share GPUs (not fair_share) and nodes whose CPUs or memory are limited, which no others go with, but"
    " weighted_fair with the latter",
    How.GREEDY: "which jobs hold GPUs: in events or cycles; running preemptible jobs are preempted, at the cost of"
    " their checkpoints; no backfill: jobs that fit behind a blocked one start; a pass is linear in"
    " the jobs behind the first waiting one",
    How.ROUNDS: 'which jobs hold GPUs, or the queue, in Python: needs mode = "cycle"; a round is n log n in its jobs,'
    " times the sizes of a job under pollux, plus a linear programme of jobs x pools under gavel, an integer one of"
    " kinds of jobs x pools x sizes under sia, times the pools under mast, and their nodes with preempt",
}


def tables() -> tuple[Table, Table, Table]:
    """Policies; what each kind works with; options with their defaults."""
    overview = Table("order", "rule", "decides", "source", title="Policies: scheduler.order")
    for name, spec in ORDERS.items():
        overview.add_row(name, spec.rule, spec.how.value, spec.source)
    title = "All work with failures, power limits, quotas and services"
    works = Table("decides", "what, and under which conditions", title=title)
    for how, words in WORKS.items():
        works.add_row(how.value, words)
    options = Table("order", "option", "value", "default", "meaning", title="Options: scheduler.options")
    for name, spec in ORDERS.items():
        for key, field in spec.options.model_fields.items():
            value = kinds.in_words(kinds.of_field(field))
            default = "absent" if field.default is None else kinds.in_toml(field.default)
            if isinstance(field.default, list):
                default = str(field.default)
            words = " ".join(meaning(spec.options, key).replace("``", "").split())
            options.add_row(name, key, value, escape(default), escape(words))
    return overview, works, options
