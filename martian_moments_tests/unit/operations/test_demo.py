"""The demo's verdict can fail: each disagreement with the truth is seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from martian_moments.operations.demo import CONFIG, Verdict, environment
from martian_moments.settings import Settings

GOOD = Verdict("perseverance", "m20", (10, 10, 10, 10), identical=True, distance_m=(41_740.0, 41_740.4))


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
def test_every_single_disagreement_is_seen(wrong: dict[str, Any]) -> None:
    assert not replace(GOOD, **wrong).agrees


def test_the_demo_runs_embedded_whatever_parts_the_environment_and_env_file_name(
    no_settings: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        "MARS_LAKE_URL=s3://mars\nMARS_DAGSTER_HOME=/deployed\nMARS_WAREHOUSE_URL=duckdb:///shared.db\n"
    )
    monkeypatch.setenv("MARS_EVENTS_URL", "kafka://127.0.0.1:9092")
    assert Settings.load().deployed
    home = tmp_path / "demo"
    for name, value in environment(home, {"v1_url": "http://nasa/api/v1", "mmgis_url": "http://nasa/maps"}).items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    assert settings.concurrency == 16
    assert not settings.deployed
    assert settings.instance_home == home / "dagster"
    assert settings.lake == (home / "lake").as_uri()
    assert settings.events == f"sqlite://{home}/events.db"
    assert settings.warehouse == f"duckdb://{home}/warehouse.duckdb"
    assert CONFIG.sols
