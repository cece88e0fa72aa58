"""`gpusim pack`: from files to table, curves and figure; and what is said of files that cannot be read."""

import gzip

import pandas as pd
import pytest
from click.testing import CliRunner
from matplotlib.image import imread

from gpusim.cli import cli
from gpusim.errors import TraceError
from gpusim.inputs.pods import read_nodes, read_pods
from gpusim.report.packing import unfit
from gpusim.studies.packing.misfits import misfits

NODES = "sn,cpu_milli,memory_mib,gpu,model\nb,8000,4096,1,T4\na,16000,8192,2,V100\n"
PODS = (
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\np1,1000,10,1,500,\np0,2000,0,1,1000,T4|V100\np2,500,5,0,0,\n"
)


@pytest.fixture
def files(tmp_path):
    """Pods, gzip-ed, and nodes."""
    pods, nodes = tmp_path / "pods.csv.gz", tmp_path / "nodes.csv"
    pods.write_bytes(gzip.compress(PODS.encode()))
    nodes.write_text(NODES, encoding="utf-8")
    return str(pods), str(nodes)


def invoke(*arguments: str):
    return CliRunner().invoke(cli, ["pack", *arguments])


def test_files(files):
    """By name, whatever their order in the file."""
    pods, nodes = read_pods(files[0]), read_nodes(files[1])
    assert nodes.name.tolist() == ["a", "b"]
    assert (nodes.gpu_milli, nodes.model.tolist()) == (3000, ["V100", "T4"])
    assert pods.name.tolist() == ["p0", "p1", "p2"]
    assert pods.asked_milli.tolist() == [1000, 500, 0]
    assert pods.models.tolist() == ["T4|V100", "", ""]


def test_table_curves_and_figure(files, tmp_path):
    """What is printed is true of what is written."""
    out, figure = tmp_path / "curves.csv", tmp_path / "curves.png"
    done = invoke(*files, "--replications", "3", "--out", str(out), "--figure", str(figure))
    assert done.exit_code == 0, done.output
    assert "2 nodes with 3 GPUs. 3 pods (1 sharing a GPU, 1 without one)" in done.output
    table = pd.read_csv(out)
    assert set(table["policy"]) == {"random", "dot-product", "clustering", "packing", "best-fit", "fgd"}
    last = table[table["demand_percent"] == table["demand_percent"].max()]
    assert f"{last[last['policy'] == 'fgd']['allocated_percent'].mean():.2f}" in done.output
    assert imread(figure).std() > 0.01
    assert "exists already" in invoke(*files, "--out", str(out)).output


def test_one_replication(files):
    """No interval, and no claim that rests on one."""
    done = invoke(*files, "--replications", "1", "--policies", "fgd,random")
    assert done.exit_code == 0, done.output
    assert "±" not in done.output
    assert "interval" not in done.output


@pytest.mark.parametrize(
    ("reader", "text", "fault"),
    [
        (read_nodes, NODES.replace("T4", ""), "a node with GPUs needs a model (1x): line 2: 'b'"),
        (read_nodes, NODES.replace("\nb,", "\na,"), "column 'sn' must name each once (1x): line 3: 'a'"),
        (read_nodes, NODES.replace(",1,T4", ",99,T4"), "column 'gpu' must hold whole numbers from 0 to 62"),
        (read_nodes, "sn,cpu_milli,memory_mib,gpu\nc,1,1,0\n", "no node has a GPU"),
        (read_pods, PODS.replace("1,500", "2,500"), "must be 1 to 1000 of one GPU, and 1000 of several (1x): line 2"),
        (read_pods, PODS.replace("1,500", "1,x"), "column 'gpu_milli' must hold numbers (1x): line 2: 'x'"),
        (read_pods, PODS.replace("num_gpu", "num_gpus"), "column 'num_gpu' is missing (did you mean 'num_gpus'?)"),
        (read_pods, PODS.replace("1000,10", "-1,10"), "column 'cpu_milli' must hold whole numbers from 0 to 1e+12"),
    ],
)
def test_faults(tmp_path, reader, text, fault):
    """Where, what was found, what is allowed."""
    path = tmp_path / "file.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TraceError) as error:
        reader(path)
    assert fault in str(error.value)


