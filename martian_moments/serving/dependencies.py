"""What routes take: ``async def photos(snapshot: CurrentSnapshot, lake: TheLake)``."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from martian_moments.domain.errors import NotReady
from martian_moments.lake.store import Lake
from martian_moments.serving.snapshot import Snapshot
from martian_moments.warehouse.published import Published


def current_snapshot(request: Request) -> Snapshot:
    """The snapshot that the request began with; it is held until the last byte is sent. Raises NotReady."""
    held: Snapshot | NotReady = request.state.snapshot
    if isinstance(held, NotReady):
        raise held
    return held


def _lake(request: Request) -> Lake:
    lake: Lake = request.app.state.lake
    return lake


def _published(request: Request) -> Published:
    published: Published = request.app.state.published
    return published


CurrentSnapshot = Annotated[Snapshot, Depends(current_snapshot)]
TheLake = Annotated[Lake, Depends(_lake)]
ThePublished = Annotated[Published, Depends(_published)]
