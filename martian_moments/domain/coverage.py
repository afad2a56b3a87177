"""What the lake holds of one rover from each of its sources: which document is selected for a sol, and what is missing.

Pure. The run that asks, the gap sensor, the schedules and the status all decide by this module, and silver's photo_documents
chooses by the same rule, so that they agree on every sol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from martian_moments.domain.documents import Header
from martian_moments.domain.promises import Promises


@dataclass(frozen=True, slots=True)
class LakeView:
    """What the lake holds and what it is promised for one rover and source.

    Attributes:
        promises: the manifest's promises, None before the first manifest.
        headers: the photo documents by sol.
    """

    rover: str
    source: str
    promises: Promises | None
    headers: Mapping[int, Header]

    def promises_sol(self, sol: int) -> bool:
        """Whether the source may have photos of a sol, as its manifest says."""
        return self.promises is not None and sol in self.promises.sols

    def promised(self, sol: int) -> int | None:
        """The photos promised for a sol: 0 where the manifest does not list it, None where it has no number for it."""
        return self.promises.sols.get(sol, 0) if self.promises else 0

    def holds(self, sol: int) -> bool:
        """Whether the lake holds all that is promised for a sol."""
        header = self.headers.get(sol)
        return header is not None and header.satisfies(self.promised(sol))

    def holds_photos(self, sol: int) -> bool:
        """Whether the lake holds all that is promised for a sol, and that is not nothing."""
        return self.holds(sol) and self.headers[sol].record_count > 0

    def expected(self, sol: int) -> int:
        """The photos that the source has of a sol, as far as it is known.

        Of a whole document these are the photos that remain after repeats and strays of other sols are set aside.
        """
        header = self.headers.get(sol)
        if header is not None and header.satisfies(self.promised(sol)):
            return header.record_count
        return self.promised(sol) or (header.promised if header and header.promised else 0)

    @property
    def newest_sol(self) -> int | None:
        """The last sol that the source knows; None before its first manifest and where it does not serve the rover."""
        return self.promises.newest_sol if self.promises else None


class State(StrEnum):
    """Why a sol is to be asked for again."""

    MISSING = "missing"
    SHORT = "short"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class Gap:
    """One sol of which a source may have more than the lake holds.

    Attributes:
        state: ``missing``: no photos are held and a source has not responded; ``short``: fewer photos than the same source
            promises; ``fallback``: a less preferred source's whole document stands in for one that did not respond, is
            short, or said that there is nothing.
        expected: photos promised, 0 where only the source's response states a number.
        found: photos in the lake; None where it holds no document.
        fetched_at: POSIX seconds of the document that is short, 0 where there is none.
    """

    sol: int
    expected: int
    found: int | None
    fetched_at: float = 0.0
    state: State = State.MISSING


@dataclass(frozen=True)
class Coverage:
    """What the lake holds of one rover, by source.

    Attributes:
        views: in order of preference.
    """

    rover: str
    views: Sequence[LakeView]

    @property
    def serving(self) -> Sequence[LakeView]:
        """The sources whose manifests in the lake say that they serve the rover."""
        return [view for view in self.views if view.promises is not None and view.promises.served]

    @property
    def unserved(self) -> bool:
        """Whether every source denies the rover."""
        return all(view.promises is not None and not view.promises.served for view in self.views)

    @cached_property
    def sols(self) -> Sequence[int]:
        """Every sol that a source promises or the lake holds a document of, ascending."""
        known = {sol for view in self.views for sol in (*(view.promises.sols if view.promises else ()), *view.headers)}
        return sorted(known)

    def chosen(self, sol: int) -> LakeView | None:
        """The view whose document is selected for a sol: see :func:`index_of_selected`."""
        held = [view for view in self.views if sol in view.headers]
        counts = [(view.headers[sol].record_count, view.headers[sol].whole) for view in held]
        return held[index_of_selected(counts)] if held else None

    def has_all(self, view: LakeView, sol: int) -> bool:
        """Whether the lake holds all that a source has of a sol.

        That it has nothing is doubted while another source has photos of the sol, unless its manifest says so too: a feed
        that responds with nothing to everybody for an hour would empty its sols for good.
        """
        if not view.holds(sol):
            return False
        doubtful = not view.headers[sol].record_count and view.promised(sol) is None
        return not (doubtful and any(other.holds_photos(sol) for other in self.views))

    @property
    def unanswered_parts(self) -> list[str]:
        """Parts of sources that never responded while the rest did: ``pds mer1po_0xxx``. Nobody knows what they have."""
        return [f"{view.source} {part}" for view in self.views if view.promises for part in view.promises.unanswered]

    def candidates(self, sol: int) -> Sequence[LakeView]:
        """The sources that may have photos of a sol, in order."""
        return [view for view in self.views if view.promises_sol(sol) or view.holds_photos(sol)]

    def to_ask(self, sol: int) -> Iterator[LakeView]:
        """The sources that may have photos of a sol, in order, up to the first whose photos are held whole.

        What is held, and whole but empty, is among them: whether it is asked again is the caller's choice.
        """
        for view in self.candidates(sol):
            yield view
            if view.holds_photos(sol):
                return

    def gap(self, sol: int) -> Gap | None:
        """What is still to be had of a sol, or None."""
        wanted = [view for view in self.to_ask(sol) if not self.has_all(view, sol)]
        if not wanted:
            return None
        chosen = self.chosen(sol)
        short = [view.headers[sol] for view in wanted if sol in view.headers]
        asked_at = max((header.fetched_at.timestamp() for header in short), default=0.0)
        if chosen is not None and chosen.holds_photos(sol):
            return Gap(sol, chosen.expected(sol), chosen.headers[sol].record_count, asked_at, State.FALLBACK)
        if chosen is not None and (short or chosen.headers[sol].record_count):
            return Gap(sol, chosen.expected(sol), chosen.headers[sol].record_count, asked_at, State.SHORT)
        return Gap(sol, wanted[0].expected(sol), None)

    @property
    def gaps(self) -> dict[int, Gap]:
        """Every gap, by sol."""
        return {sol: gap for sol in self.sols if (gap := self.gap(sol))}

    def stands_in(self, sol: int) -> bool:
        """Whether the sol's photos are those of a source that is preferred less than one that did not respond or lags."""
        chosen = self.chosen(sol)
        if chosen is None or not chosen.headers[sol].record_count:
            return False
        preferred = self.views[: self.views.index(chosen)]
        return any(self._may_have_more(view, sol) for view in preferred)

    def _may_have_more(self, view: LakeView, sol: int) -> bool:
        if view.promises is None:
            return True
        lags = view.promises.served and (view.newest_sol is None or view.newest_sol < sol)
        return lags or (view.promises_sol(sol) and not self.has_all(view, sol))


def index_of_selected(documents: Sequence[tuple[int, bool]]) -> int:
    """Which of a sol's documents is selected for it, as silver's photo_documents has it.

    The first whole one that has photos, unless a source that is preferred has more although it is short; without a whole one
    the one with most photos, the first of several.

    Args:
        documents: (record_count, whole), one per source in the order of preference; at least one.
    """
    enough = next((records for records, whole in documents if whole and records), None)
    if enough is None:
        return max(range(len(documents)), key=lambda place: documents[place][0])
    return next(place for place, (records, whole) in enumerate(documents) if records and (whole or records > enough))
