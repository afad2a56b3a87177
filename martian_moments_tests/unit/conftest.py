"""Fixtures of the unit tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from martian_moments.nasa.upstream import Upstream
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments_tests.platforms import Platform, ScriptedResources, ScriptedSource

Scripted = Callable[..., Platform]


@pytest.fixture
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting from the environment of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith(("MARS_", "DAGSTER_")) and name != "MARS_REAL_PAYLOADS"]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def scripted(tmp_path: Path, no_settings: None) -> Scripted:
    """Makes a platform whose upstreams promise and have these photos, by sol, for whichever rover they are asked.

    With one mapping v1 is the only source; by keyword, each dialect has its own.
    """

    def make(
        promised: Mapping[int, int] | None = None, sources: Mapping[str, Mapping[int, int]] | None = None, **settings: Any
    ) -> Platform:
        of_source = sources or {"v1": promised or {0: 3, 1: 3, 3: 4, 5: 6}}
        loaded = Settings.load(home=tmp_path / "home", sources=tuple(of_source), **settings)
        return Platform(loaded, ScriptedResources(loaded, *(ScriptedSource(each, name) for name, each in of_source.items())))

    return make


@pytest.fixture
def platform(tmp_path: Path, no_settings: None) -> Platform:
    """A platform whose only source of photos does not respond, nor do the maps."""
    settings = Settings.load(
        home=tmp_path / "home",
        sources="v1",
        upstream=Upstream(
            v1_url="http://127.0.0.1:9/api/v1",
            mmgis_url="http://127.0.0.1:9/mmgis-maps",
            mer_traverse_url="http://127.0.0.1:9/mer",
        ),
    )
    return Platform(settings, Resources(settings))
