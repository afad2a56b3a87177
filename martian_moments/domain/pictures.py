"""The pictures that the lake keeps: what is recorded of each, where its bytes lie, and when it is asked for again. Pure.

A sol has one document of the kind ``images``, with one record per photo whose picture was asked for. The bytes lie beside it
as they came, under ``pictures/``, by the name that the mission gave the file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import orjson

from martian_moments.domain.clock import outdates, waits
from martian_moments.domain.documents import Document, Header, Kind, fingerprint_of, sol_key
from martian_moments.domain.errors import DocumentError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FOLDER: Final = "pictures/"
"""Where the lake keeps the bytes. Nothing of it is announced: the document is."""

SOURCE: Final = "pictures"
"""What the documents name as their source: pictures come from whatever host the records of a sol name."""

SIGNATURES: Final = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG"}
"""How files of the two formats begin in which every gallery and archive shows its pictures."""

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,5}")


class Fault(StrEnum):
    """Why a picture is not held."""

    MISSING = "missing"
    """The server has none under the address (404, 410) or shows it to nobody (403)."""
    DAMAGED = "damaged"
    """What the server has cannot be decoded to the end."""
    REFUSED = "refused"
    """It is beyond a limit of size, is no picture at all, or its address leads to another host."""
    FAILED = "failed"
    """No usable response, which asking again may change; and every word that a newer release records."""

    @classmethod
    def _missing_(cls, value: object) -> Fault | None:
        return cls.FAILED if isinstance(value, str) else None


_WAITS: Final = {
    Fault.MISSING: timedelta(days=7),
    Fault.DAMAGED: timedelta(days=1),
    Fault.REFUSED: timedelta(days=1),
    Fault.FAILED: timedelta(0),
}
"""For how long a server is not asked again. A file of a gallery that is not there today is mostly not there tomorrow."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is recorded of the picture of one photo.

    Attributes:
        photo_key: of silver.fact_photos.
        source_url: the address asked.
        fetched_at: when its last byte arrived (UTC), or when it was asked for in vain.
        picture_key: the object that holds it; None where none does, and so everything below but ``error``.
        bytes: its size.
        sha256: of the bytes, as 64 hexadecimal digits.
        error: why it is not held, see :class:`Fault`; None where it is.
    """

    photo_key: str
    source_url: str
    fetched_at: datetime
    picture_key: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    mode: str | None = None
    mean: float | None = None
    spread: float | None = None
    sharpness: float | None = None
    saturated_share: float | None = None
    black_share: float | None = None
    perceptual_hash: str | None = None
    error: Fault | None = None

    @property
    def is_held(self) -> bool:
        """Whether the lake keeps its bytes."""
        return self.picture_key is not None

    def is_known(self, url: str, now: datetime) -> bool:
        """Whether a server need not be asked for this address yet, because it was asked in vain not long ago."""
        if self.error is None or self.source_url != url:
            return False
        return waits(self.fetched_at.timestamp(), _WAITS[self.error].total_seconds(), now.timestamp())


def held(photo_key: str, url: str, key: str, body: bytes, quality: DataclassInstance) -> Picture:
    """The record of a picture that is held. ``quality`` has what :func:`martian_moments.media.quality.measure` found."""
    return Picture(
        photo_key,
        url,
        datetime.now(UTC),
        key,
        len(body),
        hashlib.sha256(body).hexdigest(),
        **asdict(quality),
    )


def picture_prefix(rover: str, sol: int) -> str:
    """The folder of a sol's pictures, ending in a slash."""
    return f"{FOLDER}rover={rover}/sol={sol_key(sol)}/"


def file_name(url: str, others: Mapping[str, str]) -> str:
    """The name under which the picture of an address is kept among those of its rover and sol: as the mission named it.

    Missions name no two products alike. Where two addresses of a sol end in the same name all the same, as those of two
    servers do, or an address ends in no plain name, a digest of the address makes it one of its own.

    Args:
        url: the address.
        others: the addresses of the sol by the name under which they are kept, where that is known.
    """
    address = urlsplit(url)
    name = address.path.rpartition("/")[2]
    plain = bool(_PLAIN_NAME.fullmatch(name)) and not address.query
    if plain and others.get(name, url) == url:
        return name
    stem, dot, suffix = name.rpartition(".")
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    ending = dot + suffix if stem and _SUFFIX.fullmatch(dot + suffix) else ""
    return f"{stem if plain else 'picture'}-{digest}{ending}"


def document_of(rover: str, sol: int, pictures: Iterable[Picture], *, synthetic: bool) -> Document:
    """The document of a sol, with one record per photo."""
    records = [asdict(each) for each in sorted(pictures, key=lambda each: each.photo_key)]
    page = orjson.dumps({"images": records}, option=orjson.OPT_UTC_Z)
    header = Header(
        kind=Kind.IMAGES,
        rover=rover,
        source=SOURCE,
        sol=sol,
        fetched_at=datetime.now(UTC),
        fingerprint=fingerprint_of(orjson.loads(page)),
        record_count=len(records),
        promised=None,
        complete=all(record["error"] is not Fault.FAILED for record in records),
        synthetic=synthetic,
        repeats=0,
    )
    return Document(header, (page,))


def records_of(document: Document) -> dict[str, Picture]:
    """The records of a sol's document by photo.

    Raises:
        DocumentError: a record is not one that this release or an older one wrote.
    """
    try:
        return {each.photo_key: each for page in document.parsed_pages() for each in map(record_of, page["images"])}
    except (KeyError, TypeError, ValueError) as error:
        raise DocumentError(
            f"{document.header.key}: its records cannot be read ({error!r}); materialize it again"
        ) from error


_FIELDS: Final = tuple(each.name for each in fields(Picture))


def record_of(content: Mapping[str, Any]) -> Picture:
    """The record that some of its fields say, by name: of a document, whose times are texts, or of silver.fact_images."""
    values = {name: content[name] for name in _FIELDS if name in content}
    if isinstance(values["fetched_at"], str):
        values["fetched_at"] = datetime.fromisoformat(values["fetched_at"])
    values["error"] = None if values.get("error") is None else Fault(values["error"])
    return Picture(**values)


def joined(held: Document, new: Document) -> Document:
    """The document of a sol after a run: what it has settled, beside what the lake held before. Nothing held is lost.

    Two runs may ask for pictures of one sol at once, and each writes what it knows.
    """
    before, now = records_of(held), records_of(new)
    picked = {key: _picked(before.get(key), record) for key, record in now.items()}
    together = document_of(new.header.rover, _sol(new.header), (before | picked).values(), synthetic=new.header.synthetic)
    if together.header.fingerprint == held.header.fingerprint:
        return replace(together, header=replace(together.header, fetched_at=held.header.fetched_at))
    return together


def _picked(before: Picture | None, now: Picture) -> Picture:
    """Which of two records of a photo stands: a picture before an error; else the later one, where it says something new."""
    if before is None:
        return now
    if before.is_held != now.is_held:
        return before if before.is_held else now
    if replace(now, fetched_at=before.fetched_at) == before and (before.is_held or before.error is Fault.FAILED):
        return before
    return now if outdates((now.fetched_at, ""), (before.fetched_at, "")) else before


def _sol(header: Header) -> int:
    if header.sol is None:  # a document of this kind has one: its key says it
        raise DocumentError(f"{header.key} has no sol")
    return header.sol
