"""What a complete history holds, counted from the mission and not from what was served."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from martian_moments.replica.archive import DIALECTS, Archive
from martian_moments.replica.histories import GeneratedHistory, History
from martian_moments.replica.traverse import Traverse, newly_driven_m


def truth_of(archive: Archive) -> dict[str, Any]:
    """The truth about everything that can be had from the replica now (what is withheld is not part of it).

    ``{"rovers": {rover: {"sols": {sol: photos}, "photos", "photo_ids_sha256", "newest_sol"}},
    "sources": {source: {rover: {"sols": {sol: photos}, "photos", "newest_sol"}}},
    "traverse": {"perseverance": {"legs", "waypoints", "distance_m"}}}``; ``rovers`` is what v1 has; the hash is over the ids
    in ascending order, as decimal text, joined by newlines. Each source counts its own images: the feeds have thumbnails.
    ``distance_m`` counts overlapping legs once.
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
    return {"v1": of_v1} | {
        source: {
            DIALECTS[source].rover: {
                "sols": {str(sol): images for sol, images in feed.counts.items()},
                "photos": sum(feed.counts.values()),
                "newest_sol": max(feed.counts, default=None),
            }
        }
        for source, feed in archive.feeds.items()
    }


def ids_of(archive: Archive, source: str, rover: str) -> dict[str, list[str]]:
    """The ids that a source gives the photos of a rover, as text, by sol; empty where it does not have the rover."""
    if source == "v1" and rover in archive.histories:
        return {str(sol): list(map(str, ids)) for sol, ids in archive.histories[rover].photo_ids()}
    if source in archive.feeds and rover == DIALECTS[source].rover:
        feed = archive.feeds[source]
        return {str(sol): list(feed.ids(sol)) for sol in feed.sols}
    return {}


def _traverse_truth(archive: Archive) -> dict[str, Any]:
    files = archive.traverse
    if not files:
        return {}
    counts = {
        key: len(orjson.loads(files[name])["features"]) if name in files else 0
        for key, name in (("legs", "M20_traverse.json"), ("waypoints", "M20_waypoints.json"))
    }
    history = archive.histories["perseverance"]
    if isinstance(history, GeneratedHistory):
        distance = Traverse(history.mission).distance_m(history.newest_sol)
    else:
        distance = newly_driven_m(orjson.loads(files["M20_traverse.json"])["features"])
    return {"perseverance": {**counts, "distance_m": distance}}
