"""Traces as they come from other tools: names in capitals, other separators, ids with gaps, clocks set back."""

import bz2
import gzip

import pandas as pd
import pytest

from gpusim.errors import TraceError
from gpusim.inputs.traces import open_trace
from tests.inputs.trace_samples import HELIOS, OPENB, PHILLY_LOG, PHILLY_TABLE, SAMPLES, SEREN


def _open(folder, text, name="trace.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_trace(path)


@pytest.mark.parametrize("sample", ["philly table", "helios", "seren", "kalos", "openb", "tiresias", "chronus", "own"])
def test_names_of_columns_in_capitals(tmp_path, sample):
    """As databases write them."""
    head, _, rows = SAMPLES[sample][1].partition("\n")
    known, found = _open(tmp_path, f"{head}\n{rows}"), _open(tmp_path, f"{head.upper()}\n{rows}")
    pd.testing.assert_frame_equal(found.table.to_frame(), known.table.to_frame())
    assert found.format == known.format
    assert found.table.notes["column names in capitals, read as lower case"] == head.count(",") + 1


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
@pytest.mark.parametrize("file", ["trace.csv", "cluster_log.csv"])
def test_other_separators(tmp_path, sign, name, file):
    with pytest.raises(TraceError, match=f"1 fault\n.*separated by {name}: separate them by commas"):
        _open(tmp_path, HELIOS.replace(",", sign), file)


def test_whole_numbers_written_with_a_point(tmp_path):
    """What pandas makes of ids once a table had gaps; with a gap or too large, rows are numbered."""
    note = "rows renumbered: not all job ids are whole numbers below 2^63"
    pointed = _open(tmp_path, HELIOS.replace("\n11,", "\n11.0,"))
    assert pointed.table["job_id"].tolist() == [11, 13, 14, 15]
    assert note not in pointed.table.notes
    for text in ("", "99999999999999999999"):
        assert _open(tmp_path, HELIOS.replace("\n11,", f"\n{text},")).table.notes[note] == 5


def test_a_duration_that_is_not_there_is_end_minus_start(tmp_path):
    for text, kept in ((HELIOS, [600.0, 5.0, 60.0]), (SEREN, [3600.0, 2.0])):
        rows = [line.split(",") for line in text.strip().split("\n")]
        at = rows[0].index("duration")
        shorter = "\n".join(",".join(row[:at] + row[at + 1 :]) for row in rows)
        assert _open(tmp_path, shorter).table["runtime_s"].tolist() == kept


def test_offsets_of_whole_hours_are_zones(tmp_path):
    """ISO 8601 lets +08 stand for +08:00: no time without a zone."""
    found = _open(tmp_path, SEREN.replace("+08:00", "+08"))
    assert found.table["submit_s"].tolist() == _open(tmp_path, SEREN).table["submit_s"].tolist()
    assert not any("without a zone" in note for note in found.table.notes)


def test_an_attempt_over_the_hour_that_clocks_are_set_back(tmp_path):
    """It ends before it starts; the other attempt of the job, of 120 s, still counts."""
    found = _open(
        tmp_path, PHILLY_LOG.replace('"end_time": "2017-10-07 01:02:00"', '"end_time": "2017-10-07 00:02:00"')
    )
    assert found.table["runtime_s"].tolist() == [120.0, 5.0]
    assert found.table.notes["attempts that end before they start left out of the runtime"] == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PHILLY_TABLE.replace("11cb48", '"11cb48'), "a quoted cell runs over the end of its line.* line 2: "),
        (PHILLY_TABLE.replace("11cb48", '"11\ncb48"'), "a quoted cell runs over .*line 2: .*, line 3: 'cb48\"'"),
        (
            "job_id,submit_s,runtime_s,gpus\na,0,1,1\n2,0,1,1\n",
            r"whole numbers of at most 18 digits \(1x\): line 2: 'a'",
        ),
        ("job_id,submit_s,runtime_s,gpus\n18446744073709551615,0,1,1\n", "'job_id' must hold whole numbers .* line 2"),
        (OPENB.replace(",460,", ",1460,"), "'gpu_milli' must hold numbers from 0 to 1000 .*line 3: '1460.0'"),
        (OPENB.replace("deletion_time", "ends"), "column 'deletion_time' is missing; give both"),
        (HELIOS.encode("utf-16"), "UTF-16 text; save it as UTF-8"),
        (bz2.compress(HELIOS.encode()), "a bzip2 file; unpack it, or pack it with gzip"),
        (gzip.compress(gzip.compress(HELIOS.encode())), "packed twice with gzip"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "a pointer of Git LFS"),
        (HELIOS.replace("u1", "ü").encode("latin-1"), "line 2: not UTF-8 text .* save text as UTF-8"),
        ("start,gpu\n1,2\n", "is read with a map of them, say --map num_gpus=gpus"),
    ],
)
def test_one_clear_error(tmp_path, text, told):
    with pytest.raises(TraceError, match=told):
        _open(tmp_path, text)
