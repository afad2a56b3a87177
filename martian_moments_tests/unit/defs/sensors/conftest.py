"""What the tests of the sensors share."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from types import ModuleType
from typing import Self

import pytest

from martian_moments.events.log import UPLOADS, Message
from martian_moments.events.uploads import upload_event
from martian_moments_tests.platforms import Platform, Tick

CURIOSITY, SPIRIT = "bronze/curiosity/photos", "bronze/spirit/photos"


class Clock:
    """A sensor's clock, moved by hand. Whole seconds, because cursors keep no more than tenths of one."""

    def __init__(self) -> None:
        self.now = float(round(time.time()))

    def time(self) -> float:
        return self.now

    @classmethod
    def of(cls, sensor: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Self:
        """The clock by which the sensor of a module goes from now on."""
        clock = cls()
        monkeypatch.setattr(sensor, "time", clock)
        return clock


def delete_the_log(platform: Platform) -> None:
    for file in platform.settings.home.glob("events.db*"):
        file.unlink()


def announce(platform: Platform, *keys: str) -> None:
    """Upload events without objects: the sensor never looks at the lake."""
    messages = [
        Message(key, upload_event(bucket="mars", key=key, etag="e", size=1, moment=datetime.now(UTC))) for key in keys
    ]
    platform.resources.event_log.publish(UPLOADS, messages)


def photos(rover: str, *sols: int) -> list[str]:
    return [f"photos/rover={rover}/source=v1/sol={sol:05d}.json.gz" for sol in sols]


def asked(tick: Tick) -> dict[str, list[tuple[str, ...]]]:
    """What a tick asks for: partition ranges (or the partition) by asset."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for request in tick.run_requests or ():
        tags = request.tags
        ends = (tags.get("dagster/asset_partition_range_start"), tags.get("dagster/asset_partition_range_end"))
        for asset in request.asset_selection or ():
            found.setdefault(asset.to_user_string(), []).append((request.partition_key,) if request.partition_key else ends)  # type: ignore[arg-type]
    return found
