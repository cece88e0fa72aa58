"""Pods on shared GPUs in plain Python: every policy by its formula, fragments by their definition."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from gpusim.inputs.pods import Nodes, Pods
from gpusim.inputs.typical import Typical


@dataclass
class Pod:
    cpu: int
    memory: int
    gpus: int
    milli: int
    models: list[str]

    @property
    def shares(self) -> bool:
        return self.gpus == 1 and self.milli < 1000

    @property
    def kind(self) -> str:
        return "share" if self.shares else f"{self.gpus}-gpu"


@dataclass
class Node:
    cpu: int
    memory: int
    model: str
    gpus: list[int]
    kinds: dict[str, int] = field(default_factory=dict)

    def fits(self, pod: Pod) -> bool:
        if pod.cpu > self.cpu or pod.memory > self.memory:
            return False
        return pod.gpus == 0 or self.will_do(pod)

    def will_do(self, pod: Pod) -> bool:
        """Whether type and GPUs suffice."""
        if pod.models and self.model not in pod.models:
            return False
        return sum(free >= pod.milli for free in self.gpus) >= pod.gpus


def pods_of(pods: Pods | Typical) -> list[Pod]:
    memory = getattr(pods, "memory_mib", np.zeros(len(pods.cpu_milli), int))
    columns = (pods.cpu_milli, memory, pods.gpus, pods.gpu_milli)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        Pod(*row, [name for name in models.split("|") if name and row[2]])
        for row, models in zip(rows, pods.models, strict=True)
    ]


class Cluster:
    """Nodes in the order in which ties are broken, and what is typical."""

    def __init__(self, nodes: Nodes, typical: Typical, policy: str):
        rows = zip(nodes.cpu_milli.tolist(), nodes.memory_mib.tolist(), nodes.model, nodes.gpus.tolist(), strict=True)
        self.nodes = [Node(cpu, memory, model, [1000] * gpus) for cpu, memory, model, gpus in rows]
        self.most_cpu, self.most_gpu = int(nodes.cpu_milli.max()), 1000 * int(nodes.gpus.max())
        self.typical = list(zip(pods_of(typical), typical.pods.tolist(), strict=True))
        self.counted = int(typical.pods.sum())
        self.policy = policy

    def fragment(self, node: Node) -> int:
        """GPU thousandths that typical pods cannot use, times pods counted."""
        total = 0
        for pod, count in self.typical:
            if pod.gpus == 0 or node.cpu < pod.cpu or not node.will_do(pod):
                total += count * sum(node.gpus)
            else:
                total += count * sum(free for free in node.gpus if free < pod.milli)
        return total

    def gain(self, node: Node, pod: Pod, gpus: list[int]) -> int:
        after = Node(node.cpu - pod.cpu, node.memory, node.model, list(node.gpus))
        for g in gpus:
            after.gpus[g] -= pod.milli
        less = self.fragment(node) - self.fragment(after)
        return int(100.0 / (1.0 + math.exp(-less / (self.counted * 1000.0))))

    def score(self, node: Node, pod: Pod) -> int:
        free, asked = sum(node.gpus), pod.gpus * pod.milli
        if self.policy == "fgd":
            return max(self.gain(node, pod, gpus) for gpus in self.choices(node, pod))
        if self.policy == "best-fit":
            cpu, gpu = (node.cpu - pod.cpu) / self.most_cpu, (free - asked) / self.most_gpu
            return int((1.0 - (cpu * 0.5 + gpu * 0.5)) * 100.0)
        if self.policy == "dot-product":
            cpu = node.cpu / self.most_cpu * (pod.cpu / self.most_cpu)
            gpu = free / self.most_gpu * (asked / self.most_gpu)
            return int(100.0 * (1.0 - (cpu + gpu) / 2.0))
        if pod.gpus == 0 or self.policy == "random":
            return 0
        if self.policy == "clustering":
            fuller = 25 * (self.most_gpu - free) // self.most_gpu
            if node.kinds.get(pod.kind):
                return fuller + (75 if len(node.kinds) == 1 else 50)
            return fuller + (0 if node.kinds else 25)
        if all(left == 1000 for left in node.gpus):
            return max(33 - len(node.gpus), len(node.gpus))
        used = sorted(left for left in node.gpus if left >= pod.milli)[: pod.gpus]
        idle = sum(left == 1000 for left in used)
        return max(50 - idle, 33) if idle else 100 - sum(left * 100 // 1000 for left in used) // 10

    def choices(self, node: Node, pod: Pod) -> list[list[int]]:
        """GPUs that a pod may get: one of several if it shares one."""
        enough = [g for g, left in enumerate(node.gpus) if left >= pod.milli]
        return [[g] for g in enough] if pod.shares else [enough[: pod.gpus]]

    def gpus(self, node: Node, pod: Pod, draw: float) -> list[int]:
        choices = self.choices(node, pod)
        if not pod.shares:
            return choices[0]
        if self.policy == "random":
            return choices[int(draw * len(choices))]
        if self.policy == "fgd":
            return max(choices, key=lambda gpus: self.gain(node, pod, gpus))
        return min(choices, key=lambda gpus: node.gpus[gpus[0]])

    def place(self, pod: Pod, node_draw: float, gpu_draw: float) -> tuple[int, list[int]]:
        """Node and GPUs of a pod, which takes them; -1 if it fits nowhere."""
        fit = [n for n, node in enumerate(self.nodes) if node.fits(pod)]
        if not fit:
            return -1, []
        if self.policy == "random":
            at = fit[int(node_draw * len(fit))]
        else:
            at = max(fit, key=lambda n: self.score(self.nodes[n], pod))
        node = self.nodes[at]
        gpus = self.gpus(node, pod, gpu_draw) if pod.gpus else []
        self.move(pod, at, gpus, 1)
        return at, gpus

    def move(self, pod: Pod, at: int, gpus: list[int], way: int) -> None:
        node = self.nodes[at]
        node.cpu -= way * pod.cpu
        node.memory -= way * pod.memory
        for g in gpus:
            node.gpus[g] -= way * pod.milli
        if gpus:
            node.kinds[pod.kind] = node.kinds.get(pod.kind, 0) + way
            if node.kinds[pod.kind] == 0:
                del node.kinds[pod.kind]


def play(cluster: Cluster, pods: list[Pod], submit_s: list[float], runtime_s: list[float], draws: np.ndarray) -> dict:
    """Pods that come and go: start and place of each, and GPU thousandths in use, waited for and in fragments x s."""
    starts, places = [math.nan] * len(pods), [(-1, [])] * len(pods)
    waiting, running, coming = [], [], list(range(len(pods)))
    sums, now = np.zeros(3), 0.0
    while coming or running:
        moment = min([end for end, _ in running] + [submit_s[p] for p in coming[:1]])
        used = sum(pods[p].gpus * pods[p].milli for _, p in running)
        asked = sum(pods[p].gpus * pods[p].milli for p in waiting)
        sums += (
            bool(coming)
            * (moment - now)
            * np.array([used, asked, sum(cluster.fragment(node) for node in cluster.nodes)])
        )
        now = moment
        for end, p in sorted(running):
            if end <= now:
                running.remove((end, p))
                cluster.move(pods[p], *places[p], -1)
        while coming and submit_s[coming[0]] <= now:
            waiting.append(coming.pop(0))
        for p in list(waiting):
            places[p] = cluster.place(pods[p], *draws[p])
            if places[p][0] >= 0:
                waiting.remove(p)
                starts[p] = now
                running.append((now + runtime_s[p], p))
    return {"starts": starts, "places": places, "sums": sums}
