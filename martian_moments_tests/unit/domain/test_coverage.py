"""Which document is selected for a sol and which source is asked next, over what several sources hold and promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from martian_moments.domain.coverage import Coverage, Gap, LakeView, State
from martian_moments.domain.documents import Header
from martian_moments.domain.promises import Promises
from martian_moments_tests.builders import FETCHED, photos_document

AT = FETCHED.timestamp()
WHOLE, SHORT, EMPTY = (5, 5), (3, 5), (0, 0)


def view(source: str, held: Mapping[int, tuple[int, int]], promised: Mapping[int, int | None] | None) -> LakeView:
    headers: dict[int, Header] = {
        sol: photos_document(sol, records=records, promised=promise).header for sol, (records, promise) in held.items()
    }
    newest = max(promised) if promised else None
    promises = (
        None if promised is None else Promises("curiosity", source, served=bool(promised), sols=promised, newest_sol=newest)
    )
    return LakeView("curiosity", source, promises, headers)


def coverage(msl: tuple[int, int] | None, v1: tuple[int, int] | None, *, v1_promises: bool = True) -> Coverage:
    """Sol 1 by a feed that knows no numbers, preferred, and by v1."""
    return Coverage(
        "curiosity",
        [
            view("msl", {1: msl} if msl else {}, {1: None}),
            view("v1", {1: v1} if v1 else {}, {1: 5} if v1_promises else {2: 5}),
        ],
    )


def test_a_part_of_a_source_that_never_answered_is_reported() -> None:
    promises = Promises("spirit", "pds", served=True, unanswered=("mer2po_0xxx",))
    views = [LakeView("spirit", "pds", promises, {}), LakeView("spirit", "v1", None, {})]
    assert Coverage("spirit", views).unanswered_parts == ["pds mer2po_0xxx"]


@pytest.mark.parametrize(
    ("msl", "v1", "selected", "asked", "gap"),
    [
        (None, None, None, ["msl", "v1"], Gap(1, 0, None)),
        (WHOLE, None, "msl", ["msl"], None),
        (WHOLE, WHOLE, "msl", ["msl"], None),
        (WHOLE, SHORT, "msl", ["msl"], None),
        (None, WHOLE, "v1", ["msl", "v1"], Gap(1, 5, 5, 0.0, State.FALLBACK)),
        (SHORT, WHOLE, "v1", ["msl", "v1"], Gap(1, 5, 5, AT, State.FALLBACK)),
        # A feed that says for an hour that there is nothing, to everything, must not be believed for ever.
        (EMPTY, WHOLE, "v1", ["msl", "v1"], Gap(1, 5, 5, AT, State.FALLBACK)),
        # More than another has whole, although not all.
        ((6, 9), WHOLE, "msl", ["msl", "v1"], Gap(1, 9, 6, AT, State.SHORT)),
        (EMPTY, None, "msl", ["msl", "v1"], Gap(1, 5, None)),
        (SHORT, None, "msl", ["msl", "v1"], Gap(1, 5, 3, AT, State.SHORT)),
        (None, SHORT, "v1", ["msl", "v1"], Gap(1, 5, 3, AT, State.SHORT)),
        (SHORT, SHORT, "msl", ["msl", "v1"], Gap(1, 5, 3, AT, State.SHORT)),
        # Of two that are short the one with more.
        (SHORT, (4, 5), "v1", ["msl", "v1"], Gap(1, 5, 4, AT, State.SHORT)),
        ((0, 5), SHORT, "v1", ["msl", "v1"], Gap(1, 5, 3, AT, State.SHORT)),
        ((0, 5), None, "msl", ["msl", "v1"], Gap(1, 5, 0, AT, State.SHORT)),
    ],
)  # fmt: skip
def test_the_best_document_is_selected_and_the_rest_is_asked_for(
    msl: tuple[int, int] | None, v1: tuple[int, int] | None, selected: str | None, asked: list[str], gap: Gap | None
) -> None:
    known = coverage(msl, v1)
    chosen = known.chosen(1)
    assert (chosen and chosen.source) == selected
    assert [each.source for each in known.to_ask(1)] == asked
    assert known.gap(1) == gap


def test_a_source_that_does_not_promise_the_sol_is_not_asked_and_what_it_holds_whole_still_counts() -> None:
    assert [each.source for each in coverage(SHORT, None, v1_promises=False).to_ask(1)] == ["msl"]
    assert coverage(EMPTY, None, v1_promises=False).gap(1) is None
    held = coverage(None, WHOLE, v1_promises=False)
    assert held.gap(1) == Gap(1, 5, 5, 0.0, State.FALLBACK)


def test_a_source_stands_in_while_a_preferred_one_did_not_respond_or_lags_behind() -> None:
    v1 = view("v1", {1: WHOLE, 2: WHOLE, 3: WHOLE}, {1: 5, 2: 5, 3: 5})
    no_manifest = Coverage("curiosity", [view("msl", {}, None), v1])
    lagging = Coverage("curiosity", [view("msl", {1: WHOLE, 2: EMPTY}, {1: None, 2: None}), v1])
    denying = Coverage("curiosity", [view("msl", {}, {}), v1])
    assert [no_manifest.stands_in(sol) for sol in (1, 2, 3)] == [True, True, True]
    assert [lagging.stands_in(sol) for sol in (1, 2, 3)] == [False, True, True]
    assert [denying.stands_in(sol) for sol in (1, 2, 3)] == [False, False, False]
    assert no_manifest.gaps == denying.gaps == {}, "nothing to ask for: a manifest must come first"
    assert lagging.gaps == {2: Gap(2, 5, 5, AT, State.FALLBACK)}, "that there is nothing of sol 2 is doubted"


def test_a_rover_is_unserved_when_every_source_denies_it_or_none_can_have_it() -> None:
    denied, unknown, served = view("v1", {}, {}), view("v1", {}, None), view("v1", {}, {1: 5})
    assert Coverage("curiosity", []).unserved
    assert Coverage("curiosity", [denied]).unserved
    assert not Coverage("curiosity", [denied, unknown]).unserved
    assert not Coverage("curiosity", [denied, served]).unserved


def test_repeats_that_the_source_counts_itself_are_not_expected() -> None:
    """Of seven records of one page six remain: all of them are there. Of repeats on other pages nobody knows that."""
    promises = Promises("curiosity", "v1", served=True, sols={1: 7})
    header = replace(photos_document(1, records=6, promised=7).header, complete=True, repeats=1)
    known = Coverage("curiosity", [LakeView("curiosity", "v1", promises, {1: header})])
    assert known.gap(1) is None
    assert known.views[0].expected(1) == 6
    for repeats, complete in ((0, False), (None, True)):
        header = replace(header, complete=complete, repeats=repeats)
        known = Coverage("curiosity", [LakeView("curiosity", "v1", promises, {1: header})])
        assert known.gap(1) == Gap(1, 7, 6, AT, State.SHORT)


def test_a_document_that_repeats_of_other_pages_filled_is_not_selected_before_a_whole_one() -> None:
    """m20 of the release before: 380 of 500, called complete; v1 has 450, all that it promises."""
    old = replace(photos_document(1, records=380, promised=500).header, complete=True)
    feed = LakeView("curiosity", "msl", Promises("curiosity", "msl", served=True, sols={1: None}, newest_sol=1), {1: old})
    known = Coverage("curiosity", [feed, view("v1", {1: (450, 450)}, {1: 450})])
    chosen = known.chosen(1)
    assert chosen is not None
    assert chosen.source == "v1"
    assert known.gap(1) == Gap(1, 450, 450, AT, State.FALLBACK)
