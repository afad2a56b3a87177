"""From settings to a lake, an event log, a warehouse, published tables and NASA: the one place that picks.

Assets and sensors name in their signatures which of these they touch (``lake``, ``event_log``, ``warehouse``,
``published``, ``nasa``); nothing else asks which implementation it got.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from martian_moments.settings import Settings

if TYPE_CHECKING:
    from martian_moments.events.log import EventLog
    from martian_moments.lake.store import Lake, ObjectInfo
    from martian_moments.pipelines.upstream import Nasa
    from martian_moments.warehouse.base import Warehouse
    from martian_moments.warehouse.published import Published

DESCRIPTIONS: Final = {
    "lake": "The object store with every document as it came from NASA: a folder, MinIO or any S3.",
    "event_log": "The topics that report uploads, requests and loads: SQLite or Kafka.",
    "warehouse": "Bronze, silver and gold: DuckDB or Snowflake.",
    "published": "The published tables as Parquet, which everybody may read at any moment.",
    "nasa": "NASA's servers, asked politely, in the order of MARS_SOURCES.",
}
"""The resources by name, as definitions and signatures have them."""


class Resources:
    """The resources that the settings name, each opened when it is first used and kept as long as the process runs.

    The commands take what they need from here. Assets and sensors never get this: they get what they name.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def lake(self) -> Lake:
        """The object store. Where it does not announce its uploads itself, each is reported to the event log."""
        from martian_moments.lake.store import Lake
        from martian_moments.pipelines.headers import cached_headers

        settings = self.settings
        return Lake(
            settings.lake,
            s3=self.settings.s3,
            announce=None if settings.lake_announces_itself else self._announce,
            known=lambda: cached_headers(self.published),
        )

    def _announce(self, written: ObjectInfo) -> None:
        from martian_moments.pipelines.announce import announce

        announce(self.event_log, self.settings.lake_bucket, written)

    @cached_property
    def event_log(self) -> EventLog:
        """The event log."""
        from martian_moments.events.open import open_log

        kafka = {name: value.get_secret_value() for name, value in self.settings.kafka.items()}
        return open_log(self.settings.events, kafka)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse. Only bronze loads and dbt open it."""
        from martian_moments.warehouse.open import open_warehouse

        return open_warehouse(self.settings.warehouse, self.settings.snowflake)

    @cached_property
    def published(self) -> Published:
        """The published tables, which everybody may read at any moment."""
        from martian_moments.warehouse.published import Published

        return Published(self.settings.published, s3=self.settings.s3)

    @cached_property
    def nasa(self) -> Nasa:
        """NASA's servers."""
        from martian_moments.pipelines.upstream import Nasa

        return Nasa(self.settings, self.lake)
