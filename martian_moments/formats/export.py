"""Making the open formats from the published tables, and whether they are of the newest ones.

From the published tables and never from the warehouse: so they are the same whatever the warehouse, and no build waits for
them. Each file set remembers, in the manifest, the bytes of the tables that it was made of and the code that made it.
"""
# ruff: noqa: S608 - all SQL is of this package.

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from martian_moments.domain.errors import WarehouseError
from martian_moments.formats.before import Before
from martian_moments.formats.geo import SOURCES as GEO_SOURCES
from martian_moments.formats.geo import make_geo
from martian_moments.formats.stac import SOURCES as STAC_SOURCES
from martian_moments.formats.stac import make_stac
from martian_moments.infrastructure.sql import from_folder
from martian_moments.warehouse.blocks import digest_of
from martian_moments.warehouse.manifest import MadeFile, Manifest, PublishedFile

if TYPE_CHECKING:
    import duckdb

    from martian_moments.warehouse.published import Published

_SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {"threads": 1, "memory_limit": "700MB"}
"""One thread: two take as long for 1.2 million photos, and three times the memory."""


@dataclass(frozen=True, slots=True)
class OpenFormat:
    """A set of files that belong together.

    Attributes:
        name: as the manifest and Dagster name it.
        sources: schema and name of the published tables that it is made of.
        make: makes the files in a folder, given a connection with a view of each source; what has not changed may stay.
    """

    name: str
    sources: tuple[tuple[str, str], ...]
    make: Callable[[duckdb.DuckDBPyConnection, Path, Before], Iterable[MadeFile | PublishedFile]]


OPEN_FORMATS: Final = (OpenFormat("geo", GEO_SOURCES, make_geo), OpenFormat("stac", STAC_SOURCES, make_stac))
"""Every open format that is published."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did: the files as they are published now, the keys that were written, and how long it took."""

    files: tuple[PublishedFile, ...]
    written: list[str]
    seconds: float


def outdated(manifest: Manifest | None) -> list[str]:
    """The open formats that are not made yet of the tables that are published now, or were made by other code.

    One whose tables are not all published is not missed.
    """
    return [] if manifest is None else [each.name for each in OPEN_FORMATS if _is_outdated(each, manifest)]


def export(published: Published, wanted: OpenFormat) -> Exported:
    """Make an open format of the published tables and publish what differs; nothing is made where nothing changed.

    Raises:
        WarehouseError: a table cannot be read or a file not be made or written.
        PublishedDamaged: a table is damaged, or was never published.
    """
    began = time.monotonic()
    manifest = published.manifest()
    held = manifest.open_formats.get(wanted.name) if manifest else None
    if held and wanted.name in published.damaged():
        held = None
    if held and manifest and not _is_outdated(wanted, manifest):
        return Exported(held.files, [], time.monotonic() - began)
    with tempfile.TemporaryDirectory(prefix="open-formats-") as name:
        folder = Path(name)
        made_from, made = _make(published, wanted, folder, held.files if held else ())
        files, written = published.publish_format(wanted.name, made, made_from=made_from, made_by=_code())
    return Exported(files, written, time.monotonic() - began)


def _is_outdated(wanted: OpenFormat, manifest: Manifest) -> bool:
    tables = {_name(source): manifest.tables.get(_name(source), ()) for source in wanted.sources}
    if not all(tables.values()):
        return False
    held = manifest.open_formats.get(wanted.name)
    newest = {name: digest_of(file.sha256 for file in files) for name, files in tables.items()}
    return held is None or (held.made_from, held.made_by) != (newest, _code())


def _name(source: tuple[str, str]) -> str:
    return "/".join(source)


@cache
def _code() -> str:
    """SHA-256 hex of the code that makes the files, and of DuckDB's version: what others made is made anew (1 ms)."""
    digest = hashlib.sha256(version("duckdb").encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _make(
    published: Published, wanted: OpenFormat, folder: Path, held: Iterable[PublishedFile]
) -> tuple[dict[str, str], list[MadeFile | PublishedFile]]:
    """Make the files, and return the digests of the tables that were read and the files."""
    import duckdb

    # The bytes that are read are those whose digests are kept, whatever is published meanwhile.
    read: dict[str, dict[str, str]] = {}
    try:
        with duckdb.connect(config={**_SETTINGS, "temp_directory": str(folder / "spilled")}) as connection:
            connection.execute("set TimeZone = 'UTC'")
            for schema, table in wanted.sources:
                copy = folder / f"{schema}.{table}"
                read[_name((schema, table))] = published.fetch(schema, table, copy)
                connection.execute(f"create schema if not exists {schema}")
                connection.execute(f"create view {schema}.{table} as select * from {from_folder(copy)}")
            files = [digest for table in read.values() for digest in table.items()]
            made = list(wanted.make(connection, folder, Before(held, files, _code())))
            return {name: digest_of(table.values()) for name, table in read.items()}, made
    except duckdb.Error as error:
        raise WarehouseError(
            f"the open format {wanted.name} cannot be made of the published tables ({str(error).partition(chr(10))[0]}); "
            "look for a table that is damaged (martian-moments doctor), and at the room where temporary files go"
        ) from error
