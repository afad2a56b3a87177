"""NASA as the platform asks it: which sources there are for a rover, and a client that keeps to every limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from martian_moments.nasa.sources import photo_sources, sources_of, traverse_source
from martian_moments.pipelines import pauses
from martian_moments.settings import SCRATCH, Settings

if TYPE_CHECKING:
    from martian_moments.lake.store import Lake
    from martian_moments.nasa.http import PoliteClient
    from martian_moments.nasa.protocols import PhotoSource, TraverseSource

UNDER_WAY_PER_REQUEST: Final = 2
"""Sols or pictures under way for each request in flight: while one is measured and stored, the next one is asked for."""


class Nasa:
    """NASA's servers, with the settings' order of preference and this run's share of their limits.

    The lake keeps the pauses that hosts ask for, and the indexes of a source that has no question by sol.
    """

    def __init__(self, settings: Settings, lake: Lake) -> None:
        self._settings = settings
        self._lake = lake

    def client(self) -> PoliteClient:
        """A client with this run's share of the rate limit and of the requests in flight.

        The NASA pool lets ``nasa_slots`` runs ask at the same time, so each takes that part of both.
        """
        from martian_moments.nasa.http import PoliteClient

        return PoliteClient(
            requests_per_minute=self._settings.requests_per_minute / self._settings.nasa_slots,
            concurrency=self.requests_in_flight,
            secrets=self._settings.upstream.secrets,
            held=self.pauses,
            on_pause=self.keep_pause,
        )

    def pictures_client(self) -> PoliteClient:
        """A client for pictures, with a rate limit of their own: they come as files from the servers of the galleries."""
        from martian_moments.nasa.http import PoliteClient

        return PoliteClient(
            requests_per_minute=self._settings.images_per_minute,
            concurrency=self._settings.concurrency,
            secrets=self._settings.upstream.secrets,
            held=self.pauses,
            on_pause=self.keep_pause,
        )

    @property
    def requests_in_flight(self) -> int:
        """A run's share of the requests in flight."""
        return max(1, self._settings.concurrency // self._settings.nasa_slots)

    @property
    def pauses(self) -> Mapping[str, datetime]:
        """The hosts that asked for a pause of more than an hour which has not ended, and its end (UTC)."""
        from martian_moments.nasa.retry_after import LONGEST_PAUSE_S

        return pauses.kept(self._lake, datetime.now(UTC), longest=timedelta(seconds=LONGEST_PAUSE_S))

    def keep_pause(self, host: str, until: datetime) -> None:
        """Keep for every other run until when (UTC) a host wants no requests, unless that is soon."""
        if until > datetime.now(UTC) + pauses.LONG:
            pauses.keep(self._lake, host, until)

    def photo_sources(self, client: PoliteClient, rover: str) -> Sequence[PhotoSource]:
        """The photo sources that can have a rover, in the order of the settings' preference."""
        names = sources_of(rover, self._settings.sources)
        return photo_sources(names, client, self._settings.upstream, self._lake, self._settings.home / SCRATCH)

    def traverse_source(self, client: PoliteClient, rover: str) -> TraverseSource:
        """The source of a rover's traverse maps."""
        return traverse_source(client, self._settings.upstream, rover)
