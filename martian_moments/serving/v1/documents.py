"""The JSON of v1: rovers, cameras, photos and manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import orjson

from martian_moments.domain.rovers import ROVERS, Rover
from martian_moments.serving.query import rows
from martian_moments.serving.snapshot import Snapshot
from martian_moments.serving.v1 import tables
from martian_moments.serving.v1.sols import Photo


@dataclass(frozen=True, slots=True)
class KnownRover:
    """A rover as one build has it.

    Attributes:
        facts: what never changes.
        max_sol: the newest sol with photos, None without photos.
        document: its JSON with 9 keys.
        cameras: the JSON of its cameras within a photo, by name.
    """

    facts: Rover
    max_sol: int | None
    document: orjson.Fragment
    cameras: Mapping[str, orjson.Fragment]


_rovers: Final[WeakKeyDictionary[Snapshot, Mapping[str, KnownRover]]] = WeakKeyDictionary()
_manifests: Final[WeakKeyDictionary[Snapshot, dict[tuple[str, bool], orjson.Fragment]]] = WeakKeyDictionary()


async def known_rovers(snapshot: Snapshot) -> Mapping[str, KnownRover]:
    """The rovers of a snapshot by name, in the order of their ids."""
    if (known := _rovers.get(snapshot)) is None:
        found = {rover: (sol, photos, cameras) for rover, sol, photos, cameras in await rows(snapshot, tables.ROVERS_OF)}
        by_id = sorted(ROVERS.values(), key=lambda rover: rover.v1_id)
        known = {rover.name: _known_rover(rover, *found.get(rover.name, (None, None, []))) for rover in by_id}
        _rovers[snapshot] = known
    return known


def _known_rover(rover: Rover, max_sol: int | None, photos: int | None, cameras: list[dict[str, Any]]) -> KnownRover:
    document = {
        "id": rover.v1_id,
        **_mission(rover),
        **_totals(rover, max_sol, photos or 0),
        "cameras": [{"name": camera["name"], "full_name": camera["full_name"]} for camera in cameras],
    }
    within = {
        camera["name"]: _fragment({**camera, "rover_id": rover.v1_id}, "id", "name", "rover_id", "full_name")
        for camera in cameras
    }
    return KnownRover(rover, max_sol, orjson.Fragment(orjson.dumps(document)), within)


def _fragment(document: Mapping[str, Any], *keys: str) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps({key: document[key] for key in keys}))


def _mission(rover: Rover) -> dict[str, Any]:
    return {
        "name": rover.title,
        "landing_date": rover.landing_date,
        "launch_date": rover.launch_date,
        "status": rover.status,
    }


def _totals(rover: Rover, max_sol: int | None, photos: int) -> dict[str, Any]:
    max_date = None if max_sol is None else rover.v1_earth_date(max_sol)
    return {"max_sol": max_sol, "max_date": max_date, "total_photos": photos}


def photo_documents(known: KnownRover, photos: Sequence[Photo]) -> list[dict[str, Any]]:
    """Photos of a rover, in their order."""
    dates = {sol: known.facts.v1_earth_date(sol) for sol in {photo.sol for photo in photos}}
    return [
        {
            "id": photo.id,
            "sol": photo.sol,
            "camera": known.cameras[photo.camera],
            "img_src": photo.image_url,
            "earth_date": dates[photo.sol],
            "rover": known.document,
        }
        for photo in photos
    ]


async def manifest(snapshot: Snapshot, rover: Rover, *, with_photos: bool) -> orjson.Fragment:
    """The manifest of a rover, or what it says of all of its sols together; made once of each snapshot."""
    made = _manifests.setdefault(snapshot, {})
    if (document := made.get((rover.name, with_photos))) is None:
        sols = await rows(snapshot, tables.SOLS_OF, [rover.name])
        totals = _totals(rover, sols[-1][0] if sols else None, sum(photos for _, photos, _ in sols))
        listed = [
            {"sol": sol, "earth_date": rover.v1_earth_date(sol), "total_photos": photos, "cameras": cameras}
            for sol, photos, cameras in sols
        ]
        whole = {**_mission(rover), **totals, **({"photos": listed} if with_photos else {})}
        document = made[rover.name, with_photos] = orjson.Fragment(orjson.dumps(whole))
    return document
