"""From the lake to bronze: loading what the warehouse lacks.

This is where the resources ``lake`` and ``warehouse`` meet; it knows nothing of Dagster and never asks NASA.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from martian_moments.domain.documents import Header, decode_text, header_from_text
from martian_moments.domain.errors import DocumentError, WarehouseDamaged
from martian_moments.lake.store import Lake, ObjectInfo
from martian_moments.warehouse.base import BronzeObject, LoadReport, Warehouse
from martian_moments.warehouse.published import Published

_log = logging.getLogger(__name__)


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


def _read(lake: Lake, objects: Iterable[ObjectInfo], loading: Loading) -> Iterator[BronzeObject]:
    for each in objects:
        try:
            info, document = read_one(lake, each.key)
        except DocumentError as error:
            loading.broken[each.key] = error
            continue
        loading.headers[each.key] = document.header
        loading.read.append(info)
        yield document


def read_one(lake: Lake, key: str) -> tuple[ObjectInfo, BronzeObject]:
    """A document as the lake holds it now. Raises ObjectMissing, DocumentError where it cannot be read, and LakeError."""
    # Bytes and ETag from one response: an object that is replaced after it was listed is loaded as what it is now.
    found = lake.read(key)
    text = decode_text(key, found.body)
    return found.info, BronzeObject(key, found.info.etag, header_from_text(key, text), text)
