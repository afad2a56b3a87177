"""Pictures on their way to the lake, in real processes that are killed at any moment."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from martian_moments.domain.documents import decode
from martian_moments.domain.pictures import records_of
from martian_moments.lake.store import Lake
from martian_moments.pipelines.images import Wanted
from martian_moments_tests.picture_server import jpeg, picture_server
from martian_moments_tests.waiting import wait_until

KEY = "images/rover=curiosity/sol=00100.json.gz"
COUNT = 24


def test_a_run_that_is_killed_again_and_again_fetches_no_picture_twice(tmp_path: Path) -> None:
    with picture_server() as server:
        server.files = {f"/raw/F_{number:02d}.JPG": jpeg(number) for number in range(COUNT)}
        server.delay_s = 0.02
        wanted = [Wanted(path, server.url + path) for path in server.files]
        script = tmp_path / "run.py"
        script.write_text(_SCRIPT.format(folder=str(tmp_path), wanted=[(each.photo_key, each.url) for each in wanted]))
        lake = Lake((tmp_path / "lake").as_uri())
        came_before: list[tuple[int, set[str]]] = []
        goals = sorted(random.Random(3).sample(range(1, COUNT - 2), 5))
        for goal in goals:
            _killed_at(lake, script, goal)
            held = lake.list("pictures/")
            assert all(lake.get(each.key) in server.files.values() for each in held), "whole, or not there"
            came_before.append((len(server.requests), {each.key.rpartition("/")[2] for each in held}))
        subprocess.run([sys.executable, str(script)], check=True)
        records = records_of(decode(KEY, lake.get(KEY)))
        assert {key: lake.get(each.picture_key or "") for key, each in records.items()} == server.files
        # What was under way at a kill may come again, what lay in the lake may not.
        assert [len(names) >= goal for goal, (_, names) in zip(goals, came_before, strict=True)] == [True] * len(goals)
        for count, names in came_before:
            assert not names & {path.rpartition("/")[2] for path, _ in server.requests[count:]}


def _killed_at(lake: Lake, script: Path, pictures: int) -> None:
    process = subprocess.Popen([sys.executable, str(script)])
    wait_until(lambda: len(lake.list("pictures/")) >= pictures or process.poll() is not None, "a picture", pause=0.001)
    process.kill()
    process.wait()


_SCRIPT = """
import asyncio
from pathlib import Path
from martian_moments.lake.store import Lake
from martian_moments.media.quality import measure
from martian_moments.nasa.http import PoliteClient
from martian_moments.pipelines.images import Budget, Wanted, fetch_pictures

async def run():
    lake, scratch = Lake(Path({folder!r}, "lake").as_uri()), Path({folder!r}, "scratch")
    wanted = {{100: [Wanted(*each) for each in {wanted!r}]}}
    async with PoliteClient(requests_per_minute=1_000_000, concurrency=4) as client:
        given = dict(measure=measure, budget=Budget(lake, 10**9), scratch=scratch, in_flight=4)
        async for _ in fetch_pictures(client, lake, "curiosity", wanted, **given):
            pass

asyncio.run(run())
"""
