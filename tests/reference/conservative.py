"""Conservative backfill: a reservation for every waiting job, in order."""

from __future__ import annotations

from gpusim.state import Placement
from tests.reference.placement import find
from tests.reference.world import Job, Node, Pool

Span = tuple[float, float, int]  # from, to [s], GPUs


class Plan:
    """What running jobs and reservations take of every node, as far as estimates know."""

    def __init__(self, pool: Pool, now: float):
        self.pool, self.now = pool, now
        self.spans: dict[Node, list[Span]] = {node: [] for node in pool.nodes if node.usable}
        for job in pool.running:
            self._take(job, job.nodes, now, job.expected_end_s(now))

    def earliest(self, job: Job, rule: Placement) -> tuple[float, list[Node]] | None:
        """Earliest start [s] and nodes of a job; None if the nodes that are on can never hold it."""
        length_s = self._window_s(job)
        ends = {end for spans in self.spans.values() for _begin, end, _gpus in spans if end > self.now}
        for start_s in sorted({self.now, *ends}):
            free = {node: node.size - self._peak(node, start_s, start_s + length_s) for node in self.spans}
            nodes = find(job, self.pool, free, rule)
            if nodes is not None:
                return start_s, nodes
        return None

    def reserve(self, job: Job, start_s: float, nodes: list[Node]) -> None:
        """Keep the nodes for the job's expected run."""
        self._take(job, nodes, start_s, start_s + self._window_s(job))

    def _window_s(self, job: Job) -> float:
        return max(job.expected_wall_s(self.pool), 1.0)

    def _take(self, job: Job, nodes: list[Node], start_s: float, end_s: float) -> None:
        for node in nodes:
            self.spans[node].append((start_s, end_s, job.on_node(self.pool.size)))

    def _peak(self, node: Node, start_s: float, end_s: float) -> int:
        """Most GPUs of a node taken at any time in [start, end)."""
        spans = self.spans[node]
        moments = {start_s, *(begin for begin, _end, _gpus in spans if start_s < begin < end_s)}
        return max(sum(gpus for begin, end, gpus in spans if begin <= t < end) for t in moments)
