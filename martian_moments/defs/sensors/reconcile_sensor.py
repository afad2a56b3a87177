"""The reconcile sensor: what the lake holds and bronze does not, whatever became of the events.

It compares the lake's listing with the published ledger, so it repairs a lost event, a deleted warehouse and a load that
failed; and what is published with its manifest, so it repairs tables that were damaged or deleted. A sensor rather than a
schedule because it remembers what it asked for: an object that no load can read is asked for again only after a growing
delay, and what was uploaded a moment ago is left to the upload sensor.
"""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import dagster as dg
from pydantic import Field, RootModel

from martian_moments.defs.assets.bronze import MANIFESTS, TRAVERSE, by_sol
from martian_moments.defs.partitions import BRONZE_RUN_SOLS, registered_sols, spans
from martian_moments.defs.sensors.cursor import Cursor
from martian_moments.defs.sensors.in_flight import InFlight
from martian_moments.domain import clock
from martian_moments.domain.backoff import Backoff
from martian_moments.domain.documents import Kind, coordinates
from martian_moments.formats.export import OPEN_FORMATS
from martian_moments.infrastructure.space import shortage
from martian_moments.lake.store import Lake, ObjectInfo
from martian_moments.pipelines.differences import Differences, differences
from martian_moments.settings import Settings
from martian_moments.warehouse import manifest
from martian_moments.warehouse.base import LEDGER, Warehouse
from martian_moments.warehouse.published import Published

NAME: Final = "reconcile"

_EVENT_SECONDS: Final = 60.0
"""An object newer than this is left to its upload event."""

_SILVER: Final = "silver"

_DAMAGED_LEDGER: Final = "damaged ledger"
_DAMAGED_MODELS: Final = "damaged models"
_OPEN_FORMATS: Final = "open formats"

_LEDGER_NAME: Final = f"{LEDGER.schema}/{LEDGER.name}"

_REPAIRS: Final = Backoff(first=60.0, longest=3_600.0)


class ReconcileCursor(Cursor, RootModel[dict[str, tuple[int, float]]]):
    """How often each thing was asked for, and when last (POSIX seconds)."""

    root: dict[str, tuple[int, float]] = Field(default_factory=dict)

    def known(self, thing: str) -> bool:
        """Whether it was asked for."""
        return thing in self.root

    def due(self, thing: str) -> bool:
        """Whether it may be asked for now."""
        return not _REPAIRS.waits(*self.root.get(thing, (0, 0.0)), time.time())

    def note(self, things: Iterable[str]) -> None:
        """Note that these are asked for now."""
        for thing in things:
            self.root[thing] = self.root.get(thing, (0, 0.0))[0] + 1, float(int(time.time()))

    def keep(self, things: Collection[str]) -> None:
        """Forget all others."""
        self.root = {thing: attempts for thing, attempts in self.root.items() if thing in things}


def reconcile_sensor(
    settings: Settings, models: Sequence[dg.AssetKey], open_formats: Sequence[dg.AssetKey]
) -> dg.SensorDefinition:
    """Asks for the bronze partitions whose objects differ from the ledger, and for dbt where silver lags behind.

    And for the open formats where they lag behind the published tables.
    """

    @dg.sensor(
        name=NAME,
        asset_selection=[
            MANIFESTS,
            TRAVERSE,
            *(key for rover in settings.rovers for key in by_sol(rover).values()),
            *models,
            *open_formats,
        ],
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Compares the lake with bronze and bronze with silver, and repairs what a lost event, a failed build or "
        "a deleted warehouse left behind.",
    )
    def reconcile(
        context: dg.SensorEvaluationContext,
        lake: dg.ResourceParam[Lake],
        warehouse: dg.ResourceParam[Warehouse],
        published: dg.ResourceParam[Published],
    ) -> dg.SensorResult | dg.SkipReason:
        if short := shortage(settings.folders):
            return dg.SkipReason(short)
        retry_state = ReconcileCursor.read(context.cursor, warn=context.log.warning)
        under_way = InFlight(context)
        found = differences(lake, warehouse, published, settings.rovers, settings.sources)
        runs = {
            # A load that finds nothing new publishes the ledger, dbt all other tables.
            _DAMAGED_LEDGER: dg.RunRequest(asset_selection=[MANIFESTS], partition_key=settings.rovers[0]),
            _DAMAGED_MODELS: dg.RunRequest(asset_selection=list(models)),
            _OPEN_FORMATS: dg.RunRequest(asset_selection=list(open_formats)),
        }
        requests = _repairs(found, runs, retry_state, under_way)
        if found.unloaded is None:
            return dg.SensorResult(
                run_requests=requests, cursor=retry_state.write(), skip_reason=None if requests else _in_words(found)
            )
        # Objects that were asked for and still differ are broken: silver does not wait for them, unless a build would.
        waits = bool(found.awaited) or any(not retry_state.known(_version(each)) for each in found.unloaded)
        requests += _loads(context.instance, found.unloaded, retry_state, under_way)
        lagging = found.silver_lags and not waits
        # The automation sensor starts dbt by itself; this is for a build that failed, so the first look only takes note.
        if lagging and retry_state.due(_SILVER) and not under_way.runs_of(models[0]):
            if retry_state.known(_SILVER):
                requests.append(dg.RunRequest(asset_selection=list(models)))
            retry_state.note([_SILVER])
        retry_state.keep({*map(_version, found.unloaded), *([_SILVER] if lagging else []), *_damaged(found)})
        return dg.SensorResult(
            run_requests=requests, cursor=retry_state.write(), skip_reason=None if requests else _in_words(found)
        )

    return reconcile


