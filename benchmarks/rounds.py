"""Is this tree slower than another? Rounds of old and new by turns: ``make bench BASE=REVISION``.

Both trees are timed in every round, in alternating order, each in a process of its own: a machine that is busy for a
while is so for both. A case that takes more than 10% longer in four of five rounds is slower: exit status 1.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SLOWER = 1.1  # new over old
ROUNDS = 5
OF_ROUNDS = 0.8  # in which it must be so


def tree_of(revision: str) -> Path:
    """A folder with the files of a revision; the same one when asked again, with the kernels that it has compiled."""
    asked = ["git", "rev-parse", "--short", "--verify", "--quiet", f"{revision}^{{commit}}"]
    found = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        sys.exit(f"BASE={revision}: no such revision; give a branch, tag or commit")
    folder = ROOT / "out" / "bench" / found.stdout.strip()
    if not folder.is_dir():
        folder.mkdir(parents=True)
        packed = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=True)
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
            files.extractall(folder, filter="data")
        # Kernels of the same sources need no second compilation.
        for kept in ROOT.glob("gpusim/**/__pycache__/*.nb[ci]"):
            cache = folder / kept.relative_to(ROOT)
            if cache.parent.parent.is_dir():
                cache.parent.mkdir(exist_ok=True)
                shutil.copyfile(kept, cache)
    return folder


def measured(tree: Path, days: float) -> dict[str, float]:
    """[s] by case; cases that a tree cannot run are not there."""
    cases = Path(__file__).with_name("cases.py")
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, cases, str(days)], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{tree}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def slower(old: list[float], new: list[float]) -> bool:
    """Whether a case takes over 10% longer in four of five rounds."""
    worse = sum(after > SLOWER * before for before, after in zip(old, new, strict=True))
    return worse >= math.ceil(OF_ROUNDS * len(old))


def told(name: str, old: list[float], new: list[float]) -> str:
    """A line of the table."""
    ratios = sorted(after / before for before, after in zip(old, new, strict=True))
    verdict = "SLOWER" if slower(old, new) else ""
    return (
        f"{name:10} {min(old):9.3f} s {min(new):9.3f} s   x {ratios[len(ratios) // 2]:.2f}"
        f"  ({ratios[0]:.2f} to {ratios[-1]:.2f})  {verdict}"
    ).rstrip()


def main(arguments: list[str] | None = None) -> int:
    """Time both trees, print a line per case; 1 if one is slower."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", help="revision to compare with")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--days", type=float, default=1.0, help="scale of the cases (default: 1)")
    given = parser.parse_args(arguments)
    trees = {"old": tree_of(given.base), "new": ROOT}
    for tree in trees.values():  # compiled before the first round
        measured(tree, 0.1 * given.days)
    rounds: dict[str, list[dict[str, float]]] = {"old": [], "new": []}
    for i in range(given.rounds):
        for which in ("old", "new") if i % 2 == 0 else ("new", "old"):
            rounds[which].append(measured(trees[which], given.days))
    print(
        f"{'case':10} {given.base[:9]:>11} {'this tree':>11}   ratio, median of {given.rounds} rounds (least to most)"
    )
    times = {
        name: [[one[name] for one in rounds[which]] for which in ("old", "new")]
        for name in rounds["new"][0]
        if name in rounds["old"][0]
    }
    for name, (old, new) in times.items():
        print(told(name, old, new))
    return int(any(slower(*pair) for pair in times.values()))


if __name__ == "__main__":
    sys.exit(main())
