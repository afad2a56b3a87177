"""The service on tables with the rows that a test wants, without a build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.testclient import TestClient

from martian_moments.lake.store import Lake
from martian_moments.serving.app import create_app
from martian_moments.serving.preparations import PREPARATIONS
from martian_moments.serving.snapshots import Snapshots
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published
from martian_moments_tests.published_tables import TABLES, Rows, publish_rows


@dataclass
class ServedTables:
    """A service whose tables a test writes.

    Attributes:
        client: asks it.
        published: where its tables are.
        snapshots: what it sees of them.
    """

    client: TestClient
    published: Published
    snapshots: Snapshots

    def publish(self, photos: Rows) -> None:
        """Publish other photos, and let the service see them."""
        publish_rows(self.published, {"silver/fact_photos": photos})
        self.snapshots.look()


@contextmanager
def served_tables(folder: Path, photos: Rows, others: Mapping[str, Rows] = TABLES) -> Iterator[ServedTables]:
    """The service on these photos and other tables, by ``schema/table``; those that are not given are empty."""
    published = Published((folder / "published").as_uri())
    nothing: dict[str, Rows] = {f"{table.schema}/{table.name}": [] for table in published_models()}
    publish_rows(published, {**nothing, **others, "silver/fact_photos": photos})
    snapshots = Snapshots(published, PREPARATIONS)
    app = create_app(snapshots, lake=Lake((folder / "lake").as_uri()), published=published, hosts=("testserver",))
    with TestClient(app, raise_server_exceptions=False) as client:
        assert snapshots.wait(60)
        assert snapshots.reason is None
        yield ServedTables(client, published, snapshots)
