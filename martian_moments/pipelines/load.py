"""From the lake to bronze: which objects the warehouse lacks, and loading them.

This is where the resources ``lake`` and ``warehouse`` meet; it knows nothing of Dagster and never asks NASA.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from martian_moments.domain.clock import is_ahead
from martian_moments.domain.documents import FOLDERS, Header, Kind, coordinates, decode_text, header_from_text
from martian_moments.domain.errors import DocumentError, ObjectMissing, PublishedDamaged, WarehouseDamaged
from martian_moments.lake.store import Lake, ObjectInfo
from martian_moments.warehouse.base import LEDGER, LOADED_OBJECTS, BronzeObject, LoadReport, Warehouse
from martian_moments.warehouse.published import Published
from martian_moments.warehouse.rules import photo_rules

if TYPE_CHECKING:
    import pyarrow as pa

_log = logging.getLogger(__name__)

_BUILT_BY: Final = ("preferred_sources", "photo_rules")
"""What the models record of their build beside what they have seen. Older releases recorded less."""


@dataclass(slots=True)
class Loading:
    """What one load did.

    Attributes:
        report: what the warehouse did, by object key.
        headers: the header of every object that was read, by key.
        read: every object that was read, as it was then.
        broken: why an object could not be read, by key.
        seconds: how long it took.
    """

    report: LoadReport = field(default_factory=LoadReport)
    headers: dict[str, Header] = field(default_factory=dict)
    read: list[ObjectInfo] = field(default_factory=list)
    broken: dict[str, DocumentError] = field(default_factory=dict)
    seconds: float = 0.0


def load(lake: Lake, warehouse: Warehouse, objects: Iterable[ObjectInfo], published: Published | None = None) -> Loading:
    """Load those of the lake's objects that bronze does not hold in this version.

    A broken object is reported in the result and does not stop the others. A warehouse that turns out to be damaged is made
    anew, and these objects are loaded into it; what else it held, reconcile loads.

    Args:
        lake: holds the objects.
        warehouse: holds bronze.
        objects: as the lake lists them.
        published: where the ledger of this bronze is published, see :meth:`Warehouse.ensure`.

    Raises:
        LakeError: the lake could not be read.
        WarehouseError: the warehouse refused; what was committed before stays.
    """
    began = time.monotonic()
    listed = list(objects)
    try:
        loading = _load(lake, warehouse, listed, published)
    except WarehouseDamaged as error:
        _log.warning("%s", error)
        loading = _load(lake, warehouse, listed, published)
    loading.seconds = time.monotonic() - began
    return loading


def _load(lake: Lake, warehouse: Warehouse, objects: Sequence[ObjectInfo], published: Published | None) -> Loading:
    loading = Loading()
    warehouse.ensure(published)
    held = held_etags(warehouse)
    wanted = [each for each in objects if held.get(each.key) != each.etag]
    report = loading.report = warehouse.load(_read(lake, wanted, loading))
    if contradicted := _still_in_the_lake(lake, loading):
        # Bronze holds something with a later time that the lake has replaced: a clock was wrong, and the lake is right.
        keys = ", ".join(each.key for each in contradicted)
        _log.warning("%d documents of the lake replace what bronze holds with a later time: %s", len(contradicted), keys)
        reported = warehouse.load(_read(lake, contradicted, loading), whatever_is_held=True)
        report.loaded += reported.loaded
        report.stale = [key for key in report.stale if key not in {*reported.loaded, *reported.unchanged}]
    return loading


def _still_in_the_lake(lake: Lake, loading: Loading) -> list[ObjectInfo]:
    """Those of the documents that bronze took for outdated which nobody has replaced in the lake since they were read."""
    found = ((each, lake.head(each.key)) for each in loading.read if each.key in set(loading.report.stale))
    return [now for each, now in found if now is not None and now.etag == each.etag]


def held_etags(warehouse: Warehouse) -> Mapping[str, str]:
    """The ETag of every object that bronze holds, by object key."""
    ledger = warehouse.ledger()
    return dict(zip(ledger["object_key"].to_pylist(), ledger["etag"].to_pylist(), strict=True))


def known_headers(published: Published) -> dict[str, tuple[str, Header]]:
    """The ETag and the header of every document in bronze, by key, as the published ledger reports them.

    Nobody has to open 11,476 objects (7 s on S3, 3 s of processor time in files) for what one small table says (0.3 s). The
    addresses asked are not in it.
    """
    columns = ["object_key", "etag", "kind", "rover", "source", "sol"]
    columns += ["fetched_at", "fingerprint", "record_count", "promised", "complete"]
    ledger = published.read(LEDGER.schema, LEDGER.name, columns, optional=["repeats"])
    if ledger is None:
        return {}
    rows = zip(repeats_in(ledger), *(ledger[name].to_pylist() for name in columns), strict=True)
    return {
        key: (
            etag,
            Header(Kind(kind), rover, source, sol, fetched_at, fingerprint, count, promised, complete, repeats=repeats),
        )
        for repeats, key, etag, kind, rover, source, sol, fetched_at, fingerprint, count, promised, complete in rows
    }


def cached_headers(published: Published) -> dict[str, tuple[str, Header]]:
    """As :func:`known_headers`, for who can read a header from its object: while the ledger is damaged, none is known."""
    try:
        return known_headers(published)
    except PublishedDamaged:
        return {}


def repeats_in(ledger: pa.Table) -> list[int | None]:
    """The repeats that a published ledger reports, row by row: none of them where the release before has published it."""
    return ledger["repeats"].to_pylist() if "repeats" in ledger.column_names else [None] * ledger.num_rows


@dataclass(slots=True)
class Differences:
    """What separates the published tables from the lake.

    Attributes:
        damaged: the published tables that are damaged or gone, by ``schema/table``, and why.
        unloaded: the documents whose version is not in bronze; None while the ledger is damaged.
        silver_lags: whether silver was built before the last load; False while the table that says so is damaged.
        awaited: the documents without which no model is built, see :func:`awaited`; empty while a table is damaged.
    """

    damaged: dict[str, str]
    unloaded: list[ObjectInfo] | None = None
    silver_lags: bool = False
    awaited: list[ObjectInfo] = field(default_factory=list)


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
        each for each in listed if (at := coordinates(each.key)) and at.rover in rovers and held.get(each.key) != each.etag
    ]


def _held(warehouse: Warehouse, published: Published) -> dict[str, str]:
    """The ETag of every object that bronze holds, by key, as the published ledger reports it."""
    ledger = published.read(LEDGER.schema, LEDGER.name, ["object_key", "etag"]) if warehouse.exists() else None
    return {} if ledger is None else dict(zip(ledger["object_key"].to_pylist(), ledger["etag"].to_pylist(), strict=True))


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


def dated_ahead(lake: Lake, rovers: Collection[str]) -> str | None:
    """What to say of documents that were fetched at a time still to come; None where there are none."""
    heads = (header for prefix in FOLDERS for header in lake.heads(prefix).values() if header.rover in rovers)
    ahead = sorted((header.fetched_at, header.key) for header in heads if is_ahead(header.fetched_at))
    if not ahead:
        return None
    moment, key = ahead[-1]
    return (
        f"{len(ahead)} documents of the lake say that they were fetched at a time still to come, {key} at "
        f"{moment:%Y-%m-%d %H:%M} UTC: the clock was wrong then, or is now ({datetime.now(UTC):%Y-%m-%d %H:%M} UTC); "
        "correct it. Each is replaced by the next response"
    )


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


def _read(lake: Lake, objects: Iterable[ObjectInfo], loading: Loading) -> Iterator[BronzeObject]:
    for each in objects:
        try:
            info, document = _read_one(lake, each.key)
        except DocumentError as error:
            loading.broken[each.key] = error
            continue
        loading.headers[each.key] = document.header
        loading.read.append(info)
        yield document


def _read_one(lake: Lake, key: str) -> tuple[ObjectInfo, BronzeObject]:
    # Bytes and ETag from one response: an object that is replaced after it was listed is loaded as what it is now.
    found = lake.read(key)
    text = decode_text(key, found.body)
    return found.info, BronzeObject(key, found.info.etag, header_from_text(key, text), text)


def _is_readable(lake: Lake, key: str) -> bool:
    try:
        _read_one(lake, key)
    except (DocumentError, ObjectMissing):
        return False
    return True
