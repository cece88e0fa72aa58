"""The page of a folder from a server on this machine: ranges of files, answers, who may ask, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode

import pandas as pd
import pytest
from click.testing import CliRunner

from gpusim.cli import cli
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.report.served.site import serve
from gpusim.units import DAY_S
from tests.results.kit import fleet


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = fleet(2, 48)
    path = made.save(tmp_path_factory.mktemp("served") / "run")
    write(Findings(made), path / "report.html")
    return path


@pytest.fixture(scope="module")
def server(folder):
    with serve(folder, Findings(fleet(2, 48)), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def ask(server, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def asked(server, path: str, **query: object) -> dict:
    answer, content = ask(server, f"{path}?{urlencode(query, doseq=True)}")
    assert answer.status == 200
    return json.loads(content)


def test_the_report_knows_that_it_is_served(server, folder):
    answer, content = ask(server, "/")
    assert answer.status == 200
    assert content.count(b'<meta name="served" content="/tables/jobs">') == 1
    assert ask(server, "/report.html")[1] == (folder / "report.html").read_bytes()


@pytest.mark.parametrize(("asked_for", "slice_"), [
    ("bytes=0-3", slice(0, 4)), ("bytes=10-", slice(10, None)), ("bytes=-8", slice(-8, None)),
    ("bytes=4-99999999", slice(4, None)),
])  # fmt: skip
def test_files_are_served_by_ranges(server, folder, asked_for, slice_):
    whole = (folder / "jobs.parquet").read_bytes()
    answer, content = ask(server, "/jobs.parquet", Range=asked_for)
    assert (answer.status, content) == (206, whole[slice_])
    first = len(whole) - len(content) if slice_.stop is None else 0
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(content) - 1}/{len(whole)}"


def test_files_as_a_whole_and_ranges_that_there_are_not(server, folder):
    whole = (folder / "jobs.parquet").read_bytes()
    for header in ("", "bytes=0-1,4-5", "lines=1-2"):
        answer, content = ask(server, "/jobs.parquet", **({"Range": header} if header else {}))
        assert (answer.status, content) == (200, whole)
    assert ask(server, "/jobs.parquet", Range=f"bytes={len(whole)}-")[0].status == 416
    answer, content = ask(server, "/jobs.parquet", "HEAD")
    assert (answer.headers["Content-Length"], content) == (str(len(whole)), b"")


def test_lanes_of_a_window_have_all_of_its_jobs(server):
    jobs = fleet(2, 48).jobs
    end_day = 600.0 / DAY_S
    found = asked(server, "/lanes", pool="site-01 H100", **{"from": 0, "to": end_day})
    inside = jobs[(jobs["site"] == "site-01") & (jobs["start_s"] < 600.0)]
    assert len(found["rows"]) == len(inside) > 0
    assert found["said"] == f"{len(inside)} jobs"
    assert asked(server, "/lanes", pool="site-01 H100", tenant="nobody", **{"from": 0, "to": 1})["rows"] == []


def test_rows_are_sorted_and_searched(server):
    pools = fleet(2, 48).tables["pools"]
    query = {"table": "pools", "draw": 3, "start": 0, "length": 5, "search[value]": "SITE-01",
             "order[0][column]": list(pools.columns).index("start_s"), "order[0][dir]": "desc"}  # fmt: skip
    found = asked(server, "/rows", **query)
    assert (found["draw"], found["recordsTotal"], found["recordsFiltered"]) == (3, len(pools), len(pools) // 2)
    rows = pd.DataFrame(found["data"], columns=pools.columns)
    assert set(rows["site"]) == {"site-01"}
    assert rows["start_s"].astype(float).tolist() == [3600.0 * hour for hour in range(47, 42, -1)]


def test_what_makes_no_sense_is_refused(server):
    for path in ("/lanes", "/lanes?pool=x&from=a&to=b", "/rows?table=none&draw=1&start=0&length=1"):
        assert ask(server, path)[0].status == 400
    for path in ("/none", "/../run/manifest.json", "/%2e%2e/manifest.json", "//etc/passwd"):
        assert ask(server, path)[0].status == 404
    assert ask(server, "/", Host="elsewhere.example")[0].status == 403
    assert ask(server, "/", "POST")[0].status == 501


def test_errors_of_the_command(server, folder, tmp_path):
    def told(*arguments: object) -> str:
        done = CliRunner().invoke(cli, ["open", *map(str, arguments)])
        assert done.exit_code == 2
        assert done.output.startswith("gpusim: ")
        return done.output

    assert "no such folder" in told(tmp_path / "none")
    assert f"--port {server.server_port}: " in told(folder, "--port", server.server_port)
    bare = fleet(1, 24).save(tmp_path / "bare")
    assert f"`gpusim report {bare}` draws it" in told(bare)


def test_ctrl_c_ends_it_cleanly(folder):
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # be it ignored by who runs this
    command = [sys.executable, "-c", f"{heard}; from gpusim.cli import main; main()", "open", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONUNBUFFERED": "1"}) as running:  # fmt: skip
        try:
            said = running.stdout.readline()
            assert re.fullmatch(rf"{re.escape(str(folder))} at http://127\.0\.0\.1:\d+/ until Ctrl-C\n", said)
            running.send_signal(signal.SIGINT)
            _out, errors = running.communicate(timeout=60)
        finally:
            running.kill()
    assert (running.returncode, errors) == (0, "Stopped.\n")
