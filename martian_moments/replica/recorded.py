"""Recorded payloads: a folder of responses that NASA's servers really gave, found by their file names.

``v1_manifest_<rover>_<date>.json``, ``v1_photos_<rover>_sol<N>_<date>.json``, ``m20_feed_sol<N>_<remark>.json``,
``msl_api_sol<N>_<remark>.json``, ``mmgis_<mission>_traverse_<date>.json``, ``mmgis_<mission>_waypoints_full_<date>.json``
(``current`` without a ``full``) and ``mer_<rover>_traverse_path_<remark>.csv``; of several dates the last one is
served, and files with ``_cut`` in their names are not whole responses and are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import orjson

from martian_moments.domain.errors import InputError

_PHOTOS: Final = re.compile(r"v1_photos_(?P<rover>[a-z]+)_sol(?P<sol>\d+)_(?!.*_cut)[^/]*\.json")
_FEED_SOL: Final = re.compile(r"(?:m20_feed|msl_api)_sol(?P<sol>\d+)_(?!.*_cut)[^/]*\.json")


class Recording:
    """The payloads in one folder. Files are read when they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def sols(self) -> Mapping[str, Mapping[int, Path]]:
        """The file of every recorded sol, by rover and sol."""
        found: dict[str, dict[int, Path]] = {}
        for path in sorted(self._folder.iterdir()):
            if match := _PHOTOS.fullmatch(path.name):
                found.setdefault(match["rover"], {})[int(match["sol"])] = path
        return found

    def manifest(self, rover: str) -> bytes | None:
        """The recorded manifest response of a rover, unchanged."""
        return self._newest(f"v1_manifest_{rover}_*.json")

    def photos(self, rover: str, sol: int) -> bytes | None:
        """The recorded response for a sol, unchanged."""
        path = self.sols.get(rover, {}).get(sol)
        return None if path is None else path.read_bytes()

    def feed(self, source: str) -> Mapping[int, bytes]:
        """The recorded responses of a raw-image feed, each a whole sol, unchanged, by sol."""
        paths = sorted(self._folder.glob(f"{source}_*_sol*.json"))
        found = ((_FEED_SOL.fullmatch(path.name), path) for path in paths)
        return {int(match["sol"]): path.read_bytes() for match, path in found if match}

    def traverse(self, mission: str) -> bytes | None:
        """The recorded traverse of an MMGIS mission (``m20``, ``msl``), unchanged."""
        return self._newest(f"mmgis_{mission}_traverse_*.json")

    def waypoints(self, mission: str) -> bytes | None:
        """The recorded waypoints of an MMGIS mission, unchanged: the whole file where there is one, else the current one."""
        whole = self._newest(f"mmgis_{mission}_waypoints_full_*.json")
        return whole or self._newest(f"mmgis_{mission}_waypoints_current_*.json")

    def mer_path(self, rover: str) -> bytes | None:
        """The recorded path of Spirit or Opportunity, unchanged."""
        return self._newest(f"mer_{rover}_traverse_path_*.csv")

    def _newest(self, pattern: str) -> bytes | None:
        paths = sorted(path for path in self._folder.glob(pattern) if "_cut" not in path.name)
        return paths[-1].read_bytes() if paths else None


def manifest_of(response: bytes) -> dict[str, Any]:
    """The object under ``photo_manifest`` of a recorded manifest response.

    Raises:
        InputError: the file is not a manifest.
    """
    try:
        manifest = orjson.loads(response)["photo_manifest"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(f"a recorded manifest is not readable ({error!r}); record it again") from error
    return dict(manifest)
