"""What a sensor follows, as a tag on it: what has changed there is looked at within a moment (daemon.py)."""

from __future__ import annotations

from typing import Final

FOLLOWS: Final = "martian-moments/follows"
"""The tag."""

EVENTS: Final = {FOLLOWS: "events"}
"""The tags of a sensor that follows the event log."""

RUNS: Final = {FOLLOWS: "runs"}
"""The tags of a sensor that follows runs: what those have materialized that have ended."""
