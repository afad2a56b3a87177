"""By which rules the models read photos: a digest of what decides it.

Silver reads a document of photos once (source_photos is incremental), so that its rows are those of the release that read
it. A build by other rules has to read every document again, or a mistake that was mended would stay in what is held.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from martian_moments.warehouse.bronze import references

DBT_PROJECT: Final = Path(__file__).resolve().parents[2] / "martian_moments_dbt"

_DECIDING: Final = ("macros", "models/silver")


def photo_rules(project: Path = DBT_PROJECT) -> str:
    """SHA-256 hex of the SQL of silver and of its macros, and of the facts about the rovers (4 ms)."""
    files = sorted(file for folder in _DECIDING for file in (project / folder).rglob("*.sql"))
    digest = hashlib.sha256(repr(references()["rovers"]).encode())
    for file in files:
        digest.update(f"\0{file.relative_to(project).as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()
