"""Damaged files that were set aside: the newest of a path is kept to be looked at, so that they never fill a disk."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

DAMAGED: Final = ".damaged-"
"""Between the name of a file and the time at which it was set aside."""


def aside_name(path: Path) -> Path:
    """Where a damaged file is to be moved now, beside its path."""
    return path.with_name(f"{path.name}{DAMAGED}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")


def remove_older(path: Path, kept: Path) -> None:
    """Remove what was set aside from a path earlier, but for folders; what cannot be removed stays, with a warning.

    Args:
        path: of the file.
        kept: where it was set aside last. Its companions (``<kept>.wal`` and the like) stay as well.
    """
    for each in path.parent.iterdir():
        if each.name.startswith(path.name + DAMAGED) and not each.name.startswith(kept.name) and each.is_file():
            try:
                each.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("%s was set aside earlier and cannot be removed (%s); remove it by hand", each, error)
