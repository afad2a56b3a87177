"""Maps and manifests that come smaller than they were: what is held stays until the loss is confirmed.

A server that is half made anew, or a file that is half written, responds well and shows less: of 24 waypoints 8, of 3,575
sols 1,000. Believed at once, that takes places off the map and makes sols that are still missing look like sols that are
not. So the fuller document stays while the smaller one waits in the quarantine, and gives way to it when the next refresh
reports the same loss, whatever else has changed meanwhile: a map that goes on from what is left of it lacks the same
records. A map whose newest sol is later is another edition and is believed at once. What was replaced is kept in the
quarantine as well.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import orjson

from martian_moments.domain.documents import Document, Kind, decode, decode_text, encode
from martian_moments.domain.errors import DocumentError, ObjectMissing
from martian_moments.lake.store import Lake, Put
from martian_moments.nasa.sources import map_records, newest_sol, read_promises

_log = logging.getLogger(__name__)

_WAITING: Final = "quarantine/unconfirmed/"
_REPLACED: Final = "quarantine/replaced/"

_SHOWN: Final = 5


async def keep(lake: Lake, new: Document) -> tuple[Document, Put]:
    """Keep a map or a manifest, unless it has lost something that the lake holds and nobody has confirmed that.

    Returns the document that the lake holds then, and what became of the new one: ``Put.kept`` says why it waits.

    Raises:
        LakeError: it could not be stored.
    """
    return await asyncio.to_thread(_Keeping(lake, new).keep)


def unconfirmed(lake: Lake, rovers: Sequence[str]) -> list[str]:
    """Why documents of these rovers wait for their confirmation, one line each."""
    places = {f"/rover={rover}/" for rover in rovers}
    notes = [each.key for each in lake.list(_WAITING) if any(place in each.key for place in places)]
    return [str(note.get("reason", key)) for key in notes if (note := _note(lake, key)) is not None]


class _Keeping:
    """One document that arrived, beside the one that is held and the one that waits."""

    def __init__(self, lake: Lake, new: Document) -> None:
        self._lake = lake
        self._new = new
        self._key = new.header.key

    def keep(self) -> tuple[Document, Put]:
        held = self._held()
        if held is None or held[0].header.synthetic != self._new.header.synthetic:
            return self._new, self._lake.put_now(self._new)
        document, etag, size = held
        loss = _loss(document, self._new)
        if not loss:
            self._lake.remove(_WAITING + self._key)
            return self._new, self._lake.put_now(self._new)
        words = _in_words(document, self._new, loss)
        if not self._is_later(document) and not self._is_confirmed(document, loss):
            reason = f"{words}: what is held stays until the next refresh confirms this"
            self._set_aside(_WAITING, self._new, reason)
            _log.warning("%s", reason)
            return document, Put(self._key, etag, size, document.header, changed=False, kept=reason)
        reason = f"{words}: believed, because it was confirmed or reaches a later sol; what it replaces is in {_REPLACED}"
        self._set_aside(_REPLACED, document, reason)
        _log.warning("%s", reason)
        put = self._lake.put_now(self._new)
        self._lake.remove(_WAITING + self._key)
        return self._new, put

    def _held(self) -> tuple[Document, str, int] | None:
        try:
            found = self._lake.read(self._key)
            return decode(self._key, found.body), found.info.etag, found.info.size
        except (ObjectMissing, DocumentError):
            return None

    def _is_later(self, held: Document) -> bool:
        """Whether a map reaches further than the one that is held. A manifest that does may have lost sols all the same."""
        if self._new.header.kind is Kind.MANIFEST:
            return False
        reaches, reached = newest_sol(self._new), newest_sol(held)
        return reaches is not None and reached is not None and reaches > reached

    def _is_confirmed(self, held: Document, loss: dict[object, object]) -> bool:
        """Whether what waits has lost the same and is no newer. That nothing is left is never confirmed: it is a fault.

        Of a map all that the two have lost must agree: one that gets records back is on its way to be whole again.
        """
        note = _note(self._lake, _WAITING + self._key)
        if note is None or not self._new.header.record_count:
            return False
        try:
            waiting = decode(self._key, gzip.compress(orjson.dumps(note["document"])))
        except (DocumentError, KeyError):
            return False
        before = _loss(held, waiting)
        if self._new.header.kind is Kind.MANIFEST:
            return loss.items() <= before.items()
        return loss == before and (newest_sol(self._new) or 0) >= (newest_sol(waiting) or 0)

    def _set_aside(self, folder: str, document: Document, reason: str) -> None:
        note = {
            "reason": reason,
            "url": ", ".join(document.header.requests),
            "kept_at": datetime.now(UTC),
            "document": orjson.Fragment(decode_text(self._key, encode(document))),
        }
        self._lake.put_bytes(folder + self._key, orjson.dumps(note))


def _loss(held: Document, new: Document) -> dict[object, object]:
    """What a response has less of than the document that is held; empty where nothing.

    Of a manifest the sols, with what it promises instead; of a map that has become smaller the records, with their number.
    """
    if held.header.kind is not Kind.MANIFEST:
        fewer = new.header.record_count < held.header.record_count
        return dict(map_records(held) - map_records(new)) if fewer else {}
    promised, before = read_promises(new).sols, read_promises(held).sols
    return {
        sol: promised.get(sol, 0)
        for sol, count in before.items()
        if sol not in promised or ((now := promised[sol]) is not None and count is not None and now < count)
    }


def _in_words(held: Document, new: Document, loss: dict[object, object]) -> str:
    header = new.header
    what = f"{header.rover}: the {header.kind} of {header.source}"
    if header.kind is not Kind.MANIFEST:
        return f"{what} has {header.record_count} records where {held.header.record_count} are held"
    sols = ", ".join(map(str, list(loss)[:_SHOWN])) + (", ..." if len(loss) > _SHOWN else "")
    return f"{what} promises less than the one that is held of {len(loss)} sols ({sols})"


def _note(lake: Lake, key: str) -> dict[str, object] | None:
    try:
        note = orjson.loads(lake.get(key))
    except (ObjectMissing, orjson.JSONDecodeError):
        return None
    return note if isinstance(note, dict) else None
