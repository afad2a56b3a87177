"""The polite download of one picture: resumed where it was cut, whole, a picture, and from the host that was asked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final, Generic, TypeVar

import httpx

from martian_moments.domain.errors import (
    BrokenResponse,
    FileMissing,
    InputError,
    NoPicture,
    NotAPicture,
    PictureDamaged,
    PictureError,
    RefusedResponse,
    UpstreamError,
    UpstreamUnavailable,
)
from martian_moments.domain.pictures import SIGNATURES, Fault
from martian_moments.infrastructure.threads import in_thread
from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.partial import Arriving, Partial
from martian_moments.nasa.responses import Response

T = TypeVar("T")

MOST_BYTES: Final = 64 * 1024**2
"""A larger file is no picture of a rover. The largest are the PNGs of Mastcam-Z, of some 3 MB."""

ACCEPT: Final = {"Accept": "image/jpeg, image/png", "Accept-Encoding": "identity"}
"""Pictures are compressed already; and of bytes that were compressed on their way nobody can ask for the rest."""

_PAGES: Final = (b"<", b"{", b"\xef\xbb\xbf")
"""How a page of a proxy or of a server in trouble begins. It passes."""

_SHOWN: Final = 16
_READ_OF_ERRORS: Final = 64 * 1024
"""Of a response without a picture: read to this, its connection can be used again."""

_MISSING: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.FORBIDDEN})
_WITH_A_PICTURE: Final = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT})

_SURE: Final = 3
"""How often, in a row, a server has to say what asking again would not change until that is believed: of 400 pictures of a
server that wrongly denies one request in twenty, twice is believed of one picture, three times of none."""

_LEFT_S: Final = 7 * 86_400
"""Seconds after which nobody goes on with what has arrived of a picture."""


def arriving(folder: Path) -> Arriving:
    """The folder where pictures arrive. What nobody went on with for a week is removed."""
    return Arriving(folder, forget_after_s=_LEFT_S)


async def picture(client: PoliteClient, url: str, folder: Arriving, take: Callable[[bytes], T]) -> T:
    """Download a picture, and return what ``take`` makes of it.

    Args:
        client: asks.
        url: the address.
        folder: where the picture is written as it arrives. A later call for the same address goes on from there, also after
            this process was killed; what is whole there is not asked for again.
        take: measures the picture in a worker thread, raises PictureError for what cannot be kept, and stores it.

    Raises:
        NoPicture: it could not be had. ``fault`` is what every attempt found; ``failed`` where they found different things.
        DiskFull: the folder takes nothing.
        MartianError: what else ``take`` raises; what has arrived waits for the next call then.
    """
    with folder.file(url) as part:
        if part.is_whole:
            with suppress(BrokenResponse):
                return await in_thread(_Download(part, take).taken, url)
        download = _Download(part, take)
        try:
            return await client.stream(url, download.read, download.accept, headers=lambda: {**ACCEPT, **part.rest()})
        except (UpstreamError, InputError) as error:
            raise NoPicture(str(error), fault=download.fault(error)) from error


class _Download(Generic[T]):
    """The attempts at one picture."""

    def __init__(self, part: Partial, take: Callable[[bytes], T]) -> None:
        self._part = part
        self._take = take
        self._faults: list[Fault] = []
        self._fits = False

    async def read(self, response: httpx.Response, url: str) -> bytes:  # noqa: ARG002 - it is a Read
        """Write what arrives behind what has arrived before, or anew. Returns nothing: ``accept`` reads the file."""
        goes_on = response.status_code == HTTPStatus.PARTIAL_CONTENT and self._part.goes_on(response)
        self._fits = goes_on or response.status_code == HTTPStatus.OK
        if not self._fits:
            await _read_beginning(response)
            return b""
        if not goes_on:
            self._part.begin(response)
        async for piece in response.aiter_bytes():
            # Into the page cache, in microseconds; a worker thread for each piece of 64 kB would cost more.
            self._part.write(piece)
            if self._part.size > MOST_BYTES:
                break
        return b""

    def accept(self, raw: httpx.Response, response: Response) -> T:
        """What ``take`` makes of the response, once it is whole and a picture."""
        status, url = response.status, response.url
        if status in _MISSING:
            raise self._sure(Fault.MISSING, FileMissing, f"{url}: there is no picture (status {status})")
        if raw.is_redirect:
            raise self._sure(Fault.REFUSED, RefusedResponse, f"{url}: the address leads to another host, which is not asked")
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or (status in _WITH_A_PICTURE and not self._fits):
            raise self._broken(Fault.FAILED, f"{url}: the rest does not fit what has arrived of the picture")
        if status not in _WITH_A_PICTURE:
            raise self._sure(Fault.REFUSED, RefusedResponse, f"{url}: the server refuses the picture (status {status})")
        if self._part.size > MOST_BYTES:
            raise self._sure(Fault.REFUSED, RefusedResponse, f"{url}: the file is larger than {MOST_BYTES:,} bytes")
        self._part.end()
        if not self._part.is_whole:
            raise self._broken(Fault.FAILED, f"{url}: {self._part.size:,} bytes arrived, which is not what was announced")
        return self.taken(url)

    def taken(self, url: str) -> T:
        """What ``take`` makes of what has arrived, which is whole."""
        body = self._part.content()
        try:
            _check_beginning(body)
            value = self._take(body)
        except NotAPicture as error:
            if body.lstrip().startswith(_PAGES):
                raise self._broken(Fault.FAILED, f"{url}: {error}") from error
            raise self._sure(Fault.REFUSED, RefusedResponse, f"{url}: {error}") from error
        except PictureDamaged as error:
            raise self._broken(Fault.DAMAGED, f"{url}: {error}") from error
        except PictureError as error:
            raise self._sure(Fault.REFUSED, RefusedResponse, f"{url}: {error}") from error
        self._part.forget()
        return value

    def fault(self, error: Exception) -> Fault:
        """The word for why the picture was not had, which is only certain where no two attempts contradict each other."""
        sure = len(self._faults) >= _SURE and len(set(self._faults)) == 1
        return self._faults[-1] if sure and not isinstance(error, UpstreamUnavailable) else Fault.FAILED

    def _broken(self, fault: Fault, message: str) -> BrokenResponse:
        """A fault that asking again may mend."""
        return self._noted(fault, BrokenResponse, message)

    def _sure(self, fault: Fault, final: type[BrokenResponse], message: str) -> BrokenResponse:
        """A fault that is believed, and not asked about any more, once it was found often enough in a row."""
        before = self._faults[1 - _SURE :]
        return self._noted(fault, final if before == [fault] * (_SURE - 1) else BrokenResponse, message)

    def _noted(self, fault: Fault, kind: type[BrokenResponse], message: str) -> BrokenResponse:
        self._faults.append(fault)
        self._part.forget()
        return kind(message, url=message.partition(": ")[0], body=b"")


def _check_beginning(body: bytes) -> None:
    if not body.startswith(tuple(SIGNATURES)):
        raise NotAPicture(f"the file begins with {body[:_SHOWN]!r}, as no JPEG or PNG does")


async def _read_beginning(response: httpx.Response) -> None:
    size = 0
    async for piece in response.aiter_bytes():
        size += len(piece)
        if size > _READ_OF_ERRORS:
            return
