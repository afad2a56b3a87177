"""What the v1 API reports about one rover: generated, or recorded. Both kinds respond to the same questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final, Protocol

import orjson

from martian_moments.domain.rovers import Camera, Rover
from martian_moments.replica.config import Unrecorded
from martian_moments.replica.file_names import Shot
from martian_moments.replica.mission import Mission, Photo, SolPlan, plan_mission, promises_of
from martian_moments.replica.recorded import Recording, manifest_of
from martian_moments.replica.v1_names import V1_ROVERS, full_name

LATE_WINDOW: Final = 10
"""Photos are withheld on this many of the newest sols: late photos belong to recent sols."""

_SHORT_ROVER_EVERY: Final = 4
"""One sol in so many carries the rover object with 5 keys; both shapes came from the same server."""


class NotRecordedError(Exception):
    """The sol is promised by a recorded manifest, was not recorded, and is not to be generated."""


@dataclass(frozen=True, slots=True)
class SolPhotos:
    """The photos of one sol.

    Attributes:
        records: v1 photo objects in the order of the API, ready for orjson.
        cameras: the camera name of each record.
        synthetic: whether they were generated.
        whole: the recorded response for the whole sol, unchanged, where there is one.
    """

    records: Sequence[Mapping[str, Any]]
    cameras: Sequence[str]
    synthetic: bool
    whole: bytes | None = None


@dataclass(frozen=True, slots=True)
class Late:
    """What a generated rover withholds now: its newest sols, and a share of the photos of the newest ones."""

    sols: int = 0
    share: float = 0.0


class History(Protocol):
    """What v1 reports about one rover at this moment."""

    rover: Rover
    synthetic: bool
    """Whether its responses are generated unless they say otherwise."""

    def manifest(self) -> bytes:
        """The manifest response."""

    def totals(self) -> dict[str, Any]:
        """``max_sol``, ``max_date`` and ``total_photos`` as the manifest has them."""

    def photos(self, sol: int) -> SolPhotos:
        """The photos of a sol; none for a sol without photos. Raises NotRecordedError."""

    def photo_ids(self) -> Iterator[tuple[int, Sequence[int]]]:
        """Every sol that can be had now, ascending, with the ids of its photos."""

    def later(self, late: Late) -> History:
        """The rover's history when this is what it still withholds."""


class GeneratedHistory:
    """A generated mission, served as v1 would serve it. Immutable: a release makes a new one."""

    synthetic = True

    def __init__(self, mission: Mission, late: Late) -> None:
        self.rover = mission.rover
        self.mission = mission
        plans = mission.sols[: max(1, len(mission.sols) - late.sols)]
        window = {plan.sol for plan in mission.sols[-LATE_WINDOW:]} if late.share else set()
        self._late_photos = {plan.sol: self._withhold(plan, late.share) for plan in plans if plan.sol in window}
        self._plans = plans
        self._sols = {plan.sol for plan in plans}

    def _withhold(self, plan: SolPlan, share: float) -> list[Photo]:
        # The first photo of a sol is never late: whole sols are withheld by their number, not by chance.
        draw = self.mission.random("late", plan.sol)
        first, *others = self.mission.photos(plan.sol)
        return [first, *(photo for photo in others if draw.random() >= share)]

    @property
    def newest_sol(self) -> int:
        """The newest sol with photos."""
        return self._plans[-1].sol

    def manifest(self) -> bytes:
        """The manifest response."""
        rows = [
            {
                "sol": plan.sol,
                "earth_date": self.rover.v1_earth_date(plan.sol),
                "total_photos": photos,
                "cameras": cameras,
            }
            for plan in self._plans
            for photos, cameras in (self._row(plan),)
        ]
        facts = {"name": self.rover.title, **_mission_facts(self.rover), **self.totals(), "photos": rows}
        return orjson.dumps({"photo_manifest": facts, "synthetic": True})

    def totals(self) -> dict[str, Any]:
        """``max_sol``, ``max_date`` and ``total_photos`` as the manifest has them."""
        total = sum(self._row(plan)[0] for plan in self._plans)
        newest = self.newest_sol
        return {"max_sol": newest, "max_date": self.rover.v1_earth_date(newest), "total_photos": total}

    def _row(self, plan: SolPlan) -> tuple[int, list[str]]:
        photos = self._late_photos.get(plan.sol)
        if photos is None:
            return plan.photos, sorted(name for name, _ in plan.cameras)
        return len(photos), sorted({photo.camera for photo in photos})

    def photos(self, sol: int) -> SolPhotos:
        """The photos of a sol."""
        if sol not in self._sols:
            return SolPhotos((), (), synthetic=True)
        photos = self.visible(sol)
        short = self.mission.random("shape", sol).randrange(_SHORT_ROVER_EVERY) == 0
        return generated_photos(photos, self.rover, sol, self._short_rover if short else self._long_rover)

    @property
    def sols(self) -> Sequence[int]:
        """The sols with photos that can be had now, ascending."""
        return [plan.sol for plan in self._plans]

    def visible(self, sol: int) -> Sequence[Photo]:
        """The photos of a sol that can be had now; none of a sol without photos."""
        if sol not in self._sols:
            return ()
        return self._late_photos.get(sol) or self.mission.photos(sol)

    def shots(self, sol: int) -> Iterable[Shot]:
        """How each photo that :meth:`visible` gives is taken, without making the photos."""
        photos = self._late_photos.get(sol)
        return self.mission.shots(sol) if photos is None else (photo.shot for photo in photos)

    def photo_ids(self) -> Iterator[tuple[int, Sequence[int]]]:
        """Every sol with the ids of its photos; those of sols without late photos are counted, not generated."""
        for plan in self._plans:
            photos = self._late_photos.get(plan.sol)
            whole = range(plan.first_id, plan.first_id + plan.photos)
            yield plan.sol, whole if photos is None else [photo.id for photo in photos]

    def later(self, late: Late) -> GeneratedHistory:
        """The same mission with less withheld."""
        return GeneratedHistory(self.mission, late)

    @cached_property
    def _short_rover(self) -> orjson.Fragment:
        return orjson.Fragment(orjson.dumps(short_rover_object(self.rover)))

    @cached_property
    def _long_rover(self) -> orjson.Fragment:
        return orjson.Fragment(orjson.dumps(rover_object(self.rover, self.totals())))


