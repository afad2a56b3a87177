"""What a complete history holds, counted from the mission and not from what was served."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import orjson

from martian_moments.replica.archive import DIALECTS, Archive
from martian_moments.replica.histories import AnyHistory, GeneratedHistory, History
from martian_moments.replica.mer_path import MERPath, recorded_truth
from martian_moments.replica.mission import Photo
from martian_moments.replica.msl import NO_TELEMETRY_UNTIL_SOL
from martian_moments.replica.pds import identities
from martian_moments.replica.traverse import Traverse, newly_driven_m


def truth_of(archive: Archive) -> dict[str, Any]:
    """The truth about everything that can be had from the replica now (what is withheld is not part of it).

    ``{"rovers": {rover: {"sols": {sol: photos}, "photos", "photo_ids_sha256", "newest_sol"}},
    "sources": {source: {rover: {"sols": {sol: photos}, "photos", "newest_sol"}}},
    "traverse": {rover: {"legs", "waypoints", "distance_m"}}}``; ``rovers`` is what v1 has; the hash is over the ids
    in ascending order, as decimal text, joined by newlines. Each source counts its own images: the feeds have thumbnails.
    ``distance_m`` counts overlapping and repeated legs once.
    """
    rovers = {name: _rover_truth(history) for name, history in archive.histories.items()}
    return {
        "rovers": rovers,
        "sources": _source_truths(archive, rovers),
        "traverse": _traverse_truth(archive),
    }


def _rover_truth(history: History) -> dict[str, Any]:
    sols: dict[str, int] = {}
    ids: list[int] = []
    for sol, photo_ids in history.photo_ids():
        sols[str(sol)] = len(photo_ids)
        ids.extend(photo_ids)
    digest = hashlib.sha256("\n".join(map(str, sorted(ids))).encode())
    newest = max(map(int, sols), default=None)
    return {"sols": sols, "photos": len(ids), "photo_ids_sha256": digest.hexdigest(), "newest_sol": newest}


def _source_truths(archive: Archive, rovers: Mapping[str, Any]) -> dict[str, Any]:
    of_v1 = {rover: {key: truth[key] for key in ("sols", "photos", "newest_sol")} for rover, truth in rovers.items()}
    return (
        {"v1": of_v1}
        | {
            source: {
                DIALECTS[source].rover: {
                    "sols": {str(sol): images for sol, images in feed.counts.items()},
                    "photos": sum(feed.counts.values()),
                    "newest_sol": max(feed.counts, default=None),
                }
            }
            for source, feed in archive.feeds.items()
        }
        | {
            "pds": {
                rover: {
                    "sols": {str(sol): lines for sol, lines in index.counts.items()},
                    "photos": sum(index.counts.values()),
                    "newest_sol": max(index.counts, default=None),
                }
                for rover, index in archive.indexes.items()
            }
        }
    )


def ids_of(archive: Archive, source: str, rover: str) -> dict[str, list[str]]:
    """The ids that a source gives the photos of a rover, as text, by sol; empty where it does not have the rover."""
    if source == "v1" and rover in archive.histories:
        return {str(sol): list(map(str, ids)) for sol, ids in archive.histories[rover].photo_ids()}
    if source in archive.feeds and rover == DIALECTS[source].rover:
        feed = archive.feeds[source]
        return {str(sol): list(feed.ids(sol)) for sol in feed.sols}
    if source == "pds" and rover in archive.indexes:
        index = archive.indexes[rover]
        return {str(sol): list(index.ids(sol)) for sol in index.sols}
    return {}


def observations_of(archive: Archive, source: str, rover: str) -> list[dict[str, Any]]:
    """What a generated rover observed, in order, as far as a source has it now; empty where it does not have the rover.

    ``[{"kind", "sol", "sequence", "site", "drive", "pointed", "frames": [[id, ...], ...], "pairs": [[place, place], ...]}]``

    The kinds are those of observations.py; ``sequence`` is the number in the file names; ``pointed`` says whether the source
    reports where the pictures look. A frame is one picture, as the ids of its tiles or its one id, without thumbnails and
    other renditions, in the order of time, the left eye first. A pair are the places, in the list of frames, of a left and a
    right picture that were taken at once.
    """
    history = archive.histories.get(rover)
    if not isinstance(history, GeneratedHistory):
        return []
    name = _frame_namer(archive, source, rover)
    if name is None:
        return []
    found = []
    for sol in history.sols:
        photos = sorted(history.visible(sol), key=lambda photo: (photo.shot.clock, photo.shot.look.eye))
        groups: dict[int, list[Photo]] = {}
        for photo in photos:
            groups.setdefault(id(photo.shot.observation), []).append(photo)
        found += [_observation(group, name, source) for group in groups.values()]
    return found


def pictures_of(archive: Archive, source: str, rover: str, sol: int) -> dict[str, Any]:
    """The pictures of a sol, as a source has them now, by photo_key; nothing where it does not have the rover.

    ``{photo_key: {"good", "reason", "flaw", "part", "mark", "gain", "renditions": {address: {"width", "height", "kind",
    "shift_px"}}}}``

    A picture is good, or there is a reason: a flaw of it (see pictures/flaws.py), or that it is a ``thumbnail``, a ``tile``,
    a ``subframe``, of ``other_size`` or ``other_kind`` than the whole picture beside it. ``mark`` is ``[rover, sol,
    exposure]`` as it can be read from the largest rendition, of a repeated picture that of the picture before; null where
    none can be read. ``gain`` is the factor on its light, ``shift_px`` how far right and down everything lies beside its
    place. ``kind`` is ``bayer`` (a mosaic, red in the first corner), ``gray`` or ``rgb``. Addresses are as in the records.
    """
    catalogue = archive.catalogues.get(rover)
    return catalogue.truth(source, sol) if catalogue else {}


def _frame_namer(archive: Archive, source: str, rover: str) -> Callable[[Photo], Sequence[str]] | None:
    """How a source names a picture: all ids of it but those of thumbnails and other renditions."""
    if source == "v1":
        return lambda photo: [str(photo.id)]
    if source in archive.feeds and rover == DIALECTS[source].rover:
        dialect = DIALECTS[source]
        return lambda photo: dialect.ids(photo)[: dialect.pictures(photo.shot)]
    if source == "pds" and rover in archive.indexes:
        return lambda photo: identities(photo)[:1]
    return None


def _observation(photos: Sequence[Photo], name: Callable[[Photo], Sequence[str]], source: str) -> dict[str, Any]:
    first = photos[0].shot
    pairs = [
        [place, place + 1]
        for place, (one, other) in enumerate(pairwise(photos))
        if one.shot.clock == other.shot.clock and (one.shot.look.eye, other.shot.look.eye) == ("L", "R")
    ]
    telemetry = source != "v1" and (source != "msl" or first.sol >= NO_TELEMETRY_UNTIL_SOL)
    return {
        "kind": first.observation.kind.name,
        "sol": first.sol,
        "sequence": first.observation.sequence,
        "site": first.site,
        "drive": first.drive,
        "pointed": telemetry and first.look.sight is not None,
        "frames": [list(name(photo)) for photo in photos],
        "pairs": pairs,
    }


def _traverse_truth(archive: Archive) -> dict[str, Any]:
    truths = {rover: _map_truth(archive, history) for rover, history in archive.histories.items()}
    return {rover: truth for rover, truth in truths.items() if truth}


def _map_truth(archive: Archive, history: AnyHistory) -> dict[str, Any]:
    rover = history.rover
    if isinstance(history, GeneratedHistory):
        newest = history.newest_sol
        path = Traverse(history.mission) if rover.mmgis else MERPath(history.mission)
        return {
            "legs": path.legs_driven(newest),
            "waypoints": path.places(newest),
            "distance_m": path.distance_m(newest),
        }
    if not rover.mmgis:
        recorded = history.recording.mer_path(rover.name)
        return recorded_truth(recorded) if recorded else {}
    features = {
        kind: orjson.loads(content)["features"]
        for kind in ("traverse", "waypoints")
        if (content := archive.traverse.get(f"{rover.mmgis}_{kind}.json"))
    }
    legs = features.get("traverse", [])
    return features and {
        "legs": len(legs),
        "waypoints": len(features.get("waypoints", [])),
        "distance_m": newly_driven_m(legs),
    }
