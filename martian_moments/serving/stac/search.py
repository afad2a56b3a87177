"""What a search asks for: the parameters of STAC API 1.0, by GET or POST, checked one by one.

Longitudes and latitudes are those of Mars, planetocentric, -180 to 180 and -90 to 90 degrees.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson

from martian_moments.serving.problems import ParameterError, Problem
from martian_moments.serving.stac.properties import PROPERTIES, SORTABLE, Kind

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

T = TypeVar("T")

DEFAULT_LIMIT: Final = 100
LARGEST_LIMIT: Final = 10_000
"""That STAC API lets anybody ask for."""

_MOST_VALUES: Final = 1_000
"""Of a list."""

_BOX_NUMBERS: Final = 6
_MOST_VERTICES: Final = 10_000
_MOST_EAST: Final = 180.0
_MOST_NORTH: Final = 90.0
"""Degrees."""

_MOST_CONDITIONS: Final = 50
_MOST_SORTED: Final = 4
_LONGEST_TEXT: Final = 300

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+ -]\d\d:\d\d)")
_TIMES: Final = "a time of RFC 3339 such as 2012-08-19T03:30:00Z, or two with / between them, of which one may be .."

OPERATORS: Final[Mapping[str, str]] = {
    "eq": "{} = {}",
    "neq": "{} is distinct from {}",
    "lt": "{} < {}",
    "lte": "{} <= {}",
    "gt": "{} > {}",
    "gte": "{} >= {}",
    "startsWith": "starts_with({}, {})",
    "endsWith": "ends_with({}, {})",
    "contains": "contains({}, {})",
    "in": "list_contains({1}, {0})",
}
"""Of the extension query, in SQL."""

_OF_TEXT: Final = frozenset({"startsWith", "endsWith", "contains"})


@dataclass(frozen=True, slots=True)
class Condition:
    """That a property of an item compares so with a value; ``operator`` is one of :data:`OPERATORS`."""

    name: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for, and how much of it.

    Attributes:
        limit: items on a page.
        collections: rovers; empty: all.
        ids: of items; empty: all.
        bbox: west, south, east, north in degrees, and the least and the highest elevation in metres.
            West is greater than east where it crosses the 180th meridian.
        geometry: that places intersect, on the plane of longitude and latitude.
        begins, ends: between which an item was taken (UTC).
        conditions: each of which holds.
        order: properties, and whether the largest comes first. What is equal in all of them is ordered by id.
        token: where the page begins, as the page before says it.
    """

    limit: int = DEFAULT_LIMIT
    collections: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    bbox: tuple[float, ...] = ()
    geometry: BaseGeometry | None = None
    begins: datetime | None = None
    ends: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    order: tuple[tuple[str, bool], ...] = field(default=(("collection", False), ("mars:sol", False)))
    token: str | None = None


def read_search(given: Mapping[str, Any], *, collection: str | None = None) -> Search:
    """The search of parameters: texts, as GET has them, or the values of a body of JSON.

    Args:
        given: the parameters by their names.
        collection: whose items are asked for, instead of those of a search.

    Raises:
        Problem: names every parameter that is not accepted.
    """
    names = _READERS if collection is None else OF_A_COLLECTION
    readers = {name: _READERS[name] for name in names}
    found: dict[str, Any] = {}
    errors: list[ParameterError] = []
    for name, value in given.items():
        reader = readers.get(name)
        if reader is None:
            errors.append(_error(name, value, f"one of the parameters {', '.join(readers)}"))
        elif value is not None:
            try:
                found |= reader(value)
            except _NotAcceptedError as error:
                errors.append(_error(name, value, error.accepted))
    if given.get("bbox") is not None and given.get("intersects") is not None:
        errors.append(_error("intersects", given["intersects"], "either bbox or intersects, and not both"))
    if errors:
        raise Problem(400, f"not accepted: {', '.join(each.parameter for each in errors)}", errors=errors)
    return Search(**found | ({} if collection is None else {"collections": (collection,)}))


