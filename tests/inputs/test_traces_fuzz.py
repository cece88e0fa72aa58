"""Whatever bytes a file has, it is read or refused by one ``TraceError``."""

import gzip
import re
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpusim.errors import TraceError
from gpusim.inputs.traces import describe, open_trace, own
from gpusim.report.trace_text import trace_text
from tests.inputs.trace_samples import SAMPLES, write

# What breaks readers: delimiters, quotes, line ends, signs, odd numbers, escapes, zero bytes, halves of UTF-8.
TOKENS = [
    b"", b",", b'"', b"'", b"\n", b"\r", b"\r\n", b"\0", b";", b"# ", b" ", b"\t", b"-", b"1e400", b"-1e308", b"nan",
    b"inf", b"9" * 25, b"0x10", b"1_0", b"None", b"null", b"{}", b"[]", b"[", b"}", b"true", b"\\ud800", b"\\u0000",
    b"\xff", b"\xc3", "\u2028\x0b٣".encode(), b"2017-13-45", b"0001-01-01 00:00:00", b"9999-12-31 23:59:59",
    b"+99:99", b"T", b"Z", b"PAR1", b"\x1f\x8b", b"\xef\xbb\xbf",
]  # fmt: skip
# What a damaged or careless program writes in place of a value.
VALUES = [
    "", "-1", "0", "-0.0", "0.5", "1e9", "3e9", "1e11", "1e17", "-1e17", "1e25", "1e308", "-1e308", "inf", "nan",
    "9223372036854775807", "9223372036854775808", "99999999999999999999", "1_000", "0x10", "1,5", "٣", "TRUE", "x",
    "null", "None", "2017", "2017-10-09", "2017-10-09T07:01:55.999999999Z", "2999-12-31 23:59:59+00:00",
    "1000-01-01 00:00:00-23:59",
    "2017-02-30 00:00:00", "Unknown", "\\ud800", "\\u0000", "[]", "{}",
]  # fmt: skip
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(TOKENS) | st.binary(max_size=3)),
    min_size=1,
    max_size=4,
)


def _mutate(data: bytes, edits) -> bytes:
    """Each edit replaces some bytes at a place (a share of the length) by a token."""
    for place, removed, token in edits:
        position = int(place * len(data))
        data = data[:position] + token + data[position + removed :]
    return data


def _read_or_refuse(path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            trace = open_trace(path)
        except TraceError:
            return
        assert len(trace.table) >= 1
        assert max(map(len, trace_text(describe(trace)).splitlines())) <= 100
        own.write(trace, path.with_name("out.csv"))
        again = open_trace(path.with_name("out.csv"))
        assert again.table.labels("tenant").tolist() == trace.table.labels("tenant").tolist()


@pytest.mark.parametrize("sample", SAMPLES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS, packed=st.booleans())
def test_mutated_text(tmp_path, sample, edits, packed):
    name, text = SAMPLES[sample]
    data = _mutate(text.encode(), edits)
    (tmp_path / name).write_bytes(gzip.compress(data) if packed else data)
    _read_or_refuse(tmp_path / name)


@pytest.mark.parametrize("sample", SAMPLES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(VALUES)), min_size=1, max_size=4))
def test_odd_values_in_cells(tmp_path, sample, edits):
    """Single cells, words and numbers are replaced: what remains has the shape of the format."""
    name, text = SAMPLES[sample]
    parts = re.split(r'([,\s"]+)', text)
    for cell, value in edits:
        parts[2 * cell % (len(parts) - 1)] = value
    (tmp_path / name).write_text("".join(parts), encoding="utf-8")
    _read_or_refuse(tmp_path / name)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS, flips=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(1, 255)), max_size=3))
def test_mutated_parquet(tmp_path, edits, flips):
    source = tmp_path / "good.parquet"
    if not source.exists():
        own.write(open_trace(write(tmp_path, "helios")), source)
    data = bytearray(source.read_bytes() if flips else _mutate(source.read_bytes(), edits))
    for place, flip in flips:
        data[int(place * len(data))] ^= flip
    (tmp_path / "x.parquet").write_bytes(data)
    _read_or_refuse(tmp_path / "x.parquet")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS)
def test_mutated_gzip(tmp_path, edits):
    (tmp_path / "x.gz").write_bytes(_mutate(gzip.compress(SAMPLES["philly table"][1].encode()), edits))
    _read_or_refuse(tmp_path / "x.gz")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    _read_or_refuse(tmp_path / "x")
