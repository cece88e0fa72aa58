"""``gpusim open``: the page of a folder from a server on this machine, for results that a page cannot hold."""

from __future__ import annotations

from pathlib import Path

import click

from gpusim.cli.group import cli
from gpusim.cli.path import PATH
from gpusim.cli.report import findings_in
from gpusim.cli.streams import say


@cli.command("open")
@click.argument("folder", type=PATH)
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port to listen on [default: a free one].")
@click.option("--browser", is_flag=True, help="Open it in a browser.")
def open_folder(folder: Path, port: int, browser: bool) -> None:
    """Serve the report of FOLDER on 127.0.0.1, until Ctrl-C.

    The whole result is behind it: lanes show the jobs of the days in view; every table can be paged through, or read
    as Parquet by byte ranges. For the store of a sweep, its report.
    """
    from gpusim.report.served.site import serve

    findings, _sections = findings_in(folder)
    with serve(folder, findings, port) as server:
        try:
            say(f"{folder} at {server.url} until Ctrl-C")
            if browser:
                click.launch(server.url)
            server.serve_forever()
        except KeyboardInterrupt:
            say("Stopped.", err=True)
