"""The lake at one moment, for those who look at all of it several times over."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from martian_moments.lake.store import Lake

if TYPE_CHECKING:
    from martian_moments.domain.documents import Header
    from martian_moments.lake.store import ObjectInfo


class Look(Lake):
    """The same lake, of which each folder is listed once, when it is first asked for.

    A listing of 11,476 documents takes 0.2 s of processor time. Headers that are read are remembered by the lake as well.
    """

    def __init__(self, lake: Lake) -> None:
        """Nothing is listed yet."""
        vars(self).update(vars(lake))
        self._listed: dict[str, tuple[list[str], list[ObjectInfo]]] = {}
        self._heads: dict[str, dict[str, Header]] = {}

    def list(self, prefix: str = "") -> list[ObjectInfo]:
        """As of a lake."""
        top, slash, _ = prefix.partition("/")
        if top not in self._listed:
            found = super().list(top)
            self._listed[top] = ([each.key for each in found], found)
        keys, listed = self._listed[top]
        return listed[_below(keys, prefix)] if slash else listed

    def heads(self, prefix: str) -> dict[str, Header]:
        """As of a lake."""
        top, slash, rest = prefix.partition("/")
        if top not in self._heads:
            self._heads[top] = super().heads(top)
        heads = self._heads[top]
        if not (slash and rest):
            return heads
        keys, _ = self._listed[top]
        return {key: heads[key] for key in keys[_below(keys, prefix)] if key in heads}


def _below(keys: list[str], prefix: str) -> slice:
    """Where the keys of a folder stand among all, which are ordered."""
    folder = prefix.rstrip("/")
    return slice(bisect_left(keys, f"{folder}/"), bisect_left(keys, f"{folder}0"))
