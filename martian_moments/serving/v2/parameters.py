"""The kinds of values that parameters of the API have: what is accepted, in words for people and as patterns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from martian_moments.domain.documents import MAX_SOL
from martian_moments.domain.rovers import ROVERS

MOST_NAMES: Final = 50
"""Values in one list."""

_LONGEST_NAME: Final = 200
_LONGEST_LIST: Final = 4_000

_NUMBER: Final = r"[-+]?\d{1,3}(\.\d{1,12})?"
_METRES: Final = 100_000.0
"""The largest distance: further than any rover has driven."""

_DAY: Final = r"[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_MOMENT: Final = re.compile(_DAY + r"([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[-+ ]\d\d:\d\d)?)?")
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(:([0-5]\d))?")


class Point(NamedTuple):
    """A place on Mars: degrees east (0 to 360 or -180 to 180) and north, planetocentric."""

    longitude: float
    latitude: float


class Box(NamedTuple):
    """A part of Mars: from west to east, over the date line where west is greater, and from south to north."""

    west: float
    south: float
    east: float
    north: float


def refusal(accepted: str) -> PydanticCustomError:
    """The error of a value that is not accepted; its message says what is."""
    # The text is a template there, whose braces would be places for values.
    return PydanticCustomError("not_accepted", "{accepted}", {"accepted": accepted})


def _text(read: Callable[[str], Any], accepted: str, **schema: Any) -> Any:
    """Texts that are read as something, where ValueError becomes what is accepted; OpenAPI says ``schema`` of them."""

    def checked(given: str) -> Any:
        try:
            return read(given)
        except ValueError:
            raise refusal(accepted) from None

    return Annotated[str, Field(json_schema_extra=schema), AfterValidator(checked)]


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    wrong = len(text) > _LONGEST_LIST or len(names) > MOST_NAMES or "\0" in text
    if wrong or not all(0 < len(name) <= _LONGEST_NAME for name in names):
        raise ValueError(text)
    return names


def one_of_pattern(names: Iterable[str]) -> str:
    """The pattern of a list of some of these names, with commas between them."""
    choice = "|".join(map(re.escape, names))
    return f"^({choice})(,({choice}))*$"


def _rovers(text: str) -> tuple[str, ...]:
    names = _names(text)
    if set(names) - ROVERS.keys():
        raise ValueError(text)
    return names


def _moment(text: str) -> datetime:
    found = _MOMENT.fullmatch(text)
    if not found:
        raise ValueError(text)
    offset = found[6] or ""
    # In an address a plus is a space.
    moment = datetime.fromisoformat(text.removesuffix(offset) + offset.replace(" ", "+"))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _day(text: str) -> date:
    if not re.fullmatch(_DAY, text):
        raise ValueError(text)
    return date.fromisoformat(text)


def _time_of_day(text: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[4] or 0)


def _point(text: str) -> Point:
    longitude, latitude = (_coordinate(each) for each in text.split(","))
    if not (-180 <= longitude <= 360 and -90 <= latitude <= 90):  # noqa: PLR2004 - degrees
        raise ValueError(text)
    return Point(longitude, latitude)


def _box(text: str) -> Box:
    box = Box(*(_coordinate(each) for each in text.split(","))) if text.count(",") == 3 else None  # noqa: PLR2004
    if box is None or not -90 <= box.south <= box.north <= 90:  # noqa: PLR2004 - degrees
        raise ValueError(text)
    if not all(-180 <= each <= 360 for each in (box.west, box.east)):  # noqa: PLR2004 - degrees
        raise ValueError(text)
    return box


def _coordinate(text: str) -> float:
    if not re.fullmatch(_NUMBER, text):
        raise ValueError(text)
    return float(text)


def _in_range(kind: type[int | float], pattern: str, least: float, most: float, name: str) -> Any:
    """Numbers of a range in plain digits: Python reads ``1_000`` too, and more."""

    def checked(text: Any) -> Any:
        if isinstance(text, str) and not (re.fullmatch(pattern, text, re.ASCII) and least <= kind(text) <= most):
            raise refusal(f"{name} from {least:,} to {most:,}")
        return text

    return Annotated[kind, Field(ge=least, le=most), BeforeValidator(checked)]


def whole(least: int, most: int) -> Any:
    """Whole numbers of a range."""
    return _in_range(int, r"-?\d{1,18}", least, most, "a whole number")


def decimal(least: float, most: float) -> Any:
    """Decimal numbers of a range."""
    return _in_range(float, r"[-+]?\d{1,9}(\.\d{0,15})?", least, most, "a decimal number")


Names = _text(
    _names,
    f"one name, or up to {MOST_NAMES} of at most {_LONGEST_NAME} characters with commas between them",
    maxLength=_LONGEST_LIST,
    pattern=r"^[^,\x00]+(,[^,\x00]+)*$",
)
Rovers = _text(
    _rovers,
    f"one or several of {', '.join(sorted(ROVERS))}, with commas between them",
    pattern=one_of_pattern(sorted(ROVERS)),
)
YesOrNo = Annotated[Literal["true", "false"], AfterValidator("true".__eq__)]
Sol = whole(0, MAX_SOL)
Moment = _text(
    _moment,
    "a date or a moment of ISO 8601, 2012-08-06 or 2012-08-06T05:17:57Z; UTC where no offset is given",
    pattern=f"^{_MOMENT.pattern}$",
)
Day = _text(_day, "a date of ISO 8601, 2012-08-06", pattern=f"^{_DAY}$")
TimeOfDay = _text(
    _time_of_day,
    "a time of day on Mars as hours and minutes, or seconds besides: 15:30 or 15:30:05",
    pattern=f"^{_TIME.pattern}$",
)
Place = _text(
    _point,
    "degrees east (-180 to 360) and north (-90 to 90) on Mars, with a comma between them: 137.44,-4.59",
    pattern=f"^{_NUMBER},{_NUMBER}$",
)
Region = _text(
    _box,
    "west, south, east and north in degrees: 137.3,-4.8,137.5,-4.5; over the date line east is less than west",
    pattern=f"^{_NUMBER}(,{_NUMBER}){{3}}$",
)
Metres = decimal(0, _METRES)