def read_json(text: str | bytes) -> Any:
    """What a text of JSON says: of numbers that a double has, of Unicode, and nested no deeper than can be written again.

    Raises:
        ValueError: it says something else, or nothing.
    """
    found = orjson.loads(text)
    try:
        orjson.dumps(found)
    except orjson.JSONEncodeError as error:
        raise ValueError(str(error)) from None
    return found


class _NotAcceptedError(Exception):
    """A value is not accepted. ``accepted`` says what would be."""

    def __init__(self, accepted: str) -> None:
        super().__init__(accepted)
        self.accepted = accepted


def _error(name: str, value: Any, accepted: str) -> ParameterError:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return ParameterError(name, text[:_LONGEST_TEXT], accepted)


def _limit(value: Any) -> Mapping[str, Any]:
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= LARGEST_LIMIT:
        raise _NotAcceptedError(f"a whole number from 1 to {LARGEST_LIMIT}")
    return {"limit": int(text)}


def _listed(name: str) -> Callable[[Any], Mapping[str, Any]]:
    def read(value: Any) -> Mapping[str, Any]:
        names = [each for each in value.split(",") if each] if isinstance(value, str) else value
        if not _is_list(names, str, _MOST_VALUES) or any(len(each) > _LONGEST_TEXT for each in names):
            raise _NotAcceptedError(f"at most {_MOST_VALUES} names, with commas between them or as a list of JSON")
        return {name: tuple(names)}

    return read


def _is_list(value: Any, kind: type | tuple[type, ...], most: int) -> bool:
    return isinstance(value, list) and len(value) <= most and all(isinstance(each, kind) for each in value)


def _bbox(value: Any) -> Mapping[str, Any]:
    wrong = _NotAcceptedError(
        "west,south,east,north in degrees of Mars (-180 to 180, -90 to 90), or with elevations in metres "
        "west,south,lowest,east,north,highest"
    )
    # An address has the numbers of a list of JSON, without its brackets.
    numbers = _json(f"[{value}]", wrong) if isinstance(value, str) else value
    if not _is_list(numbers, (int, float), _BOX_NUMBERS) or any(isinstance(each, bool) for each in numbers):
        raise wrong
    match numbers:
        case [west, south, east, north]:
            low, high = -math.inf, math.inf
        case [west, south, low, east, north, high]:
            pass
        case _:
            raise wrong
    if not _is_on_mars(west, south, east, north) or not south <= north or not low <= high:
        raise wrong
    return {"bbox": (west, south, east, north, low, high)}


def _intersects(value: Any) -> Mapping[str, Any]:
    import shapely
    import shapely.errors

    asked = _json(value, _NotAcceptedError("a geometry of GeoJSON"))
    try:
        found = shapely.from_geojson(orjson.dumps(asked).decode())
    except shapely.errors.ShapelyError as error:
        raise _NotAcceptedError(f"a geometry of GeoJSON ({str(error)[:_LONGEST_TEXT]})") from None
    if found is None or found.is_empty or not found.is_valid:
        raise _NotAcceptedError("a geometry of GeoJSON that has a place, and whose lines do not cross each other")
    if shapely.get_num_coordinates(found) > _MOST_VERTICES:
        raise _NotAcceptedError(f"a geometry of at most {_MOST_VERTICES} vertices")
    if not _is_on_mars(*found.bounds):
        raise _NotAcceptedError("a geometry in degrees of Mars, longitudes from -180 to 180")
    return {"geometry": found}


def _is_on_mars(west: float, south: float, east: float, north: float) -> bool:
    return max(abs(west), abs(east)) <= _MOST_EAST and max(abs(south), abs(north)) <= _MOST_NORTH


