"""The demo's verdict can fail: each disagreement with the truth is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from martian_moments.operations.demo import CONFIG, ENVIRONMENT, Verdict
from martian_moments.settings import Settings

GOOD = Verdict("Perseverance", (10, 10, 10, 10), identical=True, distance_m=(41_740.0, 41_740.4))


def test_a_verdict_agrees_when_everything_does() -> None:
    assert GOOD.agrees
    assert replace(GOOD, distance_m=None).agrees


@pytest.mark.parametrize(
    "wrong",
    [
        {"photos": (10, 9, 10, 10)}, {"photos": (10, 10, 9, 10)}, {"photos": (10, 10, 10, 11)}, {"identical": False},
        {"distance_m": (41_740.0, 42_540.0)}, {"distance_m": (41_740.0, 0.0)}, {"distance_m": (0.0, 1.0)},
    ],
)  # fmt: skip
def test_every_single_disagreement_is_seen(wrong: dict) -> None:
    assert not replace(GOOD, **wrong).agrees


def test_the_demos_settings_are_accepted(no_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert Settings.load().concurrency == 16
    assert CONFIG.sols
