"""What a complete history holds, counted from the mission and not from what was served."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from martian_moments.replica.archive import DIALECTS, Archive
from martian_moments.replica.histories import AnyHistory, GeneratedHistory, History
from martian_moments.replica.mer_path import MERPath, recorded_truth
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
