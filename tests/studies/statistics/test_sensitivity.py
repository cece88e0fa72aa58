"""Sensitivity of known functions: Ishigami's, linear ones, and outputs that depend on nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from SALib.analyze import morris as salib_morris

from gpusim.errors import StatisticsError
from gpusim.scenario.scenario import Scenario
from gpusim.studies.statistics.indices import elementary_effects, regression, replication_noise, variance_shares
from gpusim.studies.statistics.intervals import mean_interval, paired_interval
from gpusim.studies.statistics.sensitivity import sensitivity
from gpusim.studies.sweeps.design import points
from gpusim.studies.sweeps.spec import SweepSpec

Function = Callable[..., np.ndarray]
RANDOM = np.random.default_rng(5)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep") / "fleet.toml"
    path.write_text(Scenario.starter(), encoding="utf-8")
    return path


def uniform(low: float, high: float, **keys: object) -> dict:
    return {"key": "sites.*.grid_mw", "how": "add", "range": [low, high], **keys}


def played(
    fleet: Path, kind: str, axes: dict, function: Function, replications: int = 1, noise: float = 0.0, **design: object
) -> tuple[SweepSpec, pd.DataFrame]:
    """A sweep and its table of runs, whose measure is a function of the axes, and noise."""
    keys = {name: {**axis, "key": f"a.{name}"} if "cases" not in axis else axis for name, axis in axes.items()}
    data = {"scenario": str(fleet), "replications": replications, "axes": keys, "design": {"kind": kind, **design}}
    spec = SweepSpec.from_dict(data)
    table = points(spec).reset_index()
    values = function(*(table[name].to_numpy() for name in axes))
    runs = [
        table.assign(replication=r, goodput=values + noise * RANDOM.standard_normal(len(table)))
        for r in range(replications)
    ]
    return spec, pd.concat(runs, ignore_index=True)


def of(found: pd.DataFrame, index: str) -> pd.DataFrame:
    return found[found["index"] == index].set_index("axis")


def covered(rows: pd.DataFrame, known: list[float], times: float = 1.0) -> np.ndarray:
    """Whether the known values are within the intervals, or that many times their half widths."""
    half = (rows["high"] - rows["low"]) / 2.0
    return (np.abs(rows["value"] - known) <= times * half + 1e-9).to_numpy()


PI3 = {name: uniform(-np.pi, np.pi) for name in ("x1", "x2", "x3")}


def ishigami(x1: np.ndarray, x2: np.ndarray, x3: np.ndarray) -> np.ndarray:
    return np.sin(x1) + 7.0 * np.sin(x2) ** 2 + 0.1 * x3**4 * np.sin(x1)


# Of a = 7, b = 0.1 (Ishigami and Homma 1990; closed form in Saltelli et al. 2008, section 4.5).
_V1, _V2, _V13 = 0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2, 7.0**2 / 8, 0.01 * np.pi**8 * (1 / 18 - 1 / 50)
ISHIGAMI = {
    "S1": np.array([_V1, _V2, 0.0]) / (_V1 + _V2 + _V13),
    "ST": np.array([_V1 + _V13, _V2, _V13]) / (_V1 + _V2 + _V13),
}


def test_sobol_of_ishigami(fleet: Path) -> None:
    found = sensitivity(*played(fleet, "sobol", PI3, ishigami, samples=1024), "goodput")
    for index, known in ISHIGAMI.items():
        rows = of(found, index)
        assert covered(rows, known).all()
        assert ((rows["high"] - rows["low"]) < 0.25).all()
    assert np.isnan(of(found, "noise").loc["", "value"])  # of one replication


def test_sobol_intervals_cover_at_their_rate(fleet: Path) -> None:
    """95% intervals, 40 designs x 6 indices: 228 expected; 214 is three binomial standard deviations below."""
    hits = 0
    for seed in range(40):
        found = sensitivity(*played(fleet, "sobol", PI3, ishigami, samples=256, seed=seed), "goodput")
        hits += sum(covered(of(found, index), known).sum() for index, known in ISHIGAMI.items())
    assert 214 <= hits <= 240


def test_sobol_of_outputs_that_depend_on_nothing(fleet: Path) -> None:
    """Permuted outputs: no axis brings anything alone, whatever it seemed to do before."""
    spec, table = played(fleet, "sobol", PI3, ishigami, samples=512)
    before = of(sensitivity(spec, table, "goodput"), "S1")
    assert not covered(before.loc[["x1", "x2"]], [0.0, 0.0]).any()
    shuffled = table.assign(goodput=RANDOM.permutation(table["goodput"]))
    assert covered(of(sensitivity(spec, shuffled, "goodput"), "S1"), [0.0, 0.0, 0.0], times=1.5).all()


def test_a_failed_point_takes_its_block_with_it(fleet: Path) -> None:
    spec, table = played(fleet, "sobol", PI3, ishigami, samples=256)
    lost = table[table["point"] != 7]
    rest = table[table["point"] // 5 != 1]
    assert sensitivity(spec, lost, "goodput").equals(sensitivity(spec, rest, "goodput"))
    with pytest.raises(StatisticsError, match="1 of 256 blocks of points have the measure; 2 or more are needed"):
        sensitivity(spec, table.head(5), "goodput")


def test_an_output_that_never_changes(fleet: Path) -> None:
    for kind in ("sobol", "grid", "latin_hypercube"):
        found = sensitivity(*played(fleet, kind, PI3, lambda x1, x2, x3: 0.3 + 0.0 * x1), "goodput")
        assert found.loc[found["axis"] != "", "value"].isna().all()


MIXED = {
    "size": uniform(0.0, 10.0),
    "rate": uniform(0.1, 1000.0, log=True),
    "policy": {"cases": {"a": {"scheduler.order": "fifo"}, "b": {"scheduler.order": "sjf"}}},
    "idle": uniform(-1.0, 1.0),
}


def mixed(size: np.ndarray, rate: np.ndarray, policy: np.ndarray, idle: np.ndarray) -> np.ndarray:
    """Across its range: size 20, rate (which goes by its logarithm) -8, policy 3, idle 0."""
    return 2.0 * size - 2.0 * np.log10(rate) + 3.0 * (policy == "b") + 0.0 * idle


def test_morris_of_a_linear_function(fleet: Path) -> None:
    found = sensitivity(*played(fleet, "morris", MIXED, mixed, samples=10), "goodput")
    assert of(found, "mu_star")["value"].to_numpy() == pytest.approx([20.0, 8.0, 3.0, 0.0], abs=1e-6)
    assert of(found, "mu")["value"].to_numpy() == pytest.approx([20.0, -8.0, 3.0, 0.0], abs=1e-6)
    assert of(found, "sigma")["value"].to_numpy() == pytest.approx(0.0, abs=1e-6)
    assert covered(of(found, "mu_star"), [20.0, 8.0, 3.0, 0.0], times=1.0 + 1e-3).any()


def test_morris_of_rounded_numbers(fleet: Path) -> None:
    """Steps are as long as they are, and an axis that did not move has no effect."""
    axes = {"gpus": uniform(0.0, 40.0, multiple=8), "few": uniform(0.0, 10.0, multiple=10)}
    found = sensitivity(*played(fleet, "morris", axes, lambda gpus, few: gpus + few, samples=20), "goodput")
    assert of(found, "mu_star")["value"].to_numpy() == pytest.approx([40.0, 10.0])


def test_morris_agrees_with_salib(fleet: Path) -> None:
    axes = {name: uniform(0.0, 1.0) for name in ("a", "b", "c")}
    spec, table = played(fleet, "morris", axes, lambda a, b, c: np.exp(a) + a * b - c**2, samples=30)
    problem = {"num_vars": 3, "names": list(axes), "bounds": [[0.0, 1.0]] * 3}
    theirs = salib_morris.analyze(
        problem, table[list(axes)].to_numpy(), table["goodput"].to_numpy(), num_resamples=2000, seed=1
    )
    ours = sensitivity(spec, table, "goodput")
    for index in ("mu_star", "mu", "sigma"):
        assert of(ours, index)["value"].to_numpy() == pytest.approx(np.asarray(theirs[index], dtype=float))
    half = (of(ours, "mu_star")["high"] - of(ours, "mu_star")["value"]).to_numpy()
    assert half == pytest.approx(np.asarray(theirs["mu_star_conf"], dtype=float), rel=0.3)


def test_elementary_effects_of_one_trajectory() -> None:
    moves = np.array([[[0.0, 0.5], [-0.25, 0.0]]])
    assert elementary_effects(np.array([[1.0, 3.0, 2.0]]), moves).tolist() == [[4.0, 4.0]]
    assert elementary_effects(np.array([[1.0, 1.0, 2.0]]), np.zeros((1, 2, 2))).tolist() == [[0.0, 0.0]]


def test_regression_of_a_linear_function(fleet: Path) -> None:
    spec, table = played(fleet, "latin_hypercube", MIXED, mixed, samples=400, replications=2, noise=1.0)
    found = sensitivity(spec, table, "goodput")
    sd = np.array([20.0 / 12**0.5, 8.0 / 12**0.5, 3.0 / 2, 0.0])
    assert covered(of(found, "src"), [1, -1, 1, 1] * sd / np.hypot(np.linalg.norm(sd), 0.5**0.5), times=1.5).all()
    assert not covered(of(found, "src").iloc[:3], [0.0] * 3).any()
    assert covered(of(found, "src").iloc[3:], [0.0], times=1.5).all()
    assert of(found, "r2").loc["", "value"] == pytest.approx(1 - 0.5 / (np.sum(sd**2) + 0.5), abs=0.01)
    assert of(found, "noise").loc["", "value"] == pytest.approx(0.5 / (np.sum(sd**2) + 0.5), rel=0.3)


def test_regression_is_that_of_a_plain_fit() -> None:
    x, y = RANDOM.random((50, 2)), RANDOM.random(50)
    found, explained = regression([x[:, :1], x[:, 1:]], y, 0.95, RANDOM)
    alone, r2 = regression([x[:, :1]], y, 0.95, RANDOM)
    assert alone.value[0] == pytest.approx(np.corrcoef(x[:, 0], y)[0, 1])
    assert r2 == pytest.approx(alone.value[0] ** 2)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    assert found.value == pytest.approx(np.linalg.solve(z.T @ z, z.T @ ((y - y.mean()) / y.std())))
    assert explained > r2


def test_axes_that_always_change_together(fleet: Path) -> None:
    axes = {name: uniform(0.0, 1.0, range=[], values=[0, 1, 2, 3]) for name in ("a", "b")}
    spec, table = played(fleet, "list", axes, lambda a, b: a + b)
    with pytest.raises(StatisticsError, match="cannot be told apart"):
        sensitivity(spec, table, "goodput")
    with pytest.raises(StatisticsError, match="2 points with the measure; the axes need 4 or more"):
        sensitivity(spec, table.head(2), "goodput")


def test_shares_of_a_grid(fleet: Path) -> None:
    """a + b * c on levels -1, 0, 1: a has 3/5 of the variance (2/3 of 2/3 + 4/9), b and c the rest, together only."""
    axes = {name: uniform(-1.0, 1.0, range=[], values=[-1, 0, 1]) for name in ("a", "b", "c")}
    spec, table = played(fleet, "grid", axes, lambda a, b, c: a + b * c, replications=4, noise=1e-6)
    found = sensitivity(spec, table, "goodput")
    assert of(found, "S1")["value"].to_numpy() == pytest.approx([0.6, 0.0, 0.0], abs=1e-4)
    assert of(found, "ST")["value"].to_numpy() == pytest.approx([0.6, 0.4, 0.4], abs=1e-4)
    incomplete = sensitivity(spec, table[table["point"] != 4], "goodput")
    assert set(incomplete["index"]) == {"src", "r2", "noise"}


def test_shares_of_one_replication_have_no_interval() -> None:
    found = variance_shares(RANDOM.random((3, 2, 1)), 0.95, RANDOM)
    assert np.isinf(found["S1"].half_width).all()


def test_one_at_a_time_has_paired_intervals(fleet: Path) -> None:
    axes = {name: {**MIXED[name], "base": base} for name, base in (("size", 0), ("policy", "a"), ("idle", 0))}
    spec, table = played(
        fleet, "one_at_a_time", axes, lambda size, policy, idle: 2.0 * size + 3.0 * (policy == "b"), 5, noise=1.0
    )
    luck = table["replication"].map(dict(enumerate(1000.0 * RANDOM.standard_normal(5))))
    found = sensitivity(spec, table.assign(goodput=table["goodput"] + luck), "goodput")
    differences = found[~found["axis"].isin([""])]
    assert list(differences[["axis", "index", "at"]].itertuples(index=False, name=None)) == [
        ("size", "high", "10"), ("policy", "case", "b"), ("idle", "low", "-1"), ("idle", "high", "1"),
    ]  # fmt: skip
    assert covered(differences, [20.0, 3.0, 0.0, 0.0], times=2.0).all()
    assert ((differences["high"] - differences["low"]) < 10.0).all()  # a replication's luck is common to its points
    by = table.assign(goodput=table["goodput"] + luck).pivot(index="point", columns="replication", values="goodput")
    wanted = paired_interval(by.loc[0], by.loc[2])
    assert differences.iloc[1][["value", "low", "high"]].tolist() == pytest.approx(list(wanted[:3]))
    base = mean_interval(by.loc[0])
    assert of(found, "base").loc["", ["value", "low", "high"]].tolist() == pytest.approx(list(base[:3]))


def test_noise_of_replications_leaves_out_what_all_points_share() -> None:
    noise = RANDOM.standard_normal((200, 10))
    common = 100.0 * RANDOM.standard_normal(10)
    assert replication_noise(noise + common) == pytest.approx(1.0, abs=0.2)
    effect = 3.0 * RANDOM.standard_normal(200)
    assert replication_noise(effect[:, None] + noise + common) == pytest.approx(0.1 / 9.1, rel=0.3)
    assert np.isnan(replication_noise(noise[:, :1]))


def test_what_cannot_be_analysed(fleet: Path) -> None:
    spec, table = played(fleet, "sobol", PI3, ishigami, samples=8)
    with pytest.raises(StatisticsError, match=r"no measure 'goodputt' \(did you mean 'goodput'\?\)"):
        sensitivity(spec, table, "goodputt")
    table.loc[3, "goodput"] = np.inf
    with pytest.raises(StatisticsError, match="goodput: infinite at 1 of 40 points, point 3 first"):
        sensitivity(spec, table, "goodput")


def test_the_same_every_time(fleet: Path) -> None:
    spec, table = played(fleet, "sobol", PI3, ishigami, samples=64)
    np.random.seed(1)  # noqa: NPY002  a library that drew from it would show
    first = sensitivity(spec, table, "goodput")
    assert sensitivity(spec, table.sample(frac=1.0, random_state=1), "goodput").equals(first)
