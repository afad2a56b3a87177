"""Sols as partitions: registered in order without gaps, cut into spans, found again in tags."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context
from hypothesis import given
from hypothesis import strategies as st

from martian_moments.defs.partitions import (
    PARTITION,
    lake_run_sols,
    newest_span,
    parse_range,
    register_sols,
    registered_sols,
    sols_in_tags,
    sols_of,
    spans,
)
from martian_moments.domain.errors import InputError
from martian_moments.settings import Settings

SOLS = st.sets(st.integers(0, 6_000), max_size=300)


def test_sols_are_registered_in_order_from_the_rovers_first_sol_without_gaps() -> None:
    instance = dg.DagsterInstance.ephemeral()
    assert register_sols(instance, "spirit", 4) == 4
    assert instance.get_dynamic_partitions("spirit_sols") == ["00001", "00002", "00003", "00004"]
    assert register_sols(instance, "spirit", 4) == 0
    assert register_sols(instance, "spirit", 2) == 0, "a manifest that knows less takes nothing back"
    assert register_sols(instance, "spirit", 6) == 2
    assert registered_sols(instance, "spirit") == range(1, 7)
    assert register_sols(instance, "curiosity", 1) == 2, "Curiosity's sols begin with 0"
    assert registered_sols(instance, "curiosity") == range(2)


def test_nothing_is_registered_before_the_first_manifest() -> None:
    instance = dg.DagsterInstance.ephemeral()
    assert not registered_sols(instance, "opportunity")


@pytest.mark.parametrize("keys", [["00001", "00003"], ["00002", "00003"], ["00002", "00001"], ["00000", "00001"]])
def test_keys_that_somebody_changed_by_hand_are_named_with_the_way_out(keys: list[str]) -> None:
    instance = dg.DagsterInstance.ephemeral()
    instance.add_dynamic_partitions("spirit_sols", keys)
    with pytest.raises(InputError, match=r"spirit_sols .* delete them all in the UI and materialize lake/manifests"):
        registered_sols(instance, "spirit")


def test_a_dagster_range_of_registered_sols_is_the_range_of_sols() -> None:
    instance = dg.DagsterInstance.ephemeral()
    for newest in (3, 12, 40):
        register_sols(instance, "curiosity", newest)
    with partition_loading_context(dynamic_partitions_store=instance):
        keys = sols_of("curiosity").get_partition_keys_in_range(dg.PartitionKeyRange("00002", "00035"))
    assert [int(key) for key in keys] == list(range(2, 36))


@given(SOLS, st.integers(1, 400))
def test_spans_cover_every_sol_once_newest_first_and_never_wider_than_allowed(sols: set[int], width: int) -> None:
    cut = list(spans(sols, width))
    assert [sol for span in reversed(cut) for sol in span.sols] == sorted(sols)
    for span in cut:
        assert (span.first, span.last) == (span.sols[0], span.sols[-1])
        assert span.last - span.first < width
    assert [span.last for span in cut] == sorted((span.last for span in cut), reverse=True)


@given(SOLS)
def test_the_newest_span_holds_the_newest_sol(sols: set[int]) -> None:
    span = newest_span(sols, 200)
    assert (span.last if span else None) == max(sols, default=None)


def test_spans_are_only_as_wide_as_what_is_due() -> None:
    assert [(each.first, each.last, each.sols) for each in spans([5, 900, 903, 1_100], 200)] == [
        (903, 1_100, (903, 1_100)), (900, 900, (900,)), (5, 5, (5,)),
    ]  # fmt: skip


@pytest.mark.parametrize(("a_minute", "sols"), [(1, 200), (30, 200), (60, 360), (1_000_000, 500)])
def test_a_run_asks_for_as_many_sols_as_take_about_seven_minutes(a_minute: int, sols: int, tmp_path: Path) -> None:
    assert lake_run_sols(Settings.load(home=tmp_path, requests_per_minute=a_minute)) == sols


def test_tags_report_the_sols_of_a_run() -> None:
    (span,) = spans([7, 9], 200)
    assert span.tags() == {"dagster/asset_partition_range_start": "00007", "dagster/asset_partition_range_end": "00009"}
    assert sols_in_tags(span.tags()) == range(7, 10)
    assert sols_in_tags({PARTITION: "00012"}) == range(12, 13)
    assert not sols_in_tags({PARTITION: "curiosity"})
    assert not sols_in_tags({})


def test_a_persons_range_is_read() -> None:
    assert parse_range("100-200", range(1, 500)) == range(100, 201)
    assert parse_range("7", range(1, 500)) == range(7, 8)
    assert parse_range("0-499", range(500)) == range(500)


@pytest.mark.parametrize(
    ("text", "registered", "message"),
    [
        ("abc", range(5), "write FIRST-LAST"),
        ("1-", range(5), "write FIRST-LAST"),
        ("-3", range(5), "write FIRST-LAST"),
        ("4-2", range(5), "rising range within 0 to 4"),
        ("3-5", range(5), "rising range within 0 to 4"),
        ("0-3", range(1, 5), "rising range within 1 to 4"),
        ("0-3", range(0), "no sols are known yet"),
    ],
)
def test_a_range_that_does_not_exist_is_refused_with_what_does(text: str, registered: range, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_range(text, registered)
