"""The dbt project on warehouse files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from martian_moments.domain.documents import Document, Header, Kind, decode_text, encode
from martian_moments.warehouse.base import BronzeObject
from martian_moments.warehouse.duckdb import CATALOG, DuckDBWarehouse
from martian_moments_tests.dbt_builds import dbt_build

FETCHED_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
OF_CHANGED_DOCUMENTS = ("photo_documents", "path:models/silver/photos", "source_photos", "photos_reported_elsewhere")
"""Models to build again where documents of photos have changed and nothing else has, before those that are tested."""


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
    """Makes projects, each on a new warehouse."""

    def make() -> Project:
        folder = tmp_path_factory.mktemp("dbt")
        made = Project(folder / "warehouse.duckdb", folder / "target")
        made.warehouse.ensure()
        return made

    return make
