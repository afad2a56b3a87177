"""What separates the published tables from the lake: what is not loaded, not built, or was lost.

It knows nothing of Dagster and never asks NASA.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from martian_moments.domain.documents import FOLDERS, coordinates
from martian_moments.domain.errors import DocumentError, ObjectMissing, PublishedDamaged
from martian_moments.formats.export import outdated
from martian_moments.lake.store import Lake, ObjectInfo
from martian_moments.pipelines.load import read_one
from martian_moments.warehouse.base import LEDGER, LOADED_OBJECTS, Warehouse
from martian_moments.warehouse.published import Published
from martian_moments.warehouse.rules import photo_rules

if TYPE_CHECKING:
    import pyarrow as pa

_BUILT_BY: Final = ("preferred_sources", "photo_rules")
"""What the models record of their build beside what they have seen. Older releases recorded less."""


@dataclass(slots=True)
class Differences:
    """What separates the published tables from the lake.

    Attributes:
        damaged: the published tables and open formats that are damaged or gone, by ``schema/table`` or name, and why.
        unloaded: the documents whose version is not in bronze; None while the ledger is damaged.
        silver_lags: whether silver was built before the last load; False while the table that says so is damaged.
        awaited: the documents without which no model is built, see :func:`awaited`; empty while a table is damaged.
        outdated: the open formats that are not made yet of the published tables; those that a build replaces anyway are not
            missed.
    """

    damaged: dict[str, str]
    unloaded: list[ObjectInfo] | None = None
    silver_lags: bool = False
    awaited: list[ObjectInfo] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)


def differences(
    lake: Lake, warehouse: Warehouse, published: Published, rovers: Collection[str], sources: Sequence[str]
) -> Differences:
    """Compare the lake with bronze, bronze with silver, and what is published with its manifest."""
    found = Differences(published.damaged())
    try:
        found.unloaded = unloaded(lake, warehouse, published, rovers)
        found.silver_lags = silver_lags(published, sources)
        if found.unloaded:  # what was lost is among it, and mostly there is none: two tables less are read each time
            found.awaited = _readable_among(lake, found.unloaded, _lost(warehouse, published))
        if not found.silver_lags:
            found.outdated = outdated(published.manifest())
    except PublishedDamaged as error:
        found.damaged.setdefault(error.name, str(error))
    return found


def unloaded(
    lake: Lake, warehouse: Warehouse, published: Published, rovers: Collection[str], prefixes: Iterable[str] = FOLDERS
) -> list[ObjectInfo]:
    """The documents of these rovers whose version is not in bronze, by the published ledger: no writer is waited for."""
    held = _held(warehouse, published)
    listed = (each for prefix in prefixes for each in lake.list(prefix))
    return [
        each for each in listed if held.get(each.key) != each.etag and (at := coordinates(each.key)) and at.rover in rovers
    ]


def _held(warehouse: Warehouse, published: Published) -> dict[str, str]:
    """The ETag of every object that bronze holds, by key, as the published ledger reports it."""
    return versions(published, LEDGER.schema, LEDGER.name) if warehouse.exists() else {}


def versions(published: Published, schema: str, table: str) -> dict[str, str]:
    """The ETag of every object that a published table names, by key; none where it was never published."""
    found = published.read(schema, table, ["object_key", "etag"])
    return {} if found is None else dict(zip(found["object_key"].to_pylist(), found["etag"].to_pylist(), strict=True))


def awaited(lake: Lake, warehouse: Warehouse, published: Published, rovers: Collection[str]) -> list[ObjectInfo]:
    """The documents that the published models were made from, that the lake holds, and that bronze has lost.

    While there are any, bronze is being made anew, and models built from what it holds so far would publish less than
    before. A document of which bronze holds another version is not lost, nor is one that no build has seen: on a first fill
    nothing is awaited. Documents that cannot be read are not waited for: once no other is left, the result is empty.

    Raises:
        PublishedDamaged: the ledger or LOADED_OBJECTS is damaged: nobody knows what was lost.
        LakeError: the lake could not be read.
    """
    lost = _lost(warehouse, published)
    return _readable_among(lake, unloaded(lake, warehouse, published, rovers), lost) if lost else []


def _lost(warehouse: Warehouse, published: Published) -> set[str]:
    """The keys of what the published models were made from and bronze does not hold in any version."""
    seen = published.read(*LOADED_OBJECTS, ["object_key"])
    return set() if seen is None else set(seen["object_key"].to_pylist()) - _held(warehouse, published).keys()


def _readable_among(lake: Lake, differing: Iterable[ObjectInfo], lost: Collection[str]) -> list[ObjectInfo]:
    """Those of the lake's objects that were lost; none where none of them can be read."""
    found = [each for each in differing if each.key in lost]
    # The first that can be read decides, so that of thousands one is read.
    return found if any(_is_readable(lake, each.key) for each in found) else []


def silver_lags(published: Published, sources: Sequence[str]) -> bool:
    """Whether the published models were built before the last load, or otherwise than they would be now.

    dbt records which objects a build has seen, by which order of preference it chose, and by which rules it read photos.
    """
    in_bronze = published.read(LEDGER.schema, LEDGER.name, ["object_key", "etag"])
    seen = published.read(*LOADED_OBJECTS, ["object_key", "etag"], optional=_BUILT_BY)
    if in_bronze is None:
        return False
    if seen is None or not in_bronze.equals(seen.select(["object_key", "etag"])):
        return True
    return seen.num_rows > 0 and [_only(seen, name) for name in _BUILT_BY] != [",".join(sources), photo_rules()]


def photo_rules_of(published: Published) -> str | None:
    """By which rules the photos of the published models were read, see :func:`photo_rules`; None where nobody knows."""
    try:
        seen = published.read(*LOADED_OBJECTS, ["object_key"], optional=["photo_rules"])
    except PublishedDamaged:
        return None
    return None if seen is None else _only(seen, "photo_rules")


def _only(table: pa.Table, column: str) -> str | None:
    """The value of a column that has one value; None where it has several, or where the table has no such column."""
    values = table[column].unique().to_pylist() if column in table.column_names else []
    return values[0] if len(values) == 1 else None


def _is_readable(lake: Lake, key: str) -> bool:
    try:
        read_one(lake, key)
    except (DocumentError, ObjectMissing):
        return False
    return True
