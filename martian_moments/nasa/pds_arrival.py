"""Whether an index that arrives takes the place of the one that is held."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from martian_moments.domain.clock import is_ahead
from martian_moments.domain.errors import InputError
from martian_moments.nasa.pds_index import IDENTITY, SOL, Refusal, Scan, Volume, scan
from martian_moments.nasa.pds_label import Label, read_label
from martian_moments.nasa.responses import Response

if TYPE_CHECKING:
    from martian_moments.nasa.http import Download

_EXCERPT_BYTES: Final = 4_096
"""What is kept of a table that is none."""

_MOST_UNREAD: Final = 0.01
"""With a larger share of lines without a sol or an identity, label and table do not belong together."""

_FEW_UNREAD: Final = 10
"""Fewer lines than these say nothing about the rest: a descent volume has a handful of lines in all."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """The response to a label's address; ``label`` is None where the server says that there is none."""

    response: Response
    label: Label | None


def labelled(response: Response) -> Labelled:
    """The label in a response. Raises BrokenResponse."""
    if response.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return Labelled(response, None)
    if response.status != HTTPStatus.OK:
        raise response.broken("an error instead of a label")
    try:
        label = read_label(response.body)
    except InputError as error:
        raise response.broken(f"a label that {error}") from error
    if missing := {SOL, IDENTITY} - label.columns.keys():
        raise response.broken(f"a label without {' and '.join(sorted(missing))}")
    return Labelled(response, label)


@dataclass(slots=True)
class Arrival:
    """A table that is asked for, with its label and what is held of it; ``held`` is None where nothing is.

    ``refused`` is the table that was refused, now or before.
    """

    volume: str
    label_body: bytes
    label: Label
    held: Volume | None
    refused: Refusal | None = field(init=False)

    def __post_init__(self) -> None:
        self.refused = self.held.refused if self.held else None

    @property
    def conditions(self) -> dict[str, str]:
        """The headers that ask for the table only if it has changed. With another label it is read anew."""
        verdict, held = self._verdict, self.held if self.held and self.held.label == self._label_hash else None
        etags = [each.etag for each in (held, verdict) if each and each.etag]
        since = held.last_modified if held and not verdict else None
        conditions = {"If-None-Match": ", ".join(etags), "If-Modified-Since": since}
        return {name: value for name, value in conditions.items() if value}

    @property
    def _verdict(self) -> Refusal | None:
        """The table that is refused for good, as long as the label is this one."""
        refused = self.refused
        return refused if refused and refused.confirmed and refused.label == self._label_hash else None

    @property
    def _label_hash(self) -> str:
        return hashlib.sha256(self.label_body).hexdigest()

    def accept(self, download: Download) -> Volume:
        """The note of what arrived, or the one that is held where nothing has changed. Raises BrokenResponse."""
        response = download.response
        if response.status == HTTPStatus.NOT_MODIFIED and self.held is not None:
            if (verdict := self._verdict) and download.etag == verdict.etag:
                raise response.refused(verdict.reason)
            return self._timed(self.held, response)
        if response.status != HTTPStatus.OK:
            raise response.broken("an error instead of a table")
        with download.path.open("rb") as table:
            found = scan(table, self.label)
        if reason := self._unusable(found):
            with download.path.open("rb") as table:
                excerpt = replace(response, body=table.read(_EXCERPT_BYTES))
            if self.held is None or not download.etag or not found.whole:
                raise excerpt.broken(reason)
            self.refused = self._refusal(download.etag, found.sha256, reason)
            raise excerpt.refused(reason)
        if self.held is not None and (self.held.table, self.held.label) == (found.sha256, self._label_hash):
            same = replace(self.held, etag=download.etag, last_modified=download.last_modified, refused=None)
            return self._timed(same, response)
        note = Volume(
            volume=self.volume,
            url=response.url,
            fetched_at=response.fetched_at,
            present=True,
            etag=download.etag,
            last_modified=download.last_modified,
            bytes=found.bytes,
            lines=found.lines,
            lines_stated=self.label.rows,
            lines_unread=found.unread,
            table=found.sha256,
            label=self._label_hash,
            synthetic=self.label.synthetic,
            sols=found.sols,
        )
        # A table that was cut where a line ends looks like one that its label overstates. Its ETag is that of the
        # whole, so it is asked for without conditions until the same bytes have come twice.
        return replace(note, etag=None, last_modified=None) if note.short else note

    @staticmethod
    def _timed(held: Volume, response: Response) -> Volume:
        """The note of what is held; its time is this response's where the clock was wrong that wrote it.

        A clock that stood behind is known by the server's: nobody had a table before it was last modified. Sols read from it
        would be older than those of the table before, and give way to them until the table changes.
        """
        wrong = is_ahead(held.fetched_at) or _is_before(held.fetched_at, held.last_modified, response.fetched_at)
        return replace(held, fetched_at=response.fetched_at) if wrong else held

    def _refusal(self, etag: str, sha256: str, reason: str) -> Refusal:
        """What is noted of a table. One that was cut on its way has the ETag of the whole: it is asked for once more."""
        refusal = Refusal(etag, sha256, self._label_hash, reason)
        return replace(refusal, confirmed=self.refused in {refusal, replace(refusal, confirmed=True)})

    def _unusable(self, found: Scan) -> str | None:
        """Why a table must not take the place of what is held, or None."""
        stated = self.label.rows
        if found.unread == found.lines or (found.unread >= _FEW_UNREAD and found.unread > found.lines * _MOST_UNREAD):
            return f"a table in which {found.unread} of {found.lines} lines have no sol or no product where the label says"
        if not found.whole and found.lines != stated:
            return f"a table that ends within line {found.lines}"
        if self.held is not None and found.lines < self.held.lines and found.lines != stated:
            return f"a table of {found.lines} lines (its label states {stated}) where {self.held.lines} are held"
        return None


def _is_before(fetched_at: datetime, last_modified: str | None, now: datetime) -> bool:
    """Whether a table was fetched before the time at which it was last modified, of those that have passed."""
    try:
        modified = parsedate_to_datetime(last_modified or "")
    except ValueError:
        return False
    modified = modified.replace(tzinfo=modified.tzinfo or UTC)
    return is_ahead(modified, fetched_at) and not is_ahead(modified, now)