def _datetime(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise _NotAcceptedError(_TIMES)
    first, slash, last = value.partition("/")
    begins, ends = (None if slash and each in ("", "..") else _time(each) for each in (first, last if slash else first))
    if (begins is None and ends is None) or (begins and ends and begins > ends):
        raise _NotAcceptedError(_TIMES)
    return {"begins": begins, "ends": ends}


def _time(text: Any) -> datetime:
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text):
        raise _NotAcceptedError(_TIMES)
    try:
        # In an address a plus is a space.
        time = re.sub(" (?=..:..$)", "+", text[10:])
        return datetime.fromisoformat(text[:10] + time.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _NotAcceptedError(_TIMES) from None


def _query(value: Any) -> Mapping[str, Any]:
    """The extension query: ``{"mars:sol": {"gte": 100, "lt": 200}}``."""
    wrong = _NotAcceptedError('conditions by property, such as {"mars:sol": {"gte": 100, "lt": 200}}')
    asked = _json(value, wrong)
    if not isinstance(asked, dict) or not all(isinstance(each, dict) for each in asked.values()):
        raise wrong
    conditions = tuple(
        _condition(name.removeprefix("properties."), operator, operand)
        for name, operands in asked.items()
        for operator, operand in operands.items()
    )
    if len(conditions) > _MOST_CONDITIONS:
        raise _NotAcceptedError(f"at most {_MOST_CONDITIONS} conditions")
    return {"conditions": conditions}


def _json(value: Any, wrong: _NotAcceptedError) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return read_json(value)
    except ValueError:
        raise wrong from None


def _condition(name: str, operator: str, operand: Any) -> Condition:
    kind = PROPERTIES.get(name)
    if kind is None:
        raise _NotAcceptedError(f"conditions on properties of items: {', '.join(PROPERTIES)}")
    if operator not in OPERATORS:
        raise _NotAcceptedError(f"the operators {', '.join(OPERATORS)}")
    if operator in _OF_TEXT and kind is not Kind.TEXT:
        raise _NotAcceptedError(f"{operator} of a text, which {name} is not")
    if operator != "in":
        return Condition(name, operator, _operand(name, kind, operand))
    if not isinstance(operand, list) or len(operand) > _MOST_VALUES:
        raise _NotAcceptedError(f"for in a list of at most {_MOST_VALUES} values")
    return Condition(name, operator, [_operand(name, kind, each) for each in operand])


def _operand(name: str, kind: Kind, value: Any) -> Any:
    match kind:
        case Kind.NUMBER if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        case Kind.TEXT if isinstance(value, str) and len(value) <= _LONGEST_TEXT:
            return value
        case Kind.TIME:
            return _time(value)
    raise _NotAcceptedError(f"for {name} a {kind.value}")


def _sortby(value: Any) -> Mapping[str, Any]:
    """The extension sort: ``-datetime,id``, or ``[{"field": "datetime", "direction": "desc"}]``."""
    wrong = _NotAcceptedError(f"at most {_MOST_SORTED} of {', '.join(SORTABLE)}, each with + (ascending) or - before it")
    if isinstance(value, str):
        # In an address a plus is a space.
        asked = [(each.lstrip("+- "), each.startswith("-")) for each in value.split(",")]
    elif _is_list(value, dict, _MOST_SORTED):
        asked = [(each.get("field"), str(each.get("direction", "asc")).lower() == "desc") for each in value]
    else:
        raise wrong
    order = {str(name).removeprefix("properties."): descending for name, descending in asked}
    if not 1 <= len(asked) <= _MOST_SORTED or not set(order) <= set(SORTABLE):
        raise wrong
    return {"order": tuple(order.items())}


def _token(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, str):
        raise _NotAcceptedError("what the page before says of its next page")
    return {"token": value}


_READERS: Final[Mapping[str, Callable[[Any], Mapping[str, Any]]]] = {
    "limit": _limit,
    "bbox": _bbox,
    "datetime": _datetime,
    "intersects": _intersects,
    "ids": _listed("ids"),
    "collections": _listed("collections"),
    "query": _query,
    "sortby": _sortby,
    "token": _token,
}

OF_A_COLLECTION: Final = ("limit", "bbox", "datetime", "query", "sortby", "token")
"""The parameters of the items of one collection."""
