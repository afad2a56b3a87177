"""Gaps and when they are asked for again: properties that hold for every history of attempts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from martian_moments.defs.sensors.gap_sensor import GapCursor
from martian_moments.domain.coverage import Coverage, Gap, LakeView, State
from martian_moments.domain.documents import Header
from martian_moments.domain.gaps import RetryState
from martian_moments.domain.promises import Promises
from martian_moments_tests.builders import FETCHED, photos_document

NOW = 1_000_000.0
MISSING, SHORT = Gap(1, 5, None), Gap(1, 5, 3, NOW, State.SHORT)


def header(records: int, promised: int | None) -> Header:
    return photos_document(1000, records=records, promised=promised).header


def known(promised: dict[int, int | None], headers: dict[int, Header]) -> Coverage:
    promises = Promises("curiosity", "v1", served=True, sols=promised)
    return Coverage("curiosity", [LakeView("curiosity", "v1", promises, headers)])


def test_gaps_are_what_is_promised_and_not_held_whole() -> None:
    held = {1: header(5, 5), 2: header(3, 5), 3: header(5, 5), 9: header(7, None)}
    found = known({1: 5, 2: 5, 3: 8, 4: 2}, held).gaps
    assert found == {
        2: Gap(2, 5, 3, FETCHED.timestamp(), State.SHORT),
        3: Gap(3, 8, 5, FETCHED.timestamp(), State.SHORT),  # promised more by now
        4: Gap(4, 2, None),
    }
    assert [gap.state for gap in found.values()] == [State.SHORT, State.SHORT, State.MISSING]


def test_an_empty_response_for_a_promised_sol_is_short_and_repeats_that_the_source_counts_do_not_make_a_sol_short() -> None:
    repeats_set_aside = replace(header(4, 5), complete=True, repeats=1)
    assert known({1: 5, 2: 5}, {1: header(0, 5), 2: repeats_set_aside}).gaps == {
        1: Gap(1, 5, 0, FETCHED.timestamp(), State.SHORT)
    }


def test_where_only_the_sols_own_response_reports_a_number_that_number_is_expected() -> None:
    held = {1: header(0, 0), 2: header(3, 5), 3: header(4, 4)}
    found = known(dict.fromkeys((1, 2, 3, 4)), held).gaps
    assert found == {2: Gap(2, 5, 3, FETCHED.timestamp(), State.SHORT), 4: Gap(4, 0, None)}


def test_without_a_manifest_there_are_no_gaps() -> None:
    assert Coverage("curiosity", [LakeView("curiosity", "v1", None, {})]).gaps == {}


@pytest.mark.parametrize(("gap", "first", "longest"), [(MISSING, 10, 600), (SHORT, 30, 86_400)])
def test_delays_grow_up_to_a_longest_one(gap: Gap, first: float, longest: float) -> None:
    delays = [RetryState(attempts={1: (count, NOW)}).next_attempt_at(gap) - NOW for count in range(1, 200)]
    assert delays[0] == first
    assert delays == sorted(delays)
    assert delays[1] > delays[0]
    assert max(delays) == delays[-1] == longest


def test_a_missing_sol_that_was_never_asked_for_is_due_at_once() -> None:
    assert RetryState().next_attempt_at(MISSING) == 0
    assert RetryState().attempts_of(MISSING) == 0


def test_a_short_sol_was_asked_for_once_when_it_was_fetched() -> None:
    assert RetryState().attempts_of(SHORT) == 1
    assert RetryState().next_attempt_at(SHORT) == NOW + 30
    assert RetryState().due({1: SHORT}, (), NOW + 29) == []
    assert RetryState().due({1: SHORT}, (), NOW + 30) == [1]


@pytest.mark.parametrize("years", [1, 5, 50])
def test_what_was_asked_for_at_a_time_still_to_come_is_due(years: int) -> None:
    ahead = NOW + years * 365 * 86_400
    asked = RetryState(attempts={1: (3, ahead)}, asked_at=ahead, batch=[1], fruitless=4, manifests=(7, ahead))
    assert asked.due({1: MISSING}, (), NOW) == [1]
    assert asked.due({1: SHORT}, (), NOW) == [1]
    assert asked.manifests_due(NOW)
    assert RetryState().due({1: replace(SHORT, fetched_at=ahead)}, (), NOW) == [1], "a short document of that time"
    asked.asked([1], {1: MISSING}, NOW)
    assert not asked.due({1: MISSING}, (), NOW + 1), "and waits its delay from now on"
    assert asked.attempts == {1: (4, NOW)}


def test_what_is_in_flight_is_not_due() -> None:
    gaps = {sol: Gap(sol, 5, None) for sol in range(5)}
    assert RetryState().due(gaps, {1, 3}, NOW) == [0, 2, 4]


def test_a_rover_whose_runs_close_no_gap_waits_longer_and_longer_and_one_closed_gap_ends_it() -> None:
    gaps = {sol: Gap(sol, 5, None) for sol in range(1_000)}
    retry_state, now, waits = RetryState(), NOW, []
    for run in range(8):
        batch = list(range(run * 100, run * 100 + 100))
        retry_state.asked(batch, gaps, now)
        asked = now
        while not retry_state.due(gaps, (), now):
            now += 1
        waits.append(now - asked)
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]
    del gaps[retry_state.batch[0]]
    assert retry_state.due(gaps, (), now), "a run closed a gap: no more waiting"
    retry_state.asked([900], gaps, now)
    assert retry_state.fruitless == 0


def test_closed_gaps_are_forgotten() -> None:
    retry_state = RetryState()
    retry_state.asked([1, 2], {1: MISSING, 2: replace(MISSING, sol=2)}, NOW)
    retry_state.asked([2], {2: replace(MISSING, sol=2)}, NOW + 60)
    assert retry_state.attempts == {2: (2, NOW + 60)}


GAPS = st.dictionaries(
    st.integers(0, 400),
    st.tuples(st.one_of(st.none(), st.integers(0, 4)), st.floats(NOW - 1e6, NOW)),
    min_size=1,
    max_size=60,
).map(
    lambda found: {
        sol: Gap(sol, 5, None) if count is None else Gap(sol, 5, count, at, State.SHORT)
        for sol, (count, at) in found.items()
    }
)


@settings(max_examples=60, deadline=None)
@given(GAPS, st.randoms(use_true_random=False))
def test_every_gap_is_asked_for_again_and_again_however_runs_end(gaps: dict[int, Gap], random: object) -> None:
    """Whatever fails, no gap is ever forgotten: within two days each is asked for at least twice, or closed."""
    retry_state, now, asked = RetryState(), NOW, dict.fromkeys(gaps, 0)
    left = dict(gaps)
    while now < NOW + 2 * 86_400 + 3_600 and left:
        retry_state = GapCursor.read(GapCursor({"curiosity": retry_state}).write()).of("curiosity")
        due = retry_state.due(left, (), now)
        if due:
            batch = due[:5]
            retry_state.asked(batch, left, now)
            for sol in batch:
                asked[sol] += 1
                if random.random() < 0.1:  # type: ignore[attr-defined]
                    del left[sol]
        now += 120
    assert all(asked[sol] >= 2 for sol in left), {sol: asked[sol] for sol in left}


def test_the_retry_state_survives_the_cursor() -> None:
    retry_state = RetryState()
    retry_state.asked([3, 1], {1: MISSING, 3: replace(MISSING, sol=3)}, 1_795_433_618.6)
    assert GapCursor.read(GapCursor({"curiosity": retry_state}).write()) == GapCursor({"curiosity": retry_state})
