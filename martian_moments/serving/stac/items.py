"""Finding the items of a search in a snapshot, page by page: an item that is there all the time comes exactly once.

A page begins after the last item of the one before, by what that is ordered by and its id, and not at a number: what
appears or goes meanwhile moves nothing.
"""
# ruff: noqa: S608 - names are of fixed lists, and every value is bound.

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from martian_moments.serving.cursors import after
from martian_moments.serving.query import query, rows, run
from martian_moments.serving.snapshot import Snapshot
from martian_moments.serving.stac.paging import position_of, token_of
from martian_moments.serving.stac.properties import SORTABLE
from martian_moments.serving.stac.search import OPERATORS, Search

MOST_ITEMS: Final = 1_000
"""On a page, whatever the limit: 2.5 MB."""


@dataclass(frozen=True, slots=True)
class Page:
    """Items of a search.

    Attributes:
        items: rows of ``stac.items``.
        matched: how many the search finds on all pages.
        token: where the next page begins; None on the last one.
    """

    items: list[dict[str, Any]]
    matched: int
    token: str | None


async def find(snapshot: Snapshot, search: Search) -> Page:
    """A page of what a search finds. Raises Problem for a token of another search, QueryRefused for too large a one."""
    where = _Where(search)
    if search.geometry is not None:
        await where.add_places(snapshot, search.geometry)
    ((matched,),) = await rows(snapshot, f"select count(*) from stac.items where {where}", where.values)
    # What is equal in all that was asked for is ordered by id, which no two items share.
    order = dict(search.order) | {"id": dict(search.order).get("id", False)}
    limit = min(search.limit, MOST_ITEMS)
    where.begin_after(order, position_of(search, order))
    found = await rows(
        snapshot,
        f'select id, collection, "mars:sol", {", ".join(SORTABLE[name] for name in order)} from stac.items where {where} '
        f"order by {', '.join(SORTABLE[name] + (' desc' if order[name] else '') for name in order)} limit {limit + 1}",
        where.values,
    )
    page = found[:limit]
    token = token_of(search, page[-1][3:]) if len(found) > limit else None
    return Page(await _items(snapshot, page), matched, token)


async def _items(snapshot: Snapshot, page: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """The items of a page whole, in its order. The range of sols lets DuckDB pass over most of the file."""
    if not page:
        return []
    ids, collections, sols = ([row[i] for row in page] for i in range(3))
    rovers = sorted(set(collections))
    sql = (
        f"select * from stac.items where {_one_of('collection', rovers)} "
        'and "mars:sol" between $oldest and $newest and id in (select unnest($ids))'
    )
    values = {**_named("collection", rovers), "oldest": min(sols), "newest": max(sols), "ids": ids}
    found = await run(snapshot, lambda connection: connection.execute(sql, values).to_arrow_table().to_pylist())
    held: dict[str, dict[str, Any]] = {row["id"]: row for row in found}
    return [held[each] for each in ids]


async def item(snapshot: Snapshot, collection: str, name: str) -> dict[str, Any] | None:
    """The item of this id in a collection, or None."""
    page = await find(snapshot, Search(limit=1, collections=(collection,), ids=(name,)))
    return page.items[0] if page.items else None


class _Where:
    """Conditions in SQL and the values of their parameters."""

    def __init__(self, search: Search) -> None:
        self.values: dict[str, object] = {}
        self._conditions = ["true"]
        self._add_names(search)
        self._add_times(search)
        if search.bbox:
            self._add_box(search.bbox)
        for number, each in enumerate(search.conditions):
            self._add(OPERATORS[each.operator].format(f'"{each.name}"', f"$value_{number}"), {f"value_{number}": each.value})

    def __str__(self) -> str:
        return " and ".join(self._conditions)

    def _add(self, condition: str, values: Mapping[str, object]) -> None:
        self._conditions.append(f"({condition})")
        self.values |= values

    def _add_names(self, search: Search) -> None:
        collections = set(search.collections)
        if search.ids:
            self._add("id in (select unnest($ids))", {"ids": list(search.ids)})
            # The id of an item begins with its rover.
            rovers = {each.partition(".")[0] for each in search.ids}
            collections = collections & rovers if collections else rovers
        if search.collections or search.ids:
            self._add(_one_of("collection", sorted(collections)), _named("collection", sorted(collections)))

    def _add_times(self, search: Search) -> None:
        if search.begins is not None:
            self._add("coalesce(datetime, end_datetime) >= $begins", {"begins": search.begins})
        if search.ends is not None:
            self._add("coalesce(datetime, start_datetime) <= $ends", {"ends": search.ends})

    def _add_box(self, box: tuple[float, ...]) -> None:
        west, south, east, north, low, high = box
        between = "longitude between $west and $east" if west <= east else "longitude >= $west or longitude <= $east"
        self._add(between, {"west": west, "east": east})
        self._add("latitude between $south and $north", {"south": south, "north": north})
        if math.isfinite(low) or math.isfinite(high):
            self._add("elevation_m is null or elevation_m between $low and $high", {"low": low, "high": high})

    async def add_places(self, snapshot: Snapshot, geometry: Any) -> None:
        """Only items whose place intersects a geometry. Places are few: a rover takes many photos where it stands."""
        import numpy as np
        import shapely

        west, south, east, north = geometry.bounds
        self._add_box((west, south, east, north, -math.inf, math.inf))
        places = await query(snapshot, f"select distinct longitude, latitude from stac.items where {self}", self.values)
        longitudes, latitudes = (np.asarray(places[name], dtype=float) for name in ("longitude", "latitude"))
        inside = shapely.intersects_xy(geometry, longitudes, latitudes)
        self._add(
            "(longitude, latitude) in (select (unnest($longitudes), unnest($latitudes)))",
            {"longitudes": longitudes[inside].tolist(), "latitudes": latitudes[inside].tolist()},
        )

    def begin_after(self, order: Mapping[str, bool], position: tuple[Any, ...] | None) -> None:
        """Only what comes after a position in an order."""
        if position is not None:
            values = {f"after_{number}": value for number, value in enumerate(position)}
            columns = [(SORTABLE[name], is_descending) for name, is_descending in order.items()]
            condition, _ = after(columns, [f"${name}" for name in values])
            self._add(condition, values)


def _one_of(column: str, values: Iterable[str]) -> str:
    """As a list of parameters, by which DuckDB chooses parts of a file; by a list that is one parameter it does not."""
    names = ", ".join(f"${column}_{number}" for number, _ in enumerate(values))
    return f"{column} in ({names})" if names else "false"


def _named(column: str, values: Iterable[str]) -> dict[str, object]:
    return {f"{column}_{number}": value for number, value in enumerate(values)}
