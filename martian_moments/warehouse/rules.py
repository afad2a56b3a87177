"""By which rules the models read photos, and are made at all: digests of what decides it.

Silver reads a document of photos once (<source>_photos and sampled_records are incremental), so that its rows are those of
the release that read it. A build by other rules has to read every document again, or a mistake that was mended would stay in
what is held.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from martian_moments_dbt import PROJECT

_DECIDING: Final = ("dbt_project.yml", "macros/**/*.sql", "models/silver/**/*.sql", "seeds/*.csv")
_ALL: Final = (*_DECIDING, "models/**/*", "seeds/*", "tests/**/*.sql")


def photo_rules(project: Path = PROJECT) -> str:
    """SHA-256 hex of the SQL of silver, of the macros, of the seeds and of the project's variables (4 ms)."""
    return _digest(project, _DECIDING)


def model_rules(project: Path = PROJECT) -> str:
    """SHA-256 hex of all that a build of every model is made by: also gold, what is said of the models, and their tests."""
    return _digest(project, _ALL)


def _digest(project: Path, patterns: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for file in sorted({file for pattern in patterns for file in project.glob(pattern) if file.is_file()}):
        digest.update(f"\0{file.relative_to(project).as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()
