"""The check-up: what works, and what to do about what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from martian_moments.domain.errors import MartianError
from martian_moments.operations import doctor
from martian_moments.operations.doctor import Finding, check_up
from martian_moments.operations.parts import Part, parts, prepare
from martian_moments.pipelines.load import load
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments.warehouse.base import LEDGER
from martian_moments_tests.platforms import Platform


def findings(platform: Platform) -> dict[str, Finding]:
    return {each.what: each for each in check_up(platform.resources)}


def test_a_healthy_machine_passes_and_a_platform_that_is_not_up_is_no_fault(platform: Platform) -> None:
    found = findings(platform)
    parts = ["topics", "warehouse", "dbt project", "Dagster storage", "pools"]
    assert list(found) == [
        "disk",
        "web access",
        *parts,
        "lake",
        "event log",
        "bronze",
        "published tables",
        "platform",
        "service",
    ]
    assert all(each.ok for each in found.values()), found
    assert "no tables yet; the first start makes it" in found["warehouse"].detail
    assert "martian-moments up" in found["platform"].detail


def test_what_only_init_makes_is_a_fault_while_it_is_missing() -> None:
    part = Part("bucket", "s3://mars", lambda: "there is none", lambda: None)
    with pytest.raises(MartianError, match="s3://mars: there is none; martian-moments init sets it right"):
        doctor._part(part)


def test_a_lake_that_cannot_be_written_is_one_finding_and_the_rest_is_checked(tmp_path: Path, no_settings: None) -> None:
    (tmp_path / "file").write_text("no folder")
    settings = Settings.load(home=tmp_path / "home", lake_url=(tmp_path / "file" / "lake").as_uri())
    found = {each.what: each for each in check_up(Resources(settings))}
    assert {what for what, each in found.items() if not each.ok} == {"lake"}
    assert str(tmp_path / "file") in found["lake"].detail


def test_a_full_disk_is_reported_with_what_is_needed(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ENOUGH_BYTES", 2**60)
    found = findings(platform)["disk"]
    assert not found.ok
    assert "the full history needs" in found.detail


def test_the_probe_is_no_document(platform: Platform) -> None:
    findings(platform)
    assert platform.events("minio-events") == []
    assert platform.resources.lake.list() == []


@pytest.mark.parametrize(
    "raised",
    [
        ValueError("no port: 'hush'"),
        KeyError("hush#mouse"),
        RuntimeError("mouse\n  at hush"),
    ],
    ids=["half of a password", "a whole one", "several lines"],
)
def test_what_a_library_raises_in_one_check_is_its_finding_and_takes_no_other_along(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, raised: Exception
) -> None:
    def broken(_: Resources) -> str:
        raise raised

    monkeypatch.setenv("REDIS_PASSWORD", "hush#mouse")
    monkeypatch.setattr(doctor, "_lake", broken)
    found = findings(platform)
    assert {what for what, each in found.items() if not each.ok} == {"lake"}
    log = platform.settings.home / "logs" / "errors.log"
    assert found["lake"].detail.startswith(type(raised).__name__)
    assert found["lake"].detail.endswith(f"the traceback is in {log}")
    assert "\n" not in found["lake"].detail
    assert "in broken" in log.read_text()
    for text in (found["lake"].detail, log.read_text()):
        assert "hush" not in text
        assert "mouse" not in text


def test_a_damaged_log_is_named_with_what_to_do_and_the_new_one_works(platform: Platform) -> None:
    platform.resources.event_log.close()
    (platform.settings.home / "events.db").write_bytes(b"garbage" * 1_000)
    found = findings(platform)
    assert [what for what, each in found.items() if not each.ok] == ["event log"]
    assert "events.db was damaged and is now events.db.damaged-" in found["event log"].detail
    assert "Requests that were not read are lost: ask again" in found["event log"].detail
    (aside,) = platform.settings.home.glob("events.db.damaged-*")
    aside.unlink()
    assert findings(platform)["event log"].ok


def test_damaged_tables_are_named_with_what_becomes_of_them(platform: Platform) -> None:
    platform.resources.warehouse.ensure()
    platform.resources.warehouse.publish(platform.resources.published, [LEDGER])
    assert findings(platform)["published tables"].ok
    (platform.settings.home / "published" / "bronze" / "ledger" / "ledger.parquet").write_bytes(b"garbage")
    found = findings(platform)
    assert [what for what, each in found.items() if not each.ok] == ["published tables"]
    assert "ledger.parquet was changed since it was published; the running platform" in found["published tables"].detail


def test_tables_of_a_release_without_manifests_are_to_be_published_again(platform: Platform) -> None:
    folder = platform.settings.home / "published" / "gold" / "rover_summary"
    folder.mkdir(parents=True)
    (folder / "rover_summary.parquet").write_bytes(b"garbage")
    found = findings(platform)["published tables"]
    assert not found.ok
    assert "manifest.json is gone, or an earlier release published" in found.detail


def test_a_warehouse_that_cannot_be_read_is_a_fault_and_init_sets_it_aside(platform: Platform) -> None:
    file = platform.settings.home / "warehouse.duckdb"
    resources = platform.resources
    platform.photos("curiosity", [1])
    load(resources.lake, resources.warehouse, resources.lake.list())
    resources.warehouse.publish(resources.published, [LEDGER])
    assert findings(platform)["bronze"].detail.endswith("1 documents, every table was read")
    file.write_bytes(b"another program's")
    found = findings(platform)["bronze"]
    assert not found.ok
    assert "not a valid DuckDB database file" in found.detail
    assert "makes it anew from the lake" in found.detail
    assert file.read_bytes() == b"another program's", "looking changes nothing"
    assert all(prepare(part, platform.settings.home).ok for part in parts(resources) if part.what == "warehouse")
    assert findings(platform)["bronze"].ok
    assert [kept.read_bytes() for kept in file.parent.glob("warehouse.duckdb.damaged-*")] == [b"another program's"]


def test_documents_that_are_gone_from_bronze_are_a_fault(platform: Platform) -> None:
    """As after a person has put an older copy of the warehouse in its place."""
    resources = platform.resources
    platform.photos("curiosity", [1])
    load(resources.lake, resources.warehouse, resources.lake.list())
    older = (platform.settings.home / "warehouse.duckdb").read_bytes()
    platform.photos("curiosity", [2])
    load(resources.lake, resources.warehouse, resources.lake.list())
    resources.warehouse.publish(resources.published, [LEDGER])
    (platform.settings.home / "warehouse.duckdb").write_bytes(older)
    found = findings(platform)["bronze"]
    assert not found.ok
    assert "1 documents that the published ledger reports are gone" in found.detail
