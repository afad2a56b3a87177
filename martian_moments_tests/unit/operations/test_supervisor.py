"""What the supervisor clears away before it starts anything."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from martian_moments.operations import supervisor
from martian_moments.operations.supervisor import Supervisor, supervise


def test_what_killed_processes_left_in_scratch_is_gone_before_anything_starts_but_for_pictures_that_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    (scratch / "pds-index-1").mkdir(parents=True)
    (scratch / "pds-index-1" / "edrindex.tab").touch()
    (scratch / "moments" / "drive").mkdir(parents=True)
    (scratch / "pictures").mkdir()
    (scratch / "pictures" / "0a.part").write_bytes(b"half of it")
    seen: list[list[str]] = []
    monkeypatch.setattr(supervisor, "prepare_instance", lambda *_, **__: nullcontext())
    monkeypatch.setattr(supervisor, "settle_runs", lambda *_: [])
    monkeypatch.setattr(supervisor, "stop_all", lambda *_, **__: None)
    monkeypatch.setattr(Supervisor, "start", lambda _: seen.append([each.name for each in scratch.rglob("*")]))
    with supervise(tmp_path, instance_config=tmp_path, module="none", port=None, pools={}, on_event=lambda _: None):
        assert seen == [["pictures", "0a.part"]]
