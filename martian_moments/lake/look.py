"""The lake at one moment, for those who look at all of it several times over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from martian_moments.lake.store import Lake

if TYPE_CHECKING:
    from martian_moments.lake.store import ObjectInfo


class Look(Lake):
    """The same lake, of which each folder is listed once, when it is first asked for.

    A listing of 11,476 documents takes 0.2 s of processor time. Headers that are read are remembered by the lake as well.
    """

    def __init__(self, lake: Lake) -> None:
        """Nothing is listed yet."""
        vars(self).update(vars(lake))
        self._listed: dict[str, list[ObjectInfo]] = {}

    def list(self, prefix: str = "") -> list[ObjectInfo]:
        """As of a lake."""
        top, slash, _ = prefix.partition("/")
        if top not in self._listed:
            self._listed[top] = super().list(top)
        listed = self._listed[top]
        return [each for each in listed if each.key.startswith(f"{prefix.rstrip('/')}/")] if slash else listed
