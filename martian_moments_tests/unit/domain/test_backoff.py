"""Delays between attempts: their values, their bound, and clocks that were wrong."""

from __future__ import annotations

import pytest

from martian_moments.defs.sensors import reconcile_sensor, requests_sensor
from martian_moments.domain import gaps
from martian_moments.domain.backoff import Backoff
from martian_moments.operations import children

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("backoff", "seconds"),
    [
        (gaps._MISSING, [10, 20, 40, 80, 160, 320, 600, 600]),
        (gaps._SHORT, [30, 120, 480, 1_920, 7_680, 30_720, 86_400, 86_400]),
        (gaps._FRUITLESS, [10, 20, 40, 80, 160, 300, 300, 300]),
        (gaps._MANIFESTS, [10, 20, 40, 80, 160, 320, 640, 1_280]),
        (requests_sensor._FAILED_STEPS, [10, 20, 40, 80, 160, 300, 300, 300]),
        (reconcile_sensor._REPAIRS, [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]),
        (children._RESTARTS, [0.5, 1, 2, 4]),
    ],
)
def test_each_loop_waits_as_long_as_ever(backoff: Backoff, seconds: list[float]) -> None:
    assert [backoff.delay(attempts) for attempts in range(1, len(seconds) + 1)] == seconds


def test_no_number_of_attempts_is_too_large() -> None:
    assert Backoff(first=1.0, longest=60.0, factor=1_000.0).delay(10**9) == 60.0


def test_the_first_attempt_waits_for_nothing() -> None:
    backoff = Backoff(first=10.0, longest=60.0)
    assert backoff.delay(0) == 0.0
    assert not backoff.waits(0, NOW, NOW)


def test_an_attempt_waits_until_its_delay_is_over() -> None:
    backoff = Backoff(first=10.0, longest=60.0)
    assert backoff.waits(2, NOW, NOW + 19.9)
    assert not backoff.waits(2, NOW, NOW + 20.0)


def test_an_attempt_at_a_time_still_to_come_delays_nothing() -> None:
    assert not Backoff(first=10.0, longest=60.0).waits(1, NOW + 86_400, NOW)
