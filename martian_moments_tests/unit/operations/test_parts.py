"""What init makes: looked at first, made where it is missing, repaired where it is not as it should be."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from martian_moments.domain.errors import LakeError
from martian_moments.operations import parts as module
from martian_moments.operations.instance import open_instance
from martian_moments.operations.parts import Part, parts, prepare
from martian_moments_tests.platforms import Platform


def part(platform: Platform, what: str) -> Part:
    return next(each for each in parts(platform.resources) if each.what == what)


def test_a_part_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    made: list[str] = []
    assert prepare(Part("bucket", "s3://mars", lambda: "", lambda: made.append("bucket")), tmp_path).state == "already"
    assert made == []


def test_a_part_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    def refuse() -> None:
        raise LakeError("s3://mars: access denied; check the policy")

    step = prepare(Part("bucket", "s3://mars", lambda: "there is none", refuse), tmp_path)
    assert (step.state, step.ok, step.detail) == ("failed", False, "s3://mars: access denied; check the policy")


@pytest.mark.parametrize("raised", [OSError("no route"), RuntimeError("a library's own")])
def test_a_part_that_cannot_be_looked_at_fails_and_is_not_made(tmp_path: Path, raised: Exception) -> None:
    def refuse() -> str:
        raise raised

    step = prepare(Part("bucket", "s3://mars", refuse, lambda: pytest.fail("made")), tmp_path)
    assert step.state == "failed"
    assert str(raised) in step.detail


def test_a_changed_pool_limit_is_set(platform: Platform) -> None:
    for each in parts(platform.resources):
        assert prepare(each, platform.settings.home).ok
    with open_instance(platform.settings) as instance:
        instance.event_log_storage.set_concurrency_slots("nasa", 7)
    step = prepare(part(platform, "pools"), platform.settings.home)
    assert (step.state, step.detail) == ("made", "to be set: nasa to 2")
    with open_instance(platform.settings) as instance:
        limits = {each.name: each.limit for each in instance.event_log_storage.get_pool_limits()}
    assert limits == {"nasa": 2, "images": 1, "warehouse": 1, "open_formats": 1, "movies": 1}


def test_an_older_storage_is_migrated(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(part(platform, "Dagster storage"), platform.settings.home)
    upgraded: list[bool] = []
    monkeypatch.setattr(module, "_outdated", lambda _: [] if upgraded else ["runs"])
    monkeypatch.setattr(dg.DagsterInstance, "upgrade", lambda _: upgraded.append(True))
    assert prepare(part(platform, "Dagster storage"), platform.settings.home).detail == "to be migrated: runs"
    assert prepare(part(platform, "Dagster storage"), platform.settings.home).state == "already"
    assert upgraded == [True]
