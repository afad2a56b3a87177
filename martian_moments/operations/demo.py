"""The demonstration: the whole loop against the offline replica, and its result held against the replica's truth."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from martian_moments.domain.errors import MediaMissing, PlatformRunning
from martian_moments.domain.moments import PACKAGED
from martian_moments.nasa.sources import sources_of
from martian_moments.operations.platform import find_running
from martian_moments.operations.status import Status
from martian_moments.operations.watching import Watch
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.running import Control
from martian_moments.resources import Resources
from martian_moments.settings import Settings

if TYPE_CHECKING:
    from martian_moments.operations.supervisor import Supervisor

SOLS: Final = 40
"""Sols with photos per rover: enough for every picture to have a shape, few enough for two minutes."""

CONFIG: Final = ReplicaConfig(sols=SOLS, scale=0.5)

_POLITENESS: Final = {
    "MARS_REQUESTS_PER_MINUTE": "60000",
    "MARS_IMAGES_PER_MINUTE": "60000",
    "MARS_CONCURRENCY": "16",
}
"""The replica needs none."""


def environment(home: Path, addresses: Mapping[str, str]) -> dict[str, str]:
    """The settings of a demonstration: a world of its own, whatever the environment and ``.env`` say about lake and log.

    ``addresses`` are the replica's, by the names of their settings.
    """
    own = Settings(home=home, lake_url="", events_url="", warehouse_url="", dagster_home=None)
    return {
        **_POLITENESS,
        "MARS_HOME": str(home),
        "MARS_MOMENTS": str(PACKAGED),
        "MARS_LAKE_URL": own.lake,
        "MARS_EVENTS_URL": own.events,
        "MARS_WAREHOUSE_URL": own.warehouse,
        "MARS_DAGSTER_HOME": str(own.instance_home),
        **{f"MARS_{name.upper()}": address for name, address in addresses.items()},
    }


def start_anew(home: Path) -> None:
    """Remove what an earlier demonstration left. Raises PlatformRunning while one runs there."""
    running = find_running(home)
    if running is not None:
        raise PlatformRunning(f"a demonstration runs already (pid {running.supervisor.pid}); stop that one first")
    shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rover's counts against the truth.

    Attributes:
        source: the one whose photos it is held against.
        photos: promised by the truth, then found in lake, bronze and gold.
        identical: whether gold holds exactly the photos of the truth, each once.
        distance_m: driven, by the truth and by gold; None for a rover without a map.
    """

    rover: str
    source: str
    photos: tuple[int, int, int, int]
    identical: bool
    distance_m: tuple[float, float] | None

    @property
    def agrees(self) -> bool:
        """Whether everything agrees; distances to a decimetre per kilometre."""
        true, found = self.distance_m or (0.0, 0.0)
        close = abs(true - found) <= 1e-4 * max(1.0, true)
        return len(set(self.photos)) == 1 and self.identical and close


def compare(resources: Resources, now: Status, replica: Control) -> list[Verdict]:
    """Hold lake, bronze and gold against the replica's truth: every photo that each rover's preferred source has."""
    truth = replica.truth()
    return [_verdict(resources, now, replica, rover, truth["traverse"].get(rover)) for rover in truth["rovers"]]


def _verdict(resources: Resources, now: Status, replica: Control, rover: str, driven: Mapping[str, float] | None) -> Verdict:
    import pyarrow.compute as pc

    source = sources_of(rover, resources.settings.sources)[0]
    expected = sorted(identity for ids in replica.ids(source, rover).values() for identity in ids)
    summary = resources.published.read("gold", "rover_summary", ["rover", "photos", "distance_m"])
    rows = [] if summary is None else summary.filter(pc.equal(summary["rover"], rover)).to_pylist()
    row: dict[str, Any] = rows[0] if rows else {}
    photos = resources.published.read("silver", "fact_photos", ["rover", "source_id"])
    ids = photos.filter(pc.equal(photos["rover"], rover))["source_id"].to_pylist() if photos is not None else []
    counts = now.rovers[rover]
    return Verdict(
        rover=rover,
        source=source,
        photos=(len(expected), counts.photos_in_lake, counts.photos_in_bronze or 0, row.get("photos") or 0),
        identical=sorted(ids) == expected,
        distance_m=None if driven is None else (driven["distance_m"], row.get("distance_m") or 0.0),
    )


class DemoWatch(Watch):
    """Reports the demo's progress and, when it has settled, holds it against the truth and has a movie made.

    Attributes:
        verdicts: a verdict for each rover; empty until the demo has settled.
    """

    def __init__(
        self,
        resources: Resources,
        report: Callable[[str], None],
        *,
        control: Control,
        on_verdicts: Callable[[Sequence[Verdict], Mapping[str, str]], None],
        leave: bool,
    ) -> None:
        """As Watch.

        Args:
            resources: as Watch.
            report: as Watch.
            control: of the replica, which knows the truth.
            on_verdicts: gets the verdicts and what is at which address for people to look at, once.
            leave: whether the platform stops then.
        """
        super().__init__(resources, report, seconds=1.0, share=0.1)
        self._control = control
        self._on_verdicts = on_verdicts
        self._leave = leave
        self.verdicts: Sequence[Verdict] = ()
        self._waits_for_movie = False

    def seen(self, now: Status, platform: Supervisor) -> bool:
        """As Watch."""
        if self.verdicts:
            if self._waits_for_movie:
                self._look_for_movie(platform)
        elif now.settled:
            self.verdicts = compare(self._resources, now, self._control)
            addresses = {"Mars": platform.state.service_url, "Dagster": platform.state.url}
            self._on_verdicts(self.verdicts, {what: where for what, where in addresses.items() if where})
            self._ask_for_movie(platform)
        return self._leave and bool(self.verdicts) and not self._waits_for_movie

    def _ask_for_movie(self, platform: Supervisor) -> None:
        from martian_moments.operations import demo_movie

        try:
            demo_movie.ask(self._resources, platform.instance)
        except MediaMissing as error:
            self._report(f"no movie is made: {error}")
        else:
            self._waits_for_movie = True
            self._report(f"asked for the movie {demo_movie.MOMENT}")

    def _look_for_movie(self, platform: Supervisor) -> None:
        from martian_moments.operations import demo_movie

        line = demo_movie.where(self._resources, platform.instance)
        if line is not None:
            self._waits_for_movie = False
            self._report(line)

    @property
    def agreed(self) -> bool:
        """Whether the demo has settled and agrees with the truth."""
        return bool(self.verdicts) and all(verdict.agrees for verdict in self.verdicts)
