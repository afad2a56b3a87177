"""Pictures on the wire, as a static web server gives files: ETag, Last-Modified, parts, conditions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import Final, NamedTuple

from martian_moments.replica.pictures.film import Picture, file_of
from martian_moments.replica.responses import Response

_CACHED_FILES: Final = 48
_TYPES: Final = {".png": b"image/png", ".jpg": b"image/jpeg"}
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")

NO_PICTURES: Final = Response(
    b"the replica draws no pictures without the extra media: pip install 'martian-moments[media]'\n",
    503,
    b"text/plain; charset=utf-8",
)


class _File(NamedTuple):
    content: bytes
    etag: str


@lru_cache(maxsize=_CACHED_FILES)
def _file(picture: Picture) -> _File:
    content = file_of(picture)
    return _File(content, f'"{hashlib.sha256(content).hexdigest()[:16]}-{len(content):x}"')


def picture_response(picture: Picture, headers: Mapping[str, str]) -> Response:
    """The response to a GET with these headers (names in small letters); 503 without the extra ``media``."""
    try:
        content, etag = _file(picture)
    except ImportError:
        return NO_PICTURES
    modified, media_type = formatdate(picture.modified, usegmt=True), _TYPES[picture.suffix]
    facts = ((b"etag", etag.encode()), (b"last-modified", modified.encode()), (b"accept-ranges", b"bytes"))
    if _is_known(headers, etag, picture.modified):
        return Response(b"", 304, media_type, facts)
    asked = _RANGE.fullmatch(headers.get("range", "").strip())
    if asked is None or _is_void(asked[1], asked[2]) or headers.get("if-range", etag) not in {etag, modified}:
        return Response(content, 200, media_type, facts)
    first, last = _part(asked[1], asked[2], len(content))
    if first > last:
        return Response(b"", 416, media_type, (*facts, (b"content-range", b"bytes */%d" % len(content))))
    part = (b"content-range", b"bytes %d-%d/%d" % (first, last, len(content)))
    return Response(content[first : last + 1], 206, media_type, (*facts, part))


def _is_void(first: str, last: str) -> bool:
    """Whether no range is asked for; then the whole file is sent, as RFC 9110 has it."""
    return not (first or last) or (bool(first and last) and int(last) < int(first))


def _part(first: str, last: str, size: int) -> tuple[int, int]:
    """The first and the last byte that ``first-last`` asks for; ``-n`` are the last n bytes."""
    if not first:
        return max(0, size - int(last)), size - 1 if int(last) else -1
    return int(first), min(int(last), size - 1) if last else size - 1


def _is_known(headers: Mapping[str, str], etag: str, modified: int) -> bool:
    """Whether the client says that it has the file as it is."""
    if known := headers.get("if-none-match"):
        return etag in {tag.strip() for tag in known.split(",")} or known.strip() == "*"
    try:
        return parsedate_to_datetime(headers["if-modified-since"]).timestamp() >= modified
    except (KeyError, ValueError):
        return False
