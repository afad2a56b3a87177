"""What a complete history holds, counted from the mission and not from what was served."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from martian_moments.replica.archive import Archive
from martian_moments.replica.histories import GeneratedHistory, History
from martian_moments.replica.traverse import Traverse, newly_driven_m


def truth_of(archive: Archive) -> dict[str, Any]:
    """The truth about everything that can be had from the replica now (what is withheld is not part of it).

    ``{"rovers": {rover: {"sols": {sol: photos}, "photos", "photo_ids_sha256", "newest_sol"}},
    "traverse": {"perseverance": {"legs", "waypoints", "distance_m"}}}``; the hash is over the ids in ascending order,
    as decimal text, joined by newlines. ``distance_m`` counts overlapping legs once.
    """
    return {
        "rovers": {name: _rover_truth(history) for name, history in archive.histories.items()},
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
