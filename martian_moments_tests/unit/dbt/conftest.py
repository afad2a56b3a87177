"""dbt as it runs in production: a process of its own on a warehouse file."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from martian_moments.domain.documents import Document, Header, Kind, decode_text, encode
from martian_moments.warehouse.base import BronzeObject, Warehouse
from martian_moments.warehouse.duckdb import CATALOG, DuckDBWarehouse
from martian_moments_dbt import PROJECT

FETCHED_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def bronze_object(
    kind: Kind,
    rover: str,
    *pages: bytes,
    source: str = "v1",
    sol: int | None = None,
    count: int = 0,
    promised: int | None = None,
    complete: bool = True,
    hours: float = 0,
) -> BronzeObject:
    fingerprint = hashlib.sha256(b"".join(pages)).hexdigest()
    header = Header(kind, rover, source, sol, FETCHED_AT + timedelta(hours=hours), fingerprint, count, promised, complete)
    body = encode(Document(header, pages))
    return BronzeObject(header.key, hashlib.md5(body).hexdigest(), header, decode_text(header.key, body))


def photos(rover: str, sol: int, records: list[dict[str, Any]], *, count: int | None = None, **more: Any) -> BronzeObject:
    counted = len(records) if count is None else count
    return bronze_object(
        Kind.PHOTOS, rover, json.dumps({"photos": records}).encode(), sol=sol, count=counted, **{"promised": counted} | more
    )


def dbt_build(warehouse: Warehouse, target: Path, *arguments: str, project: Path = PROJECT) -> str:
    """dbt build on a warehouse, always with the seeds; what it printed. A failing build fails the test with its words."""
    if "--select" in arguments:
        at = arguments.index("--select") + 1
        arguments = (*arguments[:at], "resource_type:seed", *arguments[at:])
    command = [
        *(sys.executable, "-m", "dbt.cli.main", "build"),
        # Of a part of the models: the tests that read nothing else.
        *("--indirect-selection", "cautious", *arguments),
        *("--project-dir", str(project), "--profiles-dir", str(project)),
        *("--target-path", str(target), "--log-path", str(target)),
    ]
    environment = os.environ | warehouse.dbt_environment()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


@dataclass(frozen=True)
class Project:
    """The dbt project on one warehouse file."""

    path: Path
    target: Path

    @property
    def warehouse(self) -> DuckDBWarehouse:
        return DuckDBWarehouse(self.path)

    def build(self, *arguments: str) -> str:
        """dbt build; what it printed. A failing build fails the test with its words."""
        return dbt_build(self.warehouse, self.target, *arguments)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as connection:
            path = str(self.path).replace("'", "''")
            connection.execute(f"attach '{path}' as {CATALOG} (read_only); use {CATALOG}")
            return connection.sql(sql).fetchall()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    """Projects that share one parsed manifest, each on a new warehouse at the same path (dbt parses anew when it moves)."""
    folder = tmp_path_factory.mktemp("dbt")

    def make() -> Project:
        made = Project(folder / "warehouse.duckdb", folder / "target")
        made.path.unlink(missing_ok=True)
        made.warehouse.ensure()
        return made

    return make
