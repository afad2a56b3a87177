"""Two short responses of one source for one sol: together they may report more than either alone.

A server that orders the photos of a sol anew hands out 64 of 100 today and 64 others tomorrow. The later response alone
would take back 36 photos that were known. So what only the earlier response reports stays beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from martian_moments.domain.documents import Document
from martian_moments.domain.errors import BrokenResponse
from martian_moments.nasa.harvest import Page
from martian_moments.nasa.responses import Response
from martian_moments.nasa.tally import Tally

_log = logging.getLogger(__name__)

Records = Sequence[tuple[str, Mapping[str, Any]]]
"""Records of one sol, each with its id."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a dialect reads its own documents of photos.

    Attributes:
        page: reads a response that has photos of the rover. Raises BrokenResponse.
        fingerprint: of a sol's records by id.
        picture: the address of a record's picture, where the record has an id that says nothing of it.
    """

    page: Callable[[Response, str], Page]
    fingerprint: Callable[[Mapping[str, Mapping[str, Any]]], str]
    picture: Callable[[Mapping[str, Any]], object] = lambda _: None


def joined(held: Document, new: Document, reading: Reading) -> Document:
    """A short response, with the pages of the held document in front that report photos which it lacks.

    Of a photo that both report, the new report stands: it comes last. The response stays alone where it is complete, where
    the held document has all that is promised now, and where the union cannot be believed. A server that was filled anew
    numbers its photos otherwise: then one photo would count as two. It shows in a union that exceeds the promise, or in a
    picture that stands under another id in the new response.

    Args:
        held: the document that the lake holds.
        new: the document that arrived, of the same source and sol.
        reading: of their dialect.
    """
    promised = new.header.promised
    if new.header.complete or promised is None or held.header.satisfies(promised):
        return new
    try:
        before, now = _reported(held, reading), _reported(new, reading)
    except BrokenResponse as error:
        _log.warning("%s: what is held cannot be joined with what came now (%s)", new.header.key, error)
        return new
    later = {identity: content for records in now for identity, content in records}
    kept = _pages_with_more(before, later.keys())
    tally = Tally()
    for records in (*(before[place] for place in kept), *now):
        tally.take(records)
    if not kept or tally.counted > promised or _is_renumbered(tally.records, later, reading):
        return new
    header = replace(
        new.header,
        fingerprint=reading.fingerprint(tally.records),
        record_count=len(tally.records),
        complete=tally.counted >= promised,
        requests=tuple(dict.fromkeys((*held.header.requests, *new.header.requests))),
        repeats=tally.repeats,
    )
    return Document(header, (*(held.pages[place] for place in kept), *new.pages))


def _reported(document: Document, reading: Reading) -> list[Records]:
    """The records of the sol, page by page."""
    header = document.header
    assert header.sol is not None  # noqa: S101 - a document of photos has a sol
    responses = (Response(header.key, HTTPStatus.OK, page, header.fetched_at) for page in document.pages)
    return [reading.page(response, header.rover).of_sol(header.sol) for response in responses]


def _pages_with_more(pages: Sequence[Records], known: Collection[str]) -> list[int]:
    """The places of the pages that are the last to report a record which is not known, ascending."""
    last = {identity: place for place, records in enumerate(pages) for identity, _ in records if identity not in known}
    return sorted(set(last.values()))


def _is_renumbered(union: Mapping[str, Mapping[str, Any]], later: Mapping[str, Mapping[str, Any]], reading: Reading) -> bool:
    """Whether a picture that only the held document reports stands under another id in the new one."""
    pictures = {name for content in later.values() if (name := _file_name(reading.picture(content)))}
    return any(_file_name(reading.picture(union[identity])) in pictures for identity in union.keys() - later.keys())


def _file_name(address: object) -> str | None:
    """The last part of an address: servers that were filled anew may stand elsewhere."""
    return address.rpartition("/")[2] or None if isinstance(address, str) else None
