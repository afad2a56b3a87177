"""What a moment is: which pictures one movie (or still picture) is made of, and how it shall look.

Moments are written down in a file of TOML, one table for each, by its name:

    [perseverance-drive]
    rover = "perseverance"
    cameras = ["FRONT_HAZCAM_LEFT_A"]
    kind = "drive"
    sols = "last 100"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, field_validator

from martian_moments.domain.documents import MAX_SOL
from martian_moments.domain.errors import SettingsError
from martian_moments.domain.rovers import ROVERS

PACKAGED: Final = Path(__file__).parent.parent / "moments.toml"
"""The moments of the package, where MARS_MOMENTS names no other file."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""A moment's name is that of a partition, of a folder of the lake and of a part of addresses."""

_SOLS: Final = re.compile(r"(?P<all>all)|last (?P<last>\d{1,5})|(?P<first>\d{1,5})(-(?P<to>\d{1,5}))?")
_TIMES: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class MomentKind(StrEnum):
    """What makes a picture one of a moment's.

    drive: one picture for each stop of the rover. sky: those that look at the sky. view: those of the one view that was
    photographed on most sols. all: every one. Two kinds are no movie but one picture: anaglyph, of the newest good stereo
    pair, and panorama, of the pictures that cover most of the horizon together.
    """

    DRIVE = "drive"
    SKY = "sky"
    VIEW = "view"
    ALL = "all"
    ANAGLYPH = "anaglyph"
    PANORAMA = "panorama"

    @property
    def is_still(self) -> bool:
        """Whether it is one picture, and no movie."""
        return self in (MomentKind.ANAGLYPH, MomentKind.PANORAMA)


class Codec(StrEnum):
    """How the movie is encoded. Every player knows H.264."""

    H264 = "h264"
    VP9 = "vp9"
    AV1 = "av1"


class Sols(NamedTuple):
    """The sols of a moment: from ``first`` to ``final``, both included, or the ``last``, up to the newest with photos."""

    first: int = 0
    final: int = MAX_SOL
    last: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The sols of ``100-200``, ``100``, ``last 30`` or ``all``. Raises ValueError for anything else."""
        found = _SOLS.fullmatch(text.strip())
        if found is None:
            raise ValueError('write "100-200", "100", "last 30" or "all"')
        if found["all"]:
            return cls()
        if found["last"]:
            if int(found["last"]) == 0:
                raise ValueError('the last 0 sols are none; write "last 30"')
            return cls(last=int(found["last"]))
        first = int(found["first"])
        final = int(found["to"] or first)
        if first > final:
            raise ValueError(f"the range falls from {first} to {final}; write the lower sol first")
        return cls(first, final)

    def __str__(self) -> str:
        """As :meth:`parse` reads it."""
        if self == Sols():
            return "all"
        return f"{self.first}-{self.final}" if self.last is None else f"last {self.last}"


class LocalTimes(NamedTuple):
    """A part of the day by local mean solar time, in minutes after midnight, the end not included; over midnight as well."""

    since: int
    until: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The times of ``09:30-15:00``. Raises ValueError for anything else."""
        found = _TIMES.fullmatch(text.strip())
        if found is None or found[0][:5] == found[0][6:]:
            raise ValueError('write two local times, for example "09:30-15:00"')
        since_hour, since_minute, until_hour, until_minute = map(int, found.groups())
        return cls(since_hour * 60 + since_minute, until_hour * 60 + until_minute)

    def __str__(self) -> str:
        """As :meth:`parse` reads it."""
        return "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in self)


def _parsed(kind: type[Sols | LocalTimes]) -> BeforeValidator:
    def parse(value: object) -> object:
        if value is None or isinstance(value, kind):
            return value
        if not isinstance(value, str):
            raise ValueError("write it as text, in quotes")  # noqa: TRY004 - pydantic passes a TypeError on
        return kind.parse(value)

    return BeforeValidator(parse)


def _written(times: LocalTimes | None) -> str | None:
    return None if times is None else str(times)


class Moment(BaseModel):
    """A moment.

    Attributes:
        name: of its partition and of its folder ``moments/<name>`` in the lake.
        title: what people call it.
        rover: whose pictures.
        cameras: their names as fact_photos has them, in ``camera`` or in ``source_camera``.
        kind: what makes a picture one of it.
        sols: of which sols.
        lmst: at which times of the day; None: at all.
        fps: frames a second.
        size: pixels of the movie's longer side; pictures that are smaller are not enlarged.
        codec: of the movie.
        overlay: whether sol, local time, place and credit stand in the picture.
        limit: the most frames that it has; of more the newest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    title: Annotated[str, Field(max_length=120)] = ""
    rover: str
    cameras: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    kind: Annotated[MomentKind, Field(strict=False)]
    sols: Annotated[Sols, _parsed(Sols), PlainSerializer(str)]
    lmst: Annotated[LocalTimes | None, _parsed(LocalTimes), PlainSerializer(_written)] = None
    fps: Annotated[int, Field(ge=1, le=60)] = 12
    size: Annotated[int, Field(ge=64, le=4096)] = 1280
    codec: Annotated[Codec, Field(strict=False)] = Codec.H264
    overlay: bool = True
    limit: Annotated[int, Field(ge=2, le=10_000)] = 600

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("use lower-case letters, digits, - and _, at most 64 characters")
        return value

    @field_validator("rover")
    @classmethod
    def _is_a_rover(cls, value: str) -> str:
        if value not in ROVERS:
            raise ValueError(f"use one of {', '.join(ROVERS)}")
        return value

    @property
    def label(self) -> str:
        """Its title, or its name where it has none."""
        return self.title or self.name


def read_moments(path: Path = PACKAGED) -> Mapping[str, Moment]:
    """The moments of a file, by name, in its order.

    Raises:
        SettingsError: the file cannot be read, or a moment is wrong: one line that names file, moment and key.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{path}: the moments cannot be read: {error.strerror}; MARS_MOMENTS names the file") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: the moments cannot be read: save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: this is not TOML: {error}") from None
    return {name: parse_moment(name, table, f"{path}: moment {name}") for name, table in tables.items()}


def parse_moment(name: str, table: object, where: str) -> Moment:
    """A moment of its keys. Raises SettingsError, one line that begins with ``where`` and names the key."""
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: a moment is a table; write [{name}] and its keys below")
    if "name" in table:
        raise SettingsError(f"{where}: name is no key; the name of a moment is that of its table")
    given: dict[str, Any] = {"name": name, **table}
    try:
        return Moment(**given)
    except ValidationError as error:
        raise SettingsError(f"{where}: {_first_problem(error)}") from None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False)[0]
    key = str(problem["loc"][0])
    if problem["type"] == "missing":
        return f"{key} is missing"
    if problem["type"] == "extra_forbidden":
        near = get_close_matches(key, Moment.model_fields, n=1)
        return f"{key} is no key of a moment{f'; did you mean {near[0]}?' if near else ''}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{key} = {problem['input']!r} is not accepted: {message[:1].lower()}{message[1:]}"
