"""The filters of the API, and their conditions: what a parameter is called, what it accepts, and the SQL that it becomes.

Names of columns are the service's own; every value is bound.
"""
# ruff: noqa: S608 - all SQL is of this package; values are bound.

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from martian_moments.domain.rovers import MARS_RADIUS_M
from martian_moments.serving.local_time import HOUR, MINUTE, SECOND
from martian_moments.serving.problems import ParameterError, Problem
from martian_moments.serving.v2.parameters import (
    Metres,
    Names,
    Place,
    Point,
    Region,
    Rovers,
    TimeOfDay,
    YesOrNo,
    whole,
)

Values = Mapping[str, Any]
"""The parameters of a request that were given, by name."""


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of a statement with a ``?`` for each of its values."""

    text: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its name, the annotation that reads it, what it means, and an example."""

    name: str
    kind: Any
    description: str
    example: Any = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Parameters that belong together.

    Attributes:
        parameters: of which any may be given.
        condition: what of the given ones holds for a row; raises a Problem where they contradict each other.
        distance: the expression of one more column, the metres from a row to a point that is given, or None.
    """

    parameters: tuple[Parameter, ...]
    condition: Callable[[Values], Sql]
    distance: Callable[[Values], Sql] | None = None

    def given(self, values: Values) -> bool:
        """Whether a request has any of them."""
        return any(each.name in values for each in self.parameters)

    @property
    def added(self) -> str | None:
        """The name of the column that it adds."""
        return f"{self.parameters[0].name}_distance_m" if self.distance else None


def one_of(name: str, description: str, example: str, *, column: str | None = None, kind: Any = Names) -> Filter:
    """A column that is one of some values."""

    def condition(values: Values) -> Sql:
        return is_one_of(column or name, values[name])

    return Filter((Parameter(name, kind, description, example),), condition)


def is_one_of(column: str, values: Sequence[Any]) -> Sql:
    """The condition that a column has one of some values."""
    return Sql(f"{column} in ({', '.join('?' * len(values))})", tuple(values))


def rover() -> Filter:
    """Of one or some rovers."""
    return one_of("rover", "The rover, or several with commas between them.", "curiosity", kind=Rovers)


def member_of(name: str, description: str, table: str) -> Filter:
    """Photos that another table has under an id."""

    def condition(values: Values) -> Sql:
        listed = is_one_of(name, values[name])
        return Sql(f"photo_key in (select photo_key from {table} where {listed.text})", listed.values)

    return Filter((Parameter(name, Names, description),), condition)


def number_of(name: str, description: str, example: int, table: str, column: str) -> Filter:
    """The photo that another table has under a number."""

    def condition(values: Values) -> Sql:
        return Sql(f"photo_key in (select photo_key from {table} where {column} = ?)", (values[name],))

    return Filter((Parameter(name, whole(1, _LARGEST_NUMBER), description, example),), condition)


_LARGEST_NUMBER: Final = 2**31 - 1


def flag(name: str, description: str) -> Filter:
    """A column that is true or false; what nobody knows is not true."""
    column = f"coalesce({name}, false)"
    return Filter((Parameter(name, YesOrNo, description, "false"),), lambda values: Sql(f"{column} = ?", (values[name],)))


def equal(name: str, kind: Any, description: str, example: Any) -> Filter:
    """A column that has one value."""
    return Filter((Parameter(name, kind, description, example),), lambda values: Sql(f"{name} = ?", (values[name],)))


def span(name: str, kind: Any, what: str, examples: tuple[Any, Any], *, column: str | None = None) -> Filter:
    """``<name>_min`` and ``<name>_max``: a column that is not less than one and not greater than the other."""
    least, most = _ends(name, kind, what, examples)
    last = column or name
    return _between(least, most, last, last)


def overlap(name: str, kind: Any, what: str, examples: tuple[Any, Any], *, first: str, last: str) -> Filter:
    """``<name>_min`` and ``<name>_max``: rows of a first and a last value that have some of what lies between."""
    least, most = _ends(name, kind, what, examples)
    return _between(least, most, first, last)


def _ends(name: str, kind: Any, what: str, examples: tuple[Any, Any]) -> tuple[Parameter, Parameter]:
    return (
        Parameter(f"{name}_min", kind, f"{what}, not less than this.", examples[0]),
        Parameter(f"{name}_max", kind, f"{what}, not greater than this.", examples[1]),
    )


def _between(least: Parameter, most: Parameter, first: str, last: str) -> Filter:
    def condition(values: Values) -> Sql:
        low, high = values.get(least.name), values.get(most.name)
        if low is not None and high is not None and low > high:
            raise refused(least.name, low, f"what is not greater than {most.name}")
        ends = [Sql(f"{last} >= ?", (low,))] * (low is not None) + [Sql(f"{first} <= ?", (high,))] * (high is not None)
        return all_of(ends)

    return Filter((least, most), condition)


def turn(name: str, kind: Any, what: str, examples: tuple[Any, Any], *, column: str) -> Filter:
    """As :func:`span`, on a circle: from the one over the beginning of the circle to the other, where it is greater."""
    least = Parameter(f"{name}_min", kind, f"{what}, from here on; greater than {name}_max to go past 0.", examples[0])
    most = Parameter(f"{name}_max", kind, f"{what}, up to here.", examples[1])

    def condition(values: Values) -> Sql:
        low, high = values.get(least.name), values.get(most.name)
        ends = [Sql(f"{column} >= ?", (low,))] * (low is not None) + [Sql(f"{column} <= ?", (high,))] * (high is not None)
        if low is not None and high is not None and low > high:
            return Sql(f"({column} >= ? or {column} <= ?)", (low, high))
        return all_of(ends)

    return Filter((least, most), condition)


def local_time() -> Filter:
    """Local mean solar time, over midnight where it begins later than it ends."""
    clock = f"(({HOUR}) * 3600 + ({MINUTE}) * 60 + ({SECOND}))"
    return turn("lmst", TimeOfDay, "Local mean solar time of day on Mars", ("06:00", "09:30"), column=clock)


def near() -> Filter:
    """Within metres of a point, with the distance as a column."""
    parameters = (
        Parameter(
            "near", Place, "Longitude and latitude of a point: nearest first, unless sorted otherwise.", "137.44,-4.59"
        ),
        Parameter("within_m", Metres, "With near: not further away than this, in metres.", 50),
    )

    def condition(values: Values) -> Sql:
        if "near" not in values:
            raise refused("within_m", values["within_m"], "within_m together with near")
        point = values["near"]
        distance = _distance(point)
        within = values.get("within_m")
        if within is None:
            return Sql(_PLACED)
        reach = within / MARS_RADIUS_M * 57.3
        # The band of latitudes first, by which whole groups of rows are passed over.
        return Sql(
            f"latitude between ? and ? and {distance.text} <= ?",
            (point.latitude - reach, point.latitude + reach, *distance.values, within),
        )

    return Filter(parameters, condition, lambda values: _distance(values["near"]))


def looks_at() -> Filter:
    """Pictures that show the direction of a point."""
    parameters = (
        Parameter(
            "looks_at",
            Place,
            "Longitude and latitude of a point that lies in the picture from left to right, as seen from the rover; whether "
            "it is hidden, above or below, nobody knows.",
            "137.44,-4.59",
        ),
        Parameter(
            "looks_at_within_m", Metres, "With looks_at: the point is not further away than this; 100 m if not given."
        ),
    )

    def condition(values: Values) -> Sql:
        if "looks_at" not in values:
            raise refused("looks_at_within_m", values["looks_at_within_m"], "looks_at_within_m together with looks_at")
        point = values["looks_at"]
        distance, bearing = _distance(point), _bearing(point)
        # Half of what the picture is wide, in azimuth: the steeper a camera looks, the more of the horizon it spans.
        half = "degrees(atan(tan(radians(least(fov_h_deg, 179) / 2)) / greatest(cos(radians(view_elevation_deg)), 1e-6)))"
        return Sql(
            f"fov_h_deg is not null and view_elevation_deg is not null and {distance.text} between 0.001 and ? "
            f"and abs(({bearing.text} - view_azimuth_deg + 540) % 360 - 180) <= {half}",
            (*distance.values, values.get("looks_at_within_m", _LOOKS_AT_M), *bearing.values),
        )

    return Filter(parameters, condition, lambda values: _distance(values["looks_at"]))


_LOOKS_AT_M: Final = 100.0
_PLACED: Final = "(longitude is not null and latitude is not null)"


def inside() -> Filter:
    """Inside a box of longitudes and latitudes."""
    about = "West, south, east and north in degrees, planetocentric; east is less than west over the date line."
    # Sources write longitudes as -180 to 180 or as 0 to 360.
    around = "((longitude + 360) % 360)"

    def condition(values: Values) -> Sql:
        box = values["bbox"]
        band = Sql(f"{_PLACED} and latitude between ? and ?", (box.south, box.north))
        if box.east - box.west >= _WHOLE_CIRCLE:
            return band
        west, east = box.west % _WHOLE_CIRCLE, box.east % _WHOLE_CIRCLE
        joined = "and" if west <= east else "or"
        return all_of([band, Sql(f"({around} >= ? {joined} {around} <= ?)", (west, east))])

    return Filter((Parameter("bbox", Region, about, "137.3,-4.8,137.5,-4.5"),), condition)


_WHOLE_CIRCLE: Final = 360.0


def refused(parameter: str, value: object, accepted: str) -> Problem:
    """The error of a value that is not accepted beside the others of its request."""
    return Problem(400, f"not accepted: {parameter}", errors=[ParameterError(parameter, str(value), accepted)])


def all_of(conditions: Sequence[Sql]) -> Sql:
    """All of some conditions; ``true`` for none."""
    text = " and ".join(each.text for each in conditions)
    return Sql(text or "true", tuple(value for each in conditions for value in each.values))


def _distance(point: Point) -> Sql:
    """Metres along the sphere of Mars from where a row is, to millimetres (the haversine formula)."""
    return Sql(
        # least and greatest pass null over.
        f"case when {_PLACED} then round(2 * {MARS_RADIUS_M} * asin(least(1, sqrt(pow(sin(radians(latitude - ?) / 2), 2) "
        "+ cos(radians(latitude)) * cos(radians(?)) * pow(sin(radians(longitude - ?) / 2), 2)))), 3) end",
        (point.latitude, point.latitude, point.longitude),
    )


def _bearing(point: Point) -> Sql:
    """Degrees from north over east, -180 to 180, in which a point is seen from where a row is."""
    return Sql(
        "degrees(atan2(sin(radians(? - longitude)) * cos(radians(?)), cos(radians(latitude)) * sin(radians(?)) "
        "- sin(radians(latitude)) * cos(radians(?)) * cos(radians(? - longitude))))",
        (point.longitude, *(point.latitude,) * 3, point.longitude),
    )
