"""Documents that are dated in the future, for a clock was wrong."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from martian_moments.domain.clock import latest_plausible
from martian_moments.domain.documents import FOLDERS
from martian_moments.lake.store import Lake


def dated_ahead(lake: Lake, rovers: Collection[str]) -> str | None:
    """What to say of documents that were fetched at a time still to come; None where there are none."""
    latest = latest_plausible()
    heads = (header for prefix in FOLDERS for header in lake.heads(prefix).values() if header.fetched_at > latest)
    ahead = sorted((header.fetched_at, header.key) for header in heads if header.rover in rovers)
    if not ahead:
        return None
    moment, key = ahead[-1]
    return (
        f"{len(ahead)} documents of the lake say that they were fetched at a time still to come, {key} at "
        f"{moment:%Y-%m-%d %H:%M} UTC: the clock was wrong then, or is now ({datetime.now(UTC):%Y-%m-%d %H:%M} UTC); "
        "correct it. Each is replaced by the next response"
    )
