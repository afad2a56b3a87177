"""What must be there before the platform runs: ``init`` makes it, ``doctor`` looks for it, both in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from dagster import DagsterInstance

from martian_moments.domain.errors import EventLogError, EventLogUnavailable
from martian_moments.events.log import TOPICS, EventLog
from martian_moments.lake.bucket import Bucket
from martian_moments.operations.baking import bake, baked
from martian_moments.operations.failures import described
from martian_moments.operations.instance import INSTANCE_CONFIG, instance_exists, open_instance, prepare_instance, set_pools
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments_dbt import PROJECT


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that must be there.

    Attributes:
        what: its name.
        where: whose it is; an address or a folder.
        lacking: looks and says in words what is missing; empty when nothing is.
        make: makes what is missing.
        on_demand: whether the first start or load makes it as well, so that nothing is wrong while it is missing.
    """

    what: str
    where: str
    lacking: Callable[[], str]
    make: Callable[[], None]
    on_demand: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What became of a part. ``detail`` says what was missing or, where it failed, what to do."""

    state: Literal["already", "made", "failed"]
    detail: str

    @property
    def ok(self) -> bool:
        """Whether the part is there now."""
        return self.state != "failed"


def prepare(part: Part, home: Path) -> Step:
    """Make a part that is missing; ``home`` takes the details of what a library raises."""
    try:
        if not (lacking := part.lacking()):
            return Step("already", "")
        part.make()
    except Exception as error:  # noqa: BLE001 - whatever a library raises is this step's failure, the others are made
        return Step("failed", described(error, home))
    return Step("made", lacking)


def parts(resources: Resources) -> Iterator[Part]:
    """The parts that the settings name. Looking at or making one raises MartianError."""
    settings = resources.settings
    # Before the notification rules: a broker may make the topic of the first event by itself, with one partition.
    yield Part("topics", settings.events, partial(_topics_lack, resources), partial(_make_topics, resources))
    if settings.lake.startswith("s3:"):
        yield from _bucket_parts(resources)
    warehouse = partial(_warehouse_lacks, resources), partial(_make_warehouse, resources)
    yield Part("warehouse", settings.warehouse, *warehouse, on_demand=True)
    yield Part("dbt project", str(PROJECT), _project_lacks, _parse_project, on_demand=True)
    home, embedded = str(settings.instance_home), not settings.deployed
    storage = partial(_storage_lacks, settings), partial(_make_storage, settings)
    yield Part("Dagster storage", home, *storage, on_demand=embedded)
    yield Part("pools", home, partial(_pools_lack, settings), partial(_set_pools, settings), on_demand=embedded)


def _bucket_parts(resources: Resources) -> Iterator[Part]:
    url, bucket = resources.settings.lake, Bucket(resources.settings.lake_bucket, resources.settings.s3)
    yield Part("bucket", url, lambda: "" if bucket.exists() else "there is none", bucket.create)
    yield Part("versions", url, lambda: "" if bucket.keeps_versions() else "versioning is off", bucket.keep_versions)
    expiry = partial(_named, "older versions do not expire as they should in", bucket.lacking_expiry)
    yield Part("life cycle", url, expiry, bucket.expire_versions)
    if resources.settings.lake_announces_itself:
        silence = partial(_named, "the store announces no upload to", bucket.unannounced)
        yield Part("notifications", url, silence, bucket.announce)


def _named(what: str, look: Callable[[], list[str]]) -> str:
    names = look()
    return f"{what} {', '.join(names)}" if names else ""


def _topics_lack(resources: Resources) -> str:
    def narrow() -> list[str]:
        return [topic for topic, partitions in TOPICS.items() if _partitions(resources.event_log, topic) < partitions]

    return _named("missing, or with too few partitions:", narrow)


def _partitions(log: EventLog, topic: str) -> int:
    try:
        return len(log.watermarks(topic))
    except EventLogUnavailable:
        raise
    except EventLogError:
        return 0


def _make_topics(resources: Resources) -> None:
    resources.event_log.ensure()


def _warehouse_lacks(resources: Resources) -> str:
    return "" if resources.warehouse.exists() else "no tables yet"


def _make_warehouse(resources: Resources) -> None:
    resources.warehouse.ensure(resources.published)


def _project_lacks() -> str:
    return "" if baked() else "not parsed since it changed"


def _parse_project() -> None:
    bake()


def _storage_lacks(settings: Settings) -> str:
    if not instance_exists(settings):
        return "none yet"
    with open_instance(settings) as instance:
        return _named("to be migrated:", partial(_outdated, instance))


def _outdated(instance: DagsterInstance) -> list[str]:
    storages = {"runs": instance.run_storage, "events": instance.event_log_storage, "schedules": instance.schedule_storage}
    versions = {name: storage.alembic_version() for name, storage in storages.items() if storage is not None}
    return [name for name, version in versions.items() if version is not None and version[0] != version[1]]


def _make_storage(settings: Settings) -> None:
    if instance_exists(settings):
        with open_instance(settings) as instance:
            instance.upgrade()
    else:
        with prepare_instance(settings.instance_home, instance_config=INSTANCE_CONFIG, pools=settings.pools):
            pass


def _pools_lack(settings: Settings) -> str:
    def unset() -> list[str]:
        limits = {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits() if not pool.from_default}
        return [f"{pool} to {limit}" for pool, limit in settings.pools.items() if limits.get(pool) != limit]

    if not instance_exists(settings):
        return "none yet"
    with open_instance(settings) as instance:
        return _named("to be set:", unset)


def _set_pools(settings: Settings) -> None:
    with open_instance(settings) as instance:
        set_pools(instance, settings.pools)