def test_wrong_options(files):
    for arguments, said in (
        (["--policies", "fdg"], "no policy 'fdg' (did you mean 'fgd'?)"),
        (["--figure", "x.gif"], "--figure: x.gif: found '.gif'"),
        (["--demand", "1"], "less than the largest pod asks for"),
        (["--out", files[1], "--force"], "is an input of this command"),
    ):
        done = invoke(*files, *arguments)
        assert done.exit_code == 2
        assert said in done.output.replace("\n", " ")


def test_trace(files, tmp_path):
    """Pods by their times: what is printed, and a row per pod and policy."""
    path, out = tmp_path / "timed.csv", tmp_path / "played.csv"
    header, *rows = PODS.splitlines()
    times = ("creation_time,deletion_time,scheduled_time", "5,25,10", "5,15,", "6,8,7")
    lines = zip([header, *rows], times, strict=True)
    path.write_text("".join(f"{own},{time}\n" for own, time in lines), encoding="utf-8")
    done = CliRunner().invoke(cli, ["pack-trace", str(path), files[1], "--policies", "fgd,random", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "2 nodes with 3 GPUs, 3 pods." in done.output
    assert max(map(len, done.output.splitlines())) <= 80
    table = pd.read_csv(out)
    assert table["policy"].tolist() == ["fgd"] * 3 + ["random"] * 3
    ends = table[table["policy"] == "fgd"].set_index("name")["end_s"]
    assert ends.to_dict() == {"p0": 10.0, "p1": 15.0, "p2": 2.0}
    untimed = CliRunner().invoke(cli, ["pack-trace", *files])
    assert untimed.exit_code == 2
    assert "column 'creation_time' is missing" in untimed.output


def test_files_of_other_tools(tmp_path):
    """Names in capitals, "None" for any type; a cell that is no number is told once, and what stands in it."""
    path = tmp_path / "a.csv"
    head, _, rows = PODS.partition("\n")
    path.write_text(f"{head.upper()}\n{rows.replace('500,', '500,None', 1)}")
    assert read_pods(path).models.tolist() == ["T4|V100", "", ""]
    path.write_text(NODES.replace("8000", '"8,000"').replace(",8192", ","))
    with pytest.raises(TraceError) as error:
        read_nodes(path)
    told = "whole numbers from 0 to 1e+12 (1x): line 3: nothing"
    assert str(error.value).split("\n")[1:] == [
        "  - column 'cpu_milli' must hold numbers (1x): line 2: '8,000'",
        f"  - column 'memory_mib' must hold {told}",
    ]
    path.write_text("")
    with pytest.raises(TraceError, match="empty; expected nodes"):
        read_nodes(path)


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("gpu_milli", "1001", "column 'gpu_milli' must hold whole numbers from 0 to 1000 (1x): line 2: '1001.0'"),
        ("gpu_milli", "0.5", "column 'gpu_milli' must hold whole numbers from 0 to 1000 (1x): line 2: '0.5'"),
        ("gpu_milli", "-10", "column 'gpu_milli' must hold whole numbers from 0 to 1000 (1x): line 2: '-10.0'"),
        ("gpu_milli", "46%", "column 'gpu_milli' must hold numbers (1x): line 2: '46%'"),
        ("gpu_milli", "0", "column 'gpu_milli' must be 1 to 1000 of one GPU, and 1000 of several (1x): line 2: '0'"),
        ("num_gpu", "-1", "column 'num_gpu' must hold whole numbers from 0 to 62 (1x): line 2: '-1.0'"),
        ("num_gpu", "1.5", "column 'num_gpu' must hold whole numbers from 0 to 62 (1x): line 2: '1.5'"),
        ("num_gpu", "", "column 'num_gpu' must hold whole numbers from 0 to 62 (1x): line 2: nothing"),
        ("num_gpu", "inf", "column 'num_gpu' must hold numbers up to 1e+18 (1x): line 2: 'inf'"),
        ("cpu_milli", "0x10", "column 'cpu_milli' must hold numbers (1x): line 2: '0x10'"),
        ("memory_mib", "16Gi", "column 'memory_mib' must hold numbers (1x): line 2: '16Gi'"),
        ("name", " ", "column 'name' must name each once (1x): line 2: ''"),
        ("name", "p0 ", "column 'name' must name each once (1x): line 3: 'p0'"),
    ],
)
def test_one_wrong_cell_is_one_fault(tmp_path, column, cell, said):
    """Whatever else does not fit because of it."""
    path = tmp_path / "pods.csv"
    header, first, *others = PODS.splitlines()
    cells = dict(zip(header.split(","), first.split(","), strict=True)) | {column: cell}
    path.write_text("\n".join([header, ",".join(cells.values()), *others, ""]), encoding="utf-8")
    with pytest.raises(TraceError) as error:
        read_pods(path)
    assert str(error.value).split("\n")[1:] == [f"  - {said}"]


