"""What was downloaded or built once, kept for every checkout of this user."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def built(name: str, build: Callable[[Path], None]) -> Path:
    """The folder of this name in the cache, made by ``build`` where it is missing.

    It appears under its name only when it is complete: an interrupted build starts anew, and two that start at the same
    time build once.

    Args:
        name: with the version, so that a newer one is built beside it.
        build: fills the empty folder that it is given.
    """
    cache = _cache()
    target = cache / name
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{name}.lock"):
        if not target.is_dir():
            part = cache / f"{name}.part"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            build(part)
            part.rename(target)
    return target


def has(name: str) -> bool:
    """Whether the cache holds this folder."""
    return (_cache() / name).is_dir()


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "martian-moments" / "services"
