"""Programs that read the service over HTTP, unchanged: pandas, geopandas, and a DuckDB on another machine."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import geopandas
import pandas as pd  # type: ignore[import-untyped]
import pytest
import uvicorn

from martian_moments_tests.serving.home import ServedHome
from martian_moments_tests.waiting import wait_until

DUCKDB = ("duckdb==1.5.5", "duckdb-extension-httpfs==1.5.5", "duckdb-extensions==1.5.5", "pytz")
"""The newest one whose extension for HTTP is on the package index: others fetch it from a server of DuckDB's."""

REMOTE = """
import json, sys
import duckdb
from duckdb_extensions import import_extension
import_extension("httpfs")
duckdb.sql("load httpfs")
print(json.dumps([duckdb.sql(query).fetchall() for query in sys.argv[1:]]))
"""


@pytest.fixture(scope="module")
def address(served: ServedHome) -> Iterator[str]:
    """The address of the service, on a port of this machine."""
    app = served.app()
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the service")
        assert app.state.snapshots.wait(60)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def test_pandas_reads_tables_and_pages(address: str) -> None:
    summary = pd.read_parquet(f"{address}/published/gold/rover_summary/rover_summary.parquet")
    photos = dict(zip(summary["rover"], summary["photos"], strict=True))
    assert photos == {"curiosity": 873, "opportunity": 1, "perseverance": 239, "spirit": 77}
    spirit = f"{address}/api/v2/photos?rover=spirit"
    assert len(pd.read_csv(f"{spirit}&format=csv")) == len(pd.read_parquet(f"{spirit}&format=parquet")) == 77
    rovers = pd.json_normalize(pd.read_json(f"{address}/api/v2/rovers")["data"].tolist())
    assert rovers.set_index("rover")["photos"].to_dict() == photos


def test_geopandas_reads_stops_and_the_path_on_mars(address: str) -> None:
    stops = geopandas.read_file(f"{address}/api/v2/stops?format=geojson&rover=curiosity")
    assert stops.crs.ellipsoid.semi_major_metre == 3_396_190
    # Of the second one the map knows no place.
    assert stops.geometry.notna().tolist() == [True, False]
    legs = geopandas.read_file(f"{address}/api/v2/path?format=geojson&rover=perseverance&sol_max=200")
    geod = legs.crs.get_geod()
    placed = legs[legs.geometry.notna()]
    measured = [geod.geometry_length(line) for line in placed.geometry]
    assert measured == pytest.approx(placed["length_m"].tolist(), rel=0.02, abs=0.5)


def test_a_remote_duckdb_reads_published_tables_and_pages(address: str, tmp_path: Path) -> None:
    python = tmp_path / "duckdb" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    for command in (["venv", str(tmp_path / "duckdb")], ["pip", "install", "--python", str(python), *DUCKDB]):
        made = subprocess.run([sys.executable, "-m", "uv", "--quiet", *command], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            pytest.skip(f"no package index: {made.stderr.strip()[-200:]}")
    photos = (
        f"set variable photos = (select list('{address}/published/' || file.key)"
        f" from (select unnest(tables['silver/fact_photos']) as file from '{address}/published/manifest.json'));"
        " select rover, count(*) from read_parquet(getvariable('photos'), hive_partitioning = true) group by 1 order by 1"
    )
    queries = [
        photos,
        f"select count(*) from read_parquet('{address}/api/v2/photos?rover=spirit&format=parquet')",
        f"select count(*) from read_csv('{address}/api/v2/photos?rover=spirit&format=csv')",
        f"select len(data) from read_json('{address}/api/v2/rovers')",
    ]
    printed = subprocess.run([str(python), "-c", REMOTE, *queries], capture_output=True, text=True, check=True).stdout
    by_rover = [["curiosity", 873], ["opportunity", 1], ["perseverance", 239], ["spirit", 77]]
    assert json.loads(printed) == [by_rover, [[77]], [[77]], [[4]]]
