"""The reconcile sensor: what the lake holds and bronze does not, whatever became of the events.

It compares the lake's listing with the published ledger, so it repairs a lost event, a deleted warehouse and a load that
failed. A sensor rather than a schedule because it remembers what it asked for: an object that no load can read is asked for
again only after a growing delay, and what was uploaded a moment ago is left to the upload sensor.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import Final

import dagster as dg

from martian_moments.assets.bronze import MANIFESTS, TRAVERSE, photos_key
from martian_moments.automation.in_flight import InFlight
from martian_moments.documents import Kind, coordinates
from martian_moments.lake.store import ObjectInfo
from martian_moments.loading import unloaded
from martian_moments.partitions import BRONZE_RUN_SOLS, registered_sols, spans
from martian_moments.rooms import Rooms

NAME: Final = "reconcile"

_EVENT_SECONDS: Final = 60.0
"""An object younger than this is left to its upload event."""

_RETRY_SECONDS: Final = (60.0, 3_600.0)


def reconcile_sensor(rovers: Sequence[str], traverse_rovers: Sequence[str]) -> dg.SensorDefinition:
    """Asks for the bronze partitions whose objects differ from the ledger."""

    @dg.sensor(
        name=NAME,
        target=[MANIFESTS, TRAVERSE, *(photos_key(rover) for rover in rovers)],
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Compares the lake's listing with bronze and loads what a lost event or a deleted warehouse left behind.",
    )
    def reconcile(context: dg.SensorEvaluationContext, rooms: dg.ResourceParam[Rooms]) -> dg.SensorResult:
        tried: dict[str, list[float]] = json.loads(context.cursor) if context.cursor else {}
        under_way = InFlight(context)
        now = time.time()
        differing = unloaded(rooms.lake, rooms.warehouse, rooms.published)
        lacking = {_version(each): each for each in differing if each.modified.timestamp() < now - _EVENT_SECONDS}
        tried = {version: tries for version, tries in tried.items() if version in lacking}
        requests: list[dg.RunRequest] = []
        for asset, partition_or_none, objects in _by_asset(lacking.values(), rovers, traverse_rovers):
            due = [each for each in objects if _due(tried.get(_version(each)), now)]
            if not due or under_way.runs_of(asset, partition_or_none):
                continue
            requests += _requests(context.instance, asset, partition_or_none, due)
            for each in due:
                count = tried.get(_version(each), [0, 0])[0]
                tried[_version(each)] = [count + 1, round(now)]
        return dg.SensorResult(
            run_requests=requests,
            cursor=json.dumps(tried, separators=(",", ":")),
            skip_reason=None if requests else f"lake and bronze agree, but for {len(lacking)} objects that wait their turn",
        )

    return reconcile


def _by_asset(
    objects: Iterable[ObjectInfo], rovers: Sequence[str], traverse_rovers: Sequence[str]
) -> list[tuple[dg.AssetKey, str | None, list[ObjectInfo]]]:
    """Objects by the asset that loads them and, for assets partitioned by rover, the partition."""
    groups: dict[tuple[dg.AssetKey, str | None], list[ObjectInfo]] = {}
    for each in objects:
        at = coordinates(each.key)
        if at is None or at.rover not in rovers:
            continue
        if at.kind is Kind.PHOTOS:
            group: tuple[dg.AssetKey, str | None] = (photos_key(at.rover), None)
        elif at.kind is Kind.MANIFEST:
            group = (MANIFESTS, at.rover)
        elif at.rover in traverse_rovers:
            group = (TRAVERSE, at.rover)
        else:
            continue
        groups.setdefault(group, []).append(each)
    return [(asset, partition, group) for (asset, partition), group in groups.items()]


def _requests(
    instance: dg.DagsterInstance, asset: dg.AssetKey, partition: str | None, objects: Sequence[ObjectInfo]
) -> list[dg.RunRequest]:
    if partition is not None:
        return [dg.RunRequest(asset_selection=[asset], partition_key=partition)]
    places = [at for each in objects if (at := coordinates(each.key)) and at.sol is not None]
    registered = registered_sols(instance, places[0].rover)
    sols = [at.sol for at in places if at.sol in registered]
    return [dg.RunRequest(asset_selection=[asset], tags=span.tags()) for span in spans(sols, BRONZE_RUN_SOLS)]


def _version(each: ObjectInfo) -> str:
    return f"{each.key} {each.etag}"


def _due(tries: list[float] | None, now: float) -> bool:
    if tries is None:
        return True
    count, asked_at = tries
    first, longest = _RETRY_SECONDS
    return now >= asked_at + min(longest, first * 2 ** min(count - 1, 16))
