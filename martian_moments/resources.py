"""The place that picks parts: from settings to a lake, an event log, a warehouse and the upstream sources.

Everything else takes these parts as they come; nothing else asks which implementation it got.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from martian_moments.domain.errors import DiskFull
from martian_moments.events.log import UPLOADS, Message
from martian_moments.events.uploads import upload_event
from martian_moments.infrastructure.addresses import taken_apart
from martian_moments.infrastructure.object_store import S3Options
from martian_moments.infrastructure.space import shortage
from martian_moments.settings import Settings

if TYPE_CHECKING:
    from martian_moments.domain.coverage import Coverage
    from martian_moments.events.log import EventLog
    from martian_moments.lake.store import Lake, ObjectInfo
    from martian_moments.nasa.http import PoliteClient
    from martian_moments.nasa.sources import PhotoSource, TraverseSource, Upstream
    from martian_moments.warehouse.base import Warehouse
    from martian_moments.warehouse.published import Published
    from martian_moments.warehouse.snowflake_account import SnowflakeAccount

SCRATCH: Final = "scratch"
"""The folder of the home for what is on its way to the lake."""

EMBEDDED_BUCKET: Final = "mars"
"""The bucket that the file store's events name; the folder itself has no bucket."""


class Rooms:
    """The parts that the settings name, each opened when it is first used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def shortage(self) -> str | None:
        """Which disk has less free than is kept in reserve, in words; None when there is room for work."""
        return shortage(self.settings.folders)

    def require_space(self) -> None:
        """Raise DiskFull unless there is room for work."""
        if short := self.shortage():
            raise DiskFull(short)

    @cached_property
    def lake(self) -> Lake:
        """The object store. Where it does not announce its uploads itself, the event log is told of each."""
        from martian_moments.lake.store import Lake
        from martian_moments.pipelines.load import cached_headers

        settings = self.settings
        on_s3 = settings.lake.startswith("s3:")
        return Lake(
            settings.lake,
            s3=self.s3_options,
            announce=None if self.lake_announces_itself else self._announce,
            # Files are opened faster than a table is read.
            known=(lambda: cached_headers(self.published)) if on_s3 else None,
        )

    @property
    def lake_bucket(self) -> str:
        """The bucket that the events of the lake's uploads name."""
        address = taken_apart(self.settings.lake)
        return address.netloc if address.scheme == "s3" else EMBEDDED_BUCKET

    @property
    def lake_announces_itself(self) -> bool:
        """Whether the object store sends its upload events to Kafka. AWS has no such target: there the writer tells."""
        settings = self.settings
        on_other_s3 = settings.lake.startswith("s3:") and not self.s3_options.is_aws
        return on_other_s3 and settings.events.startswith("kafka:")

    @property
    def s3_options(self) -> S3Options:
        """How to reach S3, for whatever lies there."""
        settings = self.settings
        secret, token = settings.aws_secret_access_key, settings.aws_session_token
        return S3Options(
            endpoint=settings.aws_endpoint_url,
            access_key_id=settings.aws_access_key_id,
            secret_access_key=secret.get_secret_value() if secret else None,
            session_token=token.get_secret_value() if token else None,
            region=settings.aws_region,
        )

    def _announce(self, written: ObjectInfo) -> None:
        bucket = self.lake_bucket
        event = upload_event(bucket=bucket, key=written.key, etag=written.etag, size=written.size, moment=written.modified)
        self.log.publish(UPLOADS, [Message(f"{bucket}/{written.key}", event)])

    @cached_property
    def log(self) -> EventLog:
        """The event log."""
        from martian_moments.events.open import open_log

        kafka = {name: value.get_secret_value() for name, value in self.settings.kafka.items()}
        return open_log(self.settings.events, kafka)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse. Only bronze loads and dbt open it."""
        from martian_moments.warehouse.open import open_warehouse

        return open_warehouse(self.settings.warehouse, self._snowflake_account)

    @property
    def _snowflake_account(self) -> SnowflakeAccount:
        from martian_moments.warehouse.snowflake_account import SnowflakeAccount

        settings = self.settings
        passphrase, password = settings.snowflake_private_key_passphrase, settings.snowflake_password
        return SnowflakeAccount(
            account=settings.snowflake_account,
            user=settings.snowflake_user,
            private_key_path=settings.snowflake_private_key_path,
            private_key_passphrase=passphrase.get_secret_value() if passphrase else None,
            password=password.get_secret_value() if password else None,
            role=settings.snowflake_role,
            database=settings.snowflake_database,
            warehouse=settings.snowflake_warehouse,
            host=settings.snowflake_host,
            port=settings.snowflake_port,
            protocol=settings.snowflake_protocol,
            trial=settings.snowflake_trial,
        )

    @cached_property
    def published(self) -> Published:
        """The published tables, which everybody may read at any moment."""
        from martian_moments.warehouse.published import Published

        return Published(self.settings.published, s3=self.s3_options)

    @cached_property
    def upstream(self) -> Upstream:
        """NASA's addresses."""
        from martian_moments.nasa.sources import Upstream

        settings = self.settings
        key = settings.v1_api_key
        return Upstream(
            m20_url=settings.m20_url,
            msl_url=settings.msl_url,
            pds_url=settings.pds_url,
            v1_url=settings.v1_url,
            mmgis_url=settings.mmgis_url,
            mer_traverse_url=settings.mer_traverse_url,
            v1_api_key=key.get_secret_value() if key else None,
        )

    def client(self) -> PoliteClient:
        """A client with this run's share of the rate limit and of the requests in flight.

        The NASA pool lets ``nasa_slots`` runs ask at the same time, so each takes that part of both.
        """
        from martian_moments.nasa.http import PoliteClient

        return PoliteClient(
            requests_per_minute=self.settings.requests_per_minute / self.settings.nasa_slots,
            concurrency=self.requests_in_flight,
            secrets=self.upstream.secrets,
            held=self.pauses,
            on_pause=self._keep_pause,
        )

    @property
    def pauses(self) -> Mapping[str, datetime]:
        """The hosts that asked for a pause of more than an hour which has not ended, and its end (UTC)."""
        from martian_moments.nasa.retry_after import LONGEST_PAUSE_S
        from martian_moments.pipelines.pauses import kept

        return kept(self.lake, datetime.now(UTC), longest=timedelta(seconds=LONGEST_PAUSE_S))

    def _keep_pause(self, host: str, until: datetime) -> None:
        from martian_moments.pipelines.pauses import LONG, keep

        if until > datetime.now(UTC) + LONG:
            keep(self.lake, host, until)

    @property
    def requests_in_flight(self) -> int:
        """A run's share of the requests in flight."""
        return max(1, self.settings.concurrency // self.settings.nasa_slots)

    def sources_of(self, rover: str) -> tuple[str, ...]:
        """The names of the photo sources that can have a rover, in the order of the settings' preference."""
        from martian_moments.nasa.sources import sources_of

        return sources_of(rover, self.settings.sources)

    def photo_sources(self, client: PoliteClient, rover: str) -> Sequence[PhotoSource]:
        """The photo sources that can have a rover, in the order of the settings' preference."""
        from martian_moments.nasa.sources import photo_sources

        return photo_sources(self.sources_of(rover), client, self.upstream, self.lake, self.settings.home / SCRATCH)

    def coverage(self, rover: str) -> Coverage:
        """What the lake holds and is promised for a rover, by each of its photo sources."""
        from martian_moments.pipelines.ingest import coverage

        return coverage(self.lake, rover, self.sources_of(rover))

    def traverse_source(self, client: PoliteClient, rover: str) -> TraverseSource:
        """The source of a rover's traverse maps."""
        from martian_moments.nasa.sources import traverse_source

        return traverse_source(client, self.upstream, rover)

    @cached_property
    def dbt_project(self) -> Path:
        """The folder of the dbt project, beside this package."""
        return Path(__file__).resolve().parent.parent / "martian_moments_dbt"
