"""What the tests of the replica ask it."""

from __future__ import annotations

from typing import Any

import orjson

from martian_moments.replica.archive import Archive, PhotoQuery


def manifest(archive: Archive, rover: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(archive.manifest(rover).body)
    return found


def photos(archive: Archive, rover: str, sol: int, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(archive.photos(rover, PhotoQuery(sol=sol, **query)).body)
    return found


def sols(archive: Archive, rover: str) -> list[int]:
    return [row["sol"] for row in manifest(archive, rover)["photo_manifest"]["photos"]]


def shape(value: Any) -> Any:
    """Keys in their order and types of scalars; a list is what its items can be; any number is a number in a map file."""
    if isinstance(value, dict):
        return tuple((key, shape(item)) for key, item in value.items())
    if isinstance(value, list):
        return frozenset(map(shape, value))
    return type(value).__name__
