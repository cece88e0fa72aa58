"""The worked example of docs/traces.md does what it says."""

import re
from pathlib import Path

from gpusim.inputs.traces.source import Source

GUIDE = Path(__file__).parents[2] / "docs" / "traces.md"


def test_worked_example(tmp_path):
    names = {}
    exec(re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)[1], names)
    path = tmp_path / "job_info_df.csv"
    path.write_text(
        "job_name,organization,gpu_model,cpu_request,gpu_request,worker_num,submit_time,duration,job_type\n"
        "a,org1,H800,8,8,4,100,50,HP\nb,org2,A10,8,1,,40,60,Spot\n"
    )
    source = Source(path)
    assert names["mismatch_spot"](source) == ""
    table = names["read_spot"](source).table
    assert table["submit_s"].tolist() == [0.0, 60.0]
    assert table["gpus"].tolist() == [1, 32]
    assert table.labels("tenant").tolist() == ["org2", "org1"]
    assert table.notes["rows without workers, taken as one"] == 1


def test_hand_written_table(tmp_path):
    from gpusim.inputs.traces import read_trace

    blocks = re.findall(r"\n\n((?:    [^\n]*\n)+)\n", GUIDE.read_text(encoding="utf-8"))
    (lines,) = (block.splitlines() for block in blocks if "submit_s," in block)
    (tmp_path / "x").write_text("\n".join(line.strip() for line in lines))
    assert read_trace(tmp_path / "x").labels("tenant").tolist() == ["vision", "speech"]