DAMAGED = {
    "utf-16": (lambda text: text.encode("utf-16"), "UTF-16 text; save it as UTF-8"),
    "latin-1": (lambda text: text.replace("p1", "p\xe4").encode("latin-1"), "line 2: not UTF-8 text (byte 0xe4)"),
    "a zero byte": (lambda text: text.replace("p1", "p\0").encode(), "binary data (a zero byte)"),
    "half of it": (lambda text: gzip.compress(text.encode())[:40], "damaged or cut-off gzip file"),
    "semicolons": (lambda text: text.replace(",", ";").encode(), "separated by semicolons: separate them by commas"),
    "no rows": (lambda text: text.partition("\n")[0].encode(), "no rows after the header line"),
    "a row too long": (lambda text: text.replace("500,\n", "500,,x\n", 1).encode(), "rows longer than the 6 columns"),
    "an open quote": (lambda text: text.replace("p0", '"p0').encode(), "a quoted cell runs over the end of its line"),
    "a column twice": (lambda text: text.replace("gpu_spec", "name").encode(), "column 'name' appears twice"),
    "nodes": (lambda _text: NODES.encode(), "column 'name' is missing"),
}


@pytest.mark.parametrize("how", DAMAGED)
def test_damaged_files(files, tmp_path, how):
    """What is wrong and with which file; no traceback."""
    damage, said = DAMAGED[how]
    path = tmp_path / "damaged.csv"
    path.write_bytes(damage(PODS))
    done = invoke(str(path), files[1])
    assert done.exit_code == 2, done.output
    assert isinstance(done.exception, SystemExit)
    assert "damaged.csv" in done.output
    assert said in " ".join(done.output.split())


@pytest.mark.parametrize("how", ["a byte order mark", "CRLF", "blank lines", "a comment"])
def test_files_that_are_only_unusual(files, tmp_path, how):
    """They are read as what they are."""
    path = tmp_path / "pods.csv"
    text = {
        "a byte order mark": "\ufeff" + PODS, "CRLF": PODS.replace("\n", "\r\n"), "blank lines": f"\n{PODS}\n\n",
        "a comment": f"# openb\n{PODS}",
    }[how]  # fmt: skip
    path.write_bytes(text.encode())
    found, plain = read_pods(path), read_pods(files[0])
    assert all((a == b).all() for a, b in zip(vars(found).values(), vars(plain).values(), strict=True))


def test_pods_that_fit_nowhere(tmp_path):
    """They are not silently dropped: how many, and which GPU types no node has."""
    nodes, pods = tmp_path / "nodes.csv", tmp_path / "pods.csv"
    nodes.write_text(NODES, encoding="utf-8")
    pods.write_text(PODS.replace("T4|V100", "v100|A10") + "p3,99000,5,0,0,\np4,1,1,1,9,T4|H999\n", encoding="utf-8")
    assert misfits(read_nodes(nodes), read_pods(pods)).tolist() == [True, False, False, True, False]
    said = unfit(read_nodes(nodes), read_pods(pods))
    assert said == (
        "2 pods of the file fit on no node, even an empty one. GPU types that no node has: 1 pod of v100|A10.\n"
    )
    pods.write_text(PODS.replace("T4|V100", "V10O"), encoding="utf-8")
    assert said.splitlines()[0] not in (found := unfit(read_nodes(nodes), read_pods(pods)))
    assert "1 pod of the file fits on no node" in found
    assert "1 pod of V10O (did you mean 'V100'?)" in found
    pods.write_text(PODS, encoding="utf-8")
    assert unfit(read_nodes(nodes), read_pods(pods)) == ""
    assert "fit on no node" not in invoke(str(pods), str(nodes), "--replications", "1").output
