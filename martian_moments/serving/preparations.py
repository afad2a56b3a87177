"""What is made of each snapshot before anybody sees it; nothing of the application, which is imported meanwhile."""

from __future__ import annotations

from typing import Final

from martian_moments.serving.snapshot import Preparation
from martian_moments.serving.stac import tables as stac
from martian_moments.serving.v1 import tables as v1

PREPARATIONS: Final[tuple[Preparation, ...]] = (v1.prepare, stac.prepare)
"""In this order."""