def _in_words(found: Differences) -> str:
    differ = "an unknown number of" if found.unloaded is None else len(found.unloaded)
    damaged, outdated = ", ".join(found.damaged) or "none", ", ".join(found.outdated) or "none"
    lags = f"silver lags: {found.silver_lags}; open formats that lag: {outdated}"
    return f"{differ} objects differ and wait; {lags}; damaged: {damaged}"


def _damaged(found: Differences) -> list[str]:
    """Which parts of what is published have to be made again, and can be now. The manifest is written by all of them."""
    formats = {each.name for each in OPEN_FORMATS}
    ledger = _LEDGER_NAME in found.damaged or manifest.KEY in found.damaged
    models = found.damaged.keys() - {_LEDGER_NAME} - formats
    parts = {
        _DAMAGED_LEDGER: ledger,
        _DAMAGED_MODELS: bool(models) and not found.awaited,
        # Of damaged tables nothing is made.
        _OPEN_FORMATS: not models and bool(found.outdated or formats & found.damaged.keys()),
    }
    return [part for part, is_due in parts.items() if is_due]


def _repairs(
    found: Differences, runs: Mapping[str, dg.RunRequest], retry_state: ReconcileCursor, under_way: InFlight
) -> list[dg.RunRequest]:
    """The runs that publish again what is damaged, by part."""
    requests = []
    for part in _damaged(found):
        (first, *_) = runs[part].asset_selection or ()
        if retry_state.due(part) and not under_way.runs_of(first):
            # The first look only takes note: tables that are just being published differ until the manifest is written.
            if retry_state.known(part):
                requests.append(runs[part])
            retry_state.note([part])
    return requests


def _loads(
    instance: dg.DagsterInstance, differing: Sequence[ObjectInfo], retry_state: ReconcileCursor, under_way: InFlight
) -> list[dg.RunRequest]:
    """Runs that load what differs, but for what was uploaded a moment ago."""
    now = time.time()
    settled = [each for each in differing if not clock.waits(each.modified.timestamp(), _EVENT_SECONDS, now)]
    requests: list[dg.RunRequest] = []
    for asset, partition, objects in _by_asset(settled):
        due = [each for each in objects if retry_state.due(_version(each))]
        if due and not under_way.runs_of(asset, partition):
            requests += _requests(instance, asset, partition, due)
            retry_state.note(map(_version, due))
    return requests


def _by_asset(objects: Iterable[ObjectInfo]) -> list[tuple[dg.AssetKey, str | None, list[ObjectInfo]]]:
    """Objects by the asset that loads them and, for assets partitioned by rover, the partition."""
    groups: dict[tuple[dg.AssetKey, str | None], list[ObjectInfo]] = {}
    for each in objects:
        at = coordinates(each.key)
        if at is None:
            continue
        if asset := by_sol(at.rover).get(at.kind):
            group: tuple[dg.AssetKey, str | None] = (asset, None)
        elif at.kind is Kind.MANIFEST:
            group = (MANIFESTS, at.rover)
        else:
            group = (TRAVERSE, at.rover)
        groups.setdefault(group, []).append(each)
    return [(asset, partition, group) for (asset, partition), group in groups.items()]


def _requests(
    instance: dg.DagsterInstance, asset: dg.AssetKey, partition: str | None, objects: Sequence[ObjectInfo]
) -> list[dg.RunRequest]:
    if partition is not None:
        return [dg.RunRequest(asset_selection=[asset], partition_key=partition)]
    places = [at for each in objects if (at := coordinates(each.key))]
    registered = registered_sols(instance, places[0].rover)
    sols = [at.sol for at in places if at.sol is not None and at.sol in registered]
    return [dg.RunRequest(asset_selection=[asset], tags=span.tags()) for span in spans(sols, BRONZE_RUN_SOLS)]


def _version(each: ObjectInfo) -> str:
    return f"{each.key} {each.etag}"
