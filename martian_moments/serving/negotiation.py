"""What a client accepts (RFC 9110, section 12.5): each name has a weight (``q``) from 0, not at all, to 1.

The headers of these functions are whole: lines of the same name are one list (section 5.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers

_ANY: Final = "*"


def field_of(headers: Headers, name: str) -> str:
    """A header with all of its lines; empty where there is none."""
    return ", ".join(headers.getlist(name)).strip()


def preferred(accept: str, media_types: Sequence[str]) -> str | None:
    """The one of some media types that a header Accept weighs most; None where it accepts none of them.

    Of equals it is the one that is named more closely, then the one that is named first, then the first of ``media_types``.
    """
    given = _weights(accept)
    places = {name: -place for place, name in enumerate(given)}

    def rank(media_type: str) -> tuple[float, int, int]:
        kind = media_type.partition("/")[0]
        names = (media_type, f"{kind}/{_ANY}", f"{_ANY}/{_ANY}")
        # A weight of the type itself counts, however small, and not that of a range that has it as well.
        name = next((name for name in names if name in given), None)
        return (0.0, 0, 0) if name is None else (given[name], -names.index(name), places[name])

    best = max(media_types, key=rank)
    return best if rank(best)[0] > 0 else None


def accepts(accept_encoding: str, coding: str) -> bool:
    """Whether a header Accept-Encoding accepts a coding, and no less than the bytes as they are."""
    given = _weights(accept_encoding)
    weight = given.get(coding, given.get(_ANY, 0.0))
    return weight > 0 and weight >= given.get("identity", 0.0)


def _weights(header: str) -> dict[str, float]:
    """The weights of the names of a header, in small letters; other parameters of a name do not count."""
    given: dict[str, float] = {}
    for part in header.split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        given[name] = max(_weight(weight), given.get(name, 0.0))
    return given


def _weight(text: str) -> float:
    """0 for what is no weight."""
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