class RecordedHistory:
    """A recorded rover. Its manifest is served unchanged, unless ``omit`` cuts it to the recorded sols.

    Args:
        rover: whose history.
        recording: the folder that holds its photos.
        response: its recorded manifest response.
        unrecorded: what happens to promised sols without a recording (see config.py).
        seed: of the photos that ``generate`` makes for them.
    """

    synthetic = False

    def __init__(self, rover: Rover, recording: Recording, response: bytes, unrecorded: Unrecorded, seed: int) -> None:
        self.rover = rover
        self.recording = recording
        self._recorded = recording.sols.get(rover.name, {})
        self._response = response
        self._manifest = manifest_of(response)
        self.fill: Mission | None = None
        """What stands in for promised sols without a recording."""
        if unrecorded == "generate":
            self.fill = plan_mission(rover, seed, promises_of(self._manifest))
        if unrecorded == "omit":
            self._manifest = _only_sols(self._manifest, set(self._recorded))
            self._response = orjson.dumps({"photo_manifest": self._manifest, "synthetic": True})
        self.sols = {row["sol"] for row in self._manifest["photos"]}
        """The sols that the manifest promises."""

    def manifest(self) -> bytes:
        """The manifest response."""
        return self._response

    def totals(self) -> dict[str, Any]:
        """``max_sol``, ``max_date`` and ``total_photos`` of the manifest."""
        return {key: self._manifest[key] for key in ("max_sol", "max_date", "total_photos")}

    def photos(self, sol: int) -> SolPhotos:
        """The photos of a sol: recorded, generated as promised, or none where the manifest promises none."""
        if whole := self.recording.photos(self.rover.name, sol):
            records = orjson.loads(whole)["photos"]
            return SolPhotos(records, [record["camera"]["name"] for record in records], synthetic=False, whole=whole)
        if sol not in self.sols:
            return SolPhotos((), (), synthetic=False)
        if self.fill is None:
            raise NotRecordedError(f"{self.rover.name} sol {sol} was not recorded")
        rover = orjson.Fragment(orjson.dumps(rover_object(self.rover, self.totals())))
        return generated_photos(self.fill.photos(sol), self.rover, sol, rover)

    def photo_ids(self) -> Iterator[tuple[int, Sequence[int]]]:
        """Every sol that can be had, with the ids of its photos."""
        for sol in sorted(self.sols | set(self._recorded)):
            if sol in self._recorded:
                yield sol, [record["id"] for record in self.photos(sol).records]
            elif self.fill is not None:
                plan = self.fill.by_sol[sol]
                yield sol, range(plan.first_id, plan.first_id + plan.photos)

    def later(self, late: Late) -> RecordedHistory:  # noqa: ARG002 - the protocol's signature
        """The same history: nothing recorded is ever withheld."""
        return self


AnyHistory = GeneratedHistory | RecordedHistory


def _only_sols(manifest: Mapping[str, Any], sols: set[int]) -> dict[str, Any]:
    rows = [row for row in manifest["photos"] if row["sol"] in sols]
    newest = rows[-1] if rows else {"sol": 0, "earth_date": manifest["landing_date"]}
    return {
        **manifest,
        "max_sol": newest["sol"],
        "max_date": newest["earth_date"],
        "total_photos": sum(row["total_photos"] for row in rows),
        "photos": rows,
    }


def generated_photos(photos: Sequence[Photo], rover: Rover, sol: int, rover_json: orjson.Fragment) -> SolPhotos:
    """Generated photos as v1 records; what is the same in many records is encoded once."""
    earth_date = rover.v1_earth_date(sol)
    cameras = _camera_fragments(rover)
    records = [
        {
            "id": photo.id,
            "sol": sol,
            "camera": cameras[photo.camera],
            "img_src": photo.img_src,
            "earth_date": earth_date,
            "rover": rover_json,
        }
        for photo in photos
    ]
    return SolPhotos(records, [photo.camera for photo in photos], synthetic=True)


def _camera_fragments(rover: Rover) -> dict[str, orjson.Fragment]:
    return {
        name: orjson.Fragment(orjson.dumps(_camera_object(rover, rover.cameras[name])))
        for name in V1_ROVERS[rover.name].cameras
    }


def _camera_object(rover: Rover, camera: Camera) -> dict[str, Any]:
    return {"id": camera.v1_id, "name": camera.name, "rover_id": rover.v1_id, "full_name": full_name(camera)}


def short_rover_object(rover: Rover) -> dict[str, Any]:
    """The rover object with 5 keys."""
    return {"id": rover.v1_id, "name": rover.title, **_mission_facts(rover)}


def rover_object(rover: Rover, totals: Mapping[str, Any]) -> dict[str, Any]:
    """The rover object with 9 keys: it repeats the manifest's totals and lists the cameras."""
    cameras = [{"name": name, "full_name": full_name(rover.cameras[name])} for name in V1_ROVERS[rover.name].cameras]
    return {**short_rover_object(rover), **totals, "cameras": cameras}


def _mission_facts(rover: Rover) -> dict[str, date | str]:
    return {"landing_date": rover.landing_date, "launch_date": rover.launch_date, "status": rover.status}
