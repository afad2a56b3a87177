"""The fingerprint of a sol of v1: what it ignores, and what it sees."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from martian_moments.nasa.v1 import _fingerprint
from martian_moments_tests.unit.nasa.v1.conftest import (
    photo,
)

IDS = st.integers(0, 2**53 - 2)


TOTALS = st.fixed_dictionaries(
    {},
    optional={
        "max_sol": st.integers(0, 5000),
        "max_date": st.dates().map(str),
        "total_photos": st.integers(0, 10**6),
        "status": st.sampled_from(["active", "complete"]),
        "cameras": st.lists(st.fixed_dictionaries({"name": st.text(max_size=4)}), max_size=2),
    },
)


@settings(max_examples=50)
@given(data=st.data(), ids=st.lists(IDS, unique=True, max_size=8))
def test_the_fingerprint_ignores_order_and_running_totals(data: st.DataObject, ids: list[int]) -> None:
    plain = [photo(number) for number in ids]
    shuffled = data.draw(st.permutations(plain))
    noisy = [shown | {"rover": shown["rover"] | data.draw(TOTALS)} for shown in shuffled]
    assert _fingerprint(noisy) == _fingerprint(plain)


@settings(max_examples=50)
@given(
    ids=st.lists(IDS, unique=True, min_size=1, max_size=8),
    change=st.sampled_from(["img_src", "id", "new", "rover"]),
)
def test_the_fingerprint_sees_every_other_change(ids: list[int], change: str) -> None:
    before = [photo(number) for number in ids]
    after = copy.deepcopy(before)
    after[0][change] = {"id": max(ids) + 1, "rover": {"name": "Curiosity", "id": 5}}.get(change, "changed")
    assert _fingerprint(before) != _fingerprint(after)
    assert _fingerprint(before) != _fingerprint(before[1:])
