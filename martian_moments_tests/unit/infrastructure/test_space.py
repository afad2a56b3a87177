"""How much of a disk stays free."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from martian_moments.domain.errors import DiskFull
from martian_moments.infrastructure import space
from martian_moments.settings import Settings

MB = 1024**2


def disk(*, megabytes: float, free: float, files: int = 1_000_000, files_free: int = 1_000_000) -> os.statvfs_result:
    """A disk with blocks of 4 kB; a tenth of what is free belongs to root."""
    blocks, left = int(megabytes * 256), int(free * 256)
    return os.statvfs_result((4096, 4096, blocks, left + left // 10, left, files, files_free, files_free, 0, 255))


@pytest.mark.parametrize(
    ("megabytes", "free", "reported"),
    [
        (64, 8.1, None),
        (64, 7.9, "7.9 MB free at /home/mars, less than the 8.0 MB kept in reserve"),
        (1_024, 127, "less than the 128.0 MB kept in reserve"),
        (1_024, 129, None),
        (500_000, 257, None),
        (500_000, 255, "255.0 MB free at /home/mars, less than the 256.0 MB kept in reserve"),
        (500_000, 0, "0.0 MB free"),
    ],
)
def test_an_eighth_of_a_small_disk_and_256_mb_of_a_large_one_stay_free(
    monkeypatch: pytest.MonkeyPatch, megabytes: float, free: float, reported: str | None
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: disk(megabytes=megabytes, free=free))
    short = space.shortage([Path("/home/mars")])
    assert (short is None) == (reported is None)
    assert (reported or "") in (short or "")
    assert short is None or "everything goes on by itself" in short


@pytest.mark.parametrize(
    ("files", "left", "short"),
    [(1_000_000, 999, True), (1_000_000, 1_001, False), (800, 99, True), (800, 101, False), (0, 0, False)],
)
def test_a_disk_that_has_no_files_left_to_give_is_full_as_well_and_one_without_a_limit_is_not(
    monkeypatch: pytest.MonkeyPatch, files: int, left: int, short: bool
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: disk(megabytes=10_000, free=5_000, files=files, files_free=left))
    assert (space.shortage([Path("/")]) is not None) == short


def test_every_disk_that_is_written_to_is_looked_at_where_its_folder_is_or_will_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("home", "lake", "log", "tables"):
        (tmp_path / name).mkdir()
    settings = Settings(
        home=tmp_path / "home" / "new",
        lake_url=(tmp_path / "lake").as_uri(),
        events_url=f"sqlite://{tmp_path}/log/events.db",
        warehouse_url=f"duckdb://{tmp_path}/tables/mars.duckdb",
        _env_file=None,
    )
    for full in ("home", "lake", "log", "tables"):
        free = {tmp_path / full: 1}
        monkeypatch.setattr(os, "statvfs", lambda path, free=free: disk(megabytes=10_000, free=free.get(Path(path), 5_000)))
        assert str(tmp_path / full) in str(space.shortage(settings.folders))
    deployed = Settings(home=tmp_path, lake_url="s3://mars", dagster_home=Path("/opt/read-only"), _env_file=None)
    assert deployed.folders == (tmp_path,)


def test_a_disk_without_room_for_a_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: disk(megabytes=64, free=0.5))
    with pytest.raises(DiskFull, match="512 kB free at /home/mars; free space there"):
        space.require_least(Path("/home/mars"))
    monkeypatch.setattr(os, "statvfs", lambda _: disk(megabytes=64, free=1.5))
    space.require_least(Path("/home/mars"))
