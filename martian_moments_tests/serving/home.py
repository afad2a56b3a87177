"""A small home with everything that the service reads: real records of all rovers, their pictures' stand-ins, one movie."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from martian_moments.formats.export import OPEN_FORMATS, export
from martian_moments.lake.store import Lake
from martian_moments.pipelines.moment_files import keep_frames
from martian_moments.pipelines.moments import gather
from martian_moments.pipelines.movies import make
from martian_moments.serving.addresses import service_address
from martian_moments.serving.app import create_app
from martian_moments.serving.preparations import PREPARATIONS
from martian_moments.serving.server import Server
from martian_moments.serving.snapshots import Snapshots
from martian_moments.serving.start import listening
from martian_moments.warehouse.base import LEDGER
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published
from martian_moments_tests.moments import DRIVE, Pictures, photo, publish_photos
from martian_moments_tests.unit.dbt.conftest import Project
from martian_moments_tests.unit.dbt.test_feeds import bronze, feed_documents
from martian_moments_tests.unit.dbt.test_paths import path_documents
from martian_moments_tests.unit.dbt.test_real_data import v1_documents
from martian_moments_tests.unit.dbt.test_tables import image_documents

MOVIE: Final = "drive"
"""The name of its moment, which is of generated pictures."""

_FRAMES: Final = 5


@dataclass(frozen=True)
class ServedHome:
    """A home with published tables, open formats and a lake, which tests only read.

    A test that changes what is published takes a :meth:`copy_published`.
    """

    home: Path

    @property
    def published(self) -> Published:
        """The published tables."""
        return Published((self.home / "published").as_uri())

    @property
    def lake(self) -> Lake:
        """The pictures and the movie."""
        return Lake((self.home / "lake").as_uri())

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that the tables were published from."""
        return self.home / "warehouse.duckdb"

    def copy_published(self, folder: Path) -> ServedHome:
        """Another home with the same published tables, and an empty lake."""
        shutil.copytree(self.home / "published", folder / "published")
        return ServedHome(folder)

    def app(self, *hosts: str) -> FastAPI:
        """The service on it; ``testserver`` is one of its names."""
        snapshots = Snapshots(self.published, PREPARATIONS)
        return create_app(snapshots, lake=self.lake, published=self.published, hosts=("testserver", *hosts))


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """The address of the service while it runs, in a thread, as ``martian-moments serve`` runs it."""
    ready = threading.Event()
    with listening("127.0.0.1", 0) as sock:
        server = Server(app, ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            assert ready.wait(60)
            assert app.state.snapshots.wait(60)
            yield service_address("127.0.0.1", sock.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


def make_home(folder: Path, real_payloads: Path) -> None:
    """Load every real document of all dialects and rovers, build and publish; about 20 s of processor time."""
    project = Project(folder / "warehouse.duckdb", folder / "target")
    project.warehouse.ensure()
    feeds = asyncio.run(feed_documents(real_payloads))
    paths = asyncio.run(path_documents(real_payloads, folder / "paths"))
    documents = [*v1_documents(real_payloads), *map(bronze, feeds), *paths, *image_documents(feeds)]
    project.warehouse.load(documents)
    project.build("--exclude", "resource_type:unit_test", "resource_type:test")
    made = ServedHome(folder)
    project.warehouse.publish(made.published, [LEDGER, *published_models()])
    for each in OPEN_FORMATS:
        export(made.published, each)
    _make_movie(made.lake, folder / "movie")


def _make_movie(lake: Lake, scratch: Path) -> None:
    """A movie of generated pictures, from tables of its own; the pictures stay in the lake."""
    tables = Published((scratch / "published").as_uri())
    publish_photos(tables, [photo(number) for number in range(_FRAMES)])
    keep_frames(lake, asyncio.run(gather(tables, DRIVE, Pictures(lake).ask)).choice)
    make(lake, MOVIE, scratch)
