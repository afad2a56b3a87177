"""A whole platform in a folder of its own and in this process: its definitions, ticked and run without any daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import orjson
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.storage.partition_status_cache import AssetPartitionStatus

from martian_moments.definitions import build_defs
from martian_moments.defs.partitions import PARTITION, RANGE_END, RANGE_START, sols_of
from martian_moments.domain.documents import (
    FOLDERS,
    Coordinates,
    Document,
    Header,
    Kind,
    coordinates,
    fingerprint_of,
    object_key,
    prefix_of,
    sol_key,
)
from martian_moments.events.log import Record
from martian_moments.lake.store import Lake
from martian_moments.nasa.sources import sources_of
from martian_moments.pipelines.differences import unloaded
from martian_moments.pipelines.load import Loading, load
from martian_moments.pipelines.upstream import Nasa
from martian_moments.resources import DESCRIPTIONS, Resources
from martian_moments.settings import Settings
from martian_moments.warehouse.base import LEDGER
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.rules import photo_rules

Tick = SensorExecutionData
"""What one evaluation of a sensor asks for, and the cursor that it leaves."""

ROVERS = ("curiosity", "perseverance", "opportunity", "spirit")


class ScriptedSource:
    """A photo source that responds by script: ``photos_of`` is what there is, ``promised`` what its manifest lists.

    In the dialect of its name: ``v1``; ``msl``, whose manifest reports no numbers; or ``pds``.
    """

    def __init__(self, promised: Mapping[int, int], name: str = "v1") -> None:
        self.name = name
        self.promised = dict(promised)
        self.photos_of = dict(promised)
        self.errors: dict[int, Exception] = {}
        self.asked: list[int] = []
        self.manifest_error: Exception | None = None
        self.status: str | None = "active"

    def serves(self, rover: str) -> bool:
        return bool(rover)

    async def manifest(self, rover: str) -> Document:
        await asyncio.sleep(0)
        if self.manifest_error:
            raise self.manifest_error
        content = _MANIFESTS[self.name](rover, self.promised)
        if self.status is None:
            content = {"errors": "Invalid Rover Name"}
        return _document(Kind.MANIFEST, rover, None, content, count=len(self.promised), source=self.name)

    async def photos(self, rover: str, sol: int, promised: int | None = None) -> Document:
        await asyncio.sleep(0)
        self.asked.append(sol)
        if error := self.errors.get(sol):
            raise error
        return photos_of(rover, sol, count=self.photos_of.get(sol, 0), promised=promised, source=self.name)

    def asked_since(self) -> list[int]:
        """The sols asked for since the last look, ascending."""
        asked, self.asked = sorted(self.asked), []
        return asked


def _photo(rover: str, sol: int, number: int) -> dict[str, Any]:
    return {
        "id": sol * 1_000 + number,
        "sol": sol,
        "camera": {"name": "NAVCAM"},
        "img_src": f"https://nasa/{sol}/{number}.jpg",
    }


_PHOTOS: Mapping[str, Callable[[str, int, int], dict[str, Any]]] = {
    "v1": lambda rover, sol, count: {"photos": [_photo(rover, sol, number) for number in range(count)]},
    "msl": lambda _, sol, count: {
        "items": [
            {
                "id": sol * 1_000 + number,
                "sol": sol,
                "instrument": "NAV_LEFT_B",
                "https_url": f"https://nasa/{sol}/m{number}.jpg",
            }
            for number in range(count)
        ]
    },
    "pds": lambda rover, sol, count: {
        "lines": [
            {"PRODUCT_ID": f"1N{sol:04}{number:05}EFF", "PLANET_DAY_NUMBER": str(sol), "INSTRUMENT_ID": "NAVCAM_LEFT"}
            | {"PATH_NAME": "/mer1no_0xxx/data/", "FILE_NAME": f"{rover}{number}.img", "IMAGE_TYPE": "REGULAR"}
            for number in range(count)
        ]
    },
}

_MANIFESTS: Mapping[str, Callable[[str, Mapping[int, int]], dict[str, Any]]] = {
    "v1": lambda rover, promised: {
        "photo_manifest": {
            "name": rover,
            "max_sol": max(promised),
            "photos": [{"sol": sol, "total_photos": count} for sol, count in sorted(promised.items())],
        }
    },
    "msl": lambda _, promised: {"items": [{"id": 1, "sol": max(promised)}], "total": sum(promised.values())},
    "pds": lambda rover, promised: {
        "rover": rover,
        "volumes": [],
        "sols": [{"sol": sol, "photos": count} for sol, count in sorted(promised.items())],
    },
}


def _document(
    kind: Kind, rover: str, sol: int | None, content: Any, *, count: int, promised: int | None = None, source: str = "v1"
) -> Document:
    complete = promised is None or count >= promised
    moment = datetime.now(UTC)
    header = Header(
        kind, rover, source, sol, moment, fingerprint_of(content), count, promised, complete, ("https://nasa/x",)
    )
    return Document(header, (orjson.dumps(content),))


class ScriptedNasa(Nasa):
    """NASA by scripts, by the names of their dialects."""

    def __init__(self, settings: Settings, lake: Lake, *scripts: ScriptedSource) -> None:
        super().__init__(settings, lake)
        self.preferred = settings.sources
        self.scripts = {script.name: script for script in scripts}

    def client(self) -> Any:
        return nullcontext()

    def photo_sources(self, client: Any, rover: str) -> Any:
        return [self.scripts[name] for name in sources_of(rover, self.preferred)]


class ScriptedResources(Resources):
    """Resources whose NASA responds by scripts; everything else is real."""

    def __init__(self, settings: Settings, *scripts: ScriptedSource) -> None:
        super().__init__(settings)
        self.scripts = scripts

    @cached_property
    def nasa(self) -> ScriptedNasa:
        return ScriptedNasa(self.settings, self.lake, *self.scripts)


@dataclass
class Platform:
    """The real definitions over real folders and a Dagster instance in memory."""

    settings: Settings
    resources: Resources
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)

    @cached_property
    def definitions(self) -> dg.Definitions:
        return build_defs(self.settings, self.resources)

    @cached_property
    def repository(self) -> dg.RepositoryDefinition:
        return self.definitions.get_repository_def()

    @property
    def source(self) -> ScriptedSource:
        """The script of v1."""
        return self.script("v1")

    def script(self, name: str) -> ScriptedSource:
        assert isinstance(self.resources, ScriptedResources)
        return self.resources.nasa.scripts[name]

    def run(
        self, asset: str, partition: str | None = None, sols: tuple[int, int] | None = None, **config: Any
    ) -> dg.ExecuteInProcessResult:
        """Materialize an asset, one partition or a range of sols of it, in this process."""
        key = dg.AssetKey(asset.split("/"))
        tags = {} if sols is None else {RANGE_START: sol_key(sols[0]), RANGE_END: sol_key(sols[1])}
        run_config = {"ops": {key.to_python_identifier(): {"config": config}}} if config else {}
        return self.execute(dg.RunRequest(asset_selection=[key], partition_key=partition, run_config=run_config, tags=tags))

    def execute(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """What the daemon and a run worker do with a request."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        tags = {**request.tags, **({PARTITION: request.partition_key} if request.partition_key else {})}
        return job.get_subset(asset_selection=set(request.asset_selection or ())).execute_in_process(
            run_config=request.run_config, instance=self.instance, tags=tags, raise_on_error=False
        )

    @property
    def opened(self) -> dict[str, Any]:
        """The resources by the names that sensors and schedules know them by."""
        return {name: getattr(self.resources, name) for name in DESCRIPTIONS}

    def tick(self, sensor: str, cursor: str | None = None) -> Tick:
        """Evaluate a sensor once; nothing of what it asks for is done."""
        context = dg.build_sensor_context(
            instance=self.instance, cursor=cursor, repository_def=self.repository, resources=self.opened
        )
        return self.repository.get_sensor_def(sensor).evaluate_tick(context)

    def start(self, asset: str, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED, **tags: str) -> dg.DagsterRun:
        """A run of an asset that is under way (or has ended with this status), which no process executes."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        key = dg.AssetKey(asset.split("/"))
        spelled = {name.replace("__", "/"): value for name, value in tags.items()}
        return self.instance.create_run_for_job(
            job.get_subset(asset_selection={key}), status=status, tags=spelled, asset_selection=frozenset({key})
        )

    def statuses(self, rover: str, layer: str = "lake") -> dict[int, AssetPartitionStatus | None]:
        """Dagster's status of every sol."""
        keys = self.instance.get_dynamic_partitions(f"{rover}_sols")
        found = self.instance.get_status_by_partition(dg.AssetKey([layer, rover, "photos"]), keys, sols_of(rover)) or {}
        return {int(key): found.get(key) for key in keys}

    def events(self, topic: str) -> list[Record]:
        """All messages of a topic."""
        return self.resources.event_log.read(topic, {}, limit=1_000_000)

    def put(self, *documents: Document) -> None:
        """Put documents into the lake, as a lake asset does."""
        for document in documents:
            asyncio.run(self.resources.lake.put_if_changed(document))

    def manifest(self, rover: str, promised: Mapping[int, int]) -> None:
        """Put a manifest into the lake and register its sols."""
        self.put(asyncio.run(ScriptedSource(promised).manifest(rover)))
        self.registered(rover, max(promised))

    def registered(self, rover: str, newest: int) -> None:
        first = 0 if rover in ("curiosity", "perseverance") else 1
        self.instance.add_dynamic_partitions(f"{rover}_sols", [sol_key(sol) for sol in range(first, newest + 1)])

    def photos(self, rover: str, sols: Iterable[int], *, count: int = 3, promised: int | None = 3) -> None:
        """Put photo documents into the lake."""
        for sol in sols:
            self.put(photos_of(rover, sol, count=count, promised=promised))

    def lake_file(self, rover: str, sol: int) -> Path:
        return self.settings.home / "lake" / object_key(Coordinates(Kind.PHOTOS, rover, "v1", sol))

    def lake_sols(self, rover: str) -> list[int]:
        places = [coordinates(each.key) for each in self.resources.lake.list(prefix_of(Kind.PHOTOS, rover))]
        return [at.sol for at in places if at is not None and at.sol is not None]

    def materialized(self, result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
        """The metadata of every materialization that a run logged, by partition (batches are only in the storage)."""
        logged = self.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        events = [entry.asset_materialization for entry in logged]
        return {
            event.partition: {name: value.value for name, value in event.metadata.items()}
            for event in events
            if event is not None and event.partition is not None
        }


def photos_of(rover: str, sol: int, *, count: int = 3, promised: int | None = 3, source: str = "v1") -> Document:
    """A photos document."""
    content = _PHOTOS[source](rover, sol, count)
    return _document(Kind.PHOTOS, rover, sol, content, count=count, promised=promised, source=source)


def requests_of(tick: Tick) -> list[dg.RunRequest]:
    """The runs that a tick asks for."""
    return list(tick.run_requests or ())


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """The message of a failed run."""
    assert not result.success
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    error = event.step_failure_data.user_failure_data or event.step_failure_data.error
    assert error is not None
    return str(getattr(error, "description", None) or error)


def build(platform: Platform) -> dg.ExecuteInProcessResult:
    """All models in one run, as a person asks for them."""
    return _run_groups(platform, "silver", "gold")


def follow(platform: Platform) -> dg.ExecuteInProcessResult:
    """All models in one run, as the automation condition asks for them."""
    return _run_groups(platform, "silver", "gold", tags={"dagster/from_automation_condition": "true"})


def make_open_formats(platform: Platform) -> dg.ExecuteInProcessResult:
    """All open formats in one run, which follows the build."""
    return _run_groups(platform, "open_formats")


def _run_groups(platform: Platform, *groups: str, tags: Mapping[str, str] | None = None) -> dg.ExecuteInProcessResult:
    graph = platform.definitions.resolve_asset_graph()
    assets = [key for key in graph.materializable_asset_keys if key.path[0] in groups]
    return platform.execute(dg.RunRequest(asset_selection=assets, tags=tags))


def load_all(platform: Platform) -> Loading:
    """Load the photos of the lake, and publish the ledger."""
    resources = platform.resources
    loading = load(resources.lake, resources.warehouse, resources.lake.list("photos"))
    resources.warehouse.publish(resources.published, [LEDGER])
    return loading


def differing(platform: Platform, *prefixes: str) -> list[str]:
    """The sols of the documents of the lake, below some prefixes, that bronze does not hold in this version."""
    resources = platform.resources
    different = unloaded(
        resources.lake, resources.warehouse, resources.published, resources.settings.rovers, prefixes or FOLDERS
    )
    return [each.key[-13:-8] for each in different]


def build_loaded_objects(platform: Platform, *bronze: str, rules: str | None = None) -> None:
    """What a dbt build would publish last."""
    import duckdb

    with duckdb.connect(platform.settings.home / "warehouse.duckdb") as connection:
        connection.execute("create schema if not exists silver")
        order = ",".join(platform.settings.sources)
        columns = f"select object_key, etag, rover, kind, source, sol, '{order}' as preferred_sources, "
        columns += f"'{photo_rules() if rules is None else rules}' as photo_rules from"
        tables = " union all ".join(f"{columns} {table}" for table in bronze or ("bronze.raw_photos",))
        connection.execute(f"create or replace table silver.loaded_objects as {tables}")
    platform.resources.warehouse.publish(platform.resources.published, [published_models()[-1]])
