"""Which of two documents of one key stands."""

from __future__ import annotations

import logging
from datetime import datetime

from martian_moments.domain.clock import is_ahead, outdates
from martian_moments.domain.documents import Header

_log = logging.getLogger(__name__)


def takes_the_place(new: Header, stored: Header) -> bool:
    """As :func:`supersedes`, with a line in the log where a clock that was wrong decides."""
    replaced = supersedes(new, stored)
    if is_ahead(stored.fetched_at):
        what = "gives way to" if replaced else "stays nevertheless beside"
        _log.warning("%s: fetched at %s, a time still to come, %s what came now", new.key, stored.fetched_at, what)
    elif is_ahead(new.fetched_at):
        _log.warning(
            "%s: what came now says %s, a time still to come, and replaces nothing; correct the clock, then ask again",
            new.key,
            new.fetched_at,
        )
    return replaced


def supersedes(new: Header, stored: Header, now: datetime | None = None) -> bool:
    """Whether a document takes the place of the stored one.

    It does when it says something else, unless it was fetched earlier (two runs at once: the newest wins, as in bronze) or
    is a short response with fewer records than are held (an upstream that sends less of a sol than it promised does not
    take back what it gave before).

    A stored document that was fetched at a time still to come gives way to the next response, also to one that says the
    same, so that its time is set right; a response of such a time wins against nothing.

    Args:
        new: the document that arrived.
        stored: the one that is held.
        now: UTC; by default this machine's clock.
    """
    if not new.complete and new.record_count < stored.record_count:
        return False
    if not outdates((new.fetched_at, ""), (stored.fetched_at, ""), now):
        return False
    was_ahead = is_ahead(stored.fetched_at, now) and not is_ahead(new.fetched_at, now)
    return was_ahead or _content(new) != _content(stored)


def _content(header: Header) -> tuple[object, ...]:
    # A document of the release before, which recorded no repeats, stays where there are none.
    counts = header.record_count, header.repeats or 0, header.promised, header.complete
    return header.fingerprint, *counts, header.schema, header.synthetic
