"""The pause of the supervisor: what it stops, what it forgives, and when it ends."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from martian_moments.operations import children, pausing
from martian_moments.operations.children import Child
from martian_moments.operations.pausing import ROOM_SECONDS, Pause
from martian_moments_tests.waiting import wait_until

IDLE = ["timeit", "-n1", "-r1", "-s", "import time", "time.sleep(600)"]


class Clock:
    """The pause's clock, moved by hand."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


class Room:
    """Whether there is any."""

    short: str | None = None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pausing, "time", clock)
    return clock


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    room = Room()
    monkeypatch.setattr(pausing, "shortage", lambda folders: room.short)
    return room


def child(tmp_path: Path, name: str) -> Child:
    return Child(name, arguments=IDLE, environment=os.environ, log=tmp_path / f"{name}.log")


def test_the_daemon_ends_at_the_beginning_and_starts_when_there_was_room_for_a_while(
    tmp_path: Path, clock: Clock, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "MAX_QUICK_DEATHS", 2)
    daemon, server = child(tmp_path, "daemon"), child(tmp_path, "code server")
    both, lines = [daemon, server], list[str]()
    pause = Pause([tmp_path], lines.append)
    for each in both:
        each.start()
    try:
        assert not pause.look(daemon, both)
        assert lines == []
        room.short = "1 MB free"
        wait_until(lambda: pause.look(daemon, both) and not daemon.alive, "the daemon has ended")
        assert server.alive
        assert lines == ["paused: 1 MB free"]
        # A full disk kills the code server too: nobody counts it.
        wait_until(lambda: pause.look(daemon, both) and _is_stopped(server), "the server has stopped")
        room.short = None
        clock.now += ROOM_SECONDS - 1
        assert pause.look(daemon, both)
        room.short = "2 MB free"
        assert pause.look(daemon, both)
        room.short = None
        clock.now += ROOM_SECONDS - 1
        assert pause.look(daemon, both), "the room has to last"
        clock.now += 1
        assert not pause.look(daemon, both)
        assert daemon.alive
        assert server.alive
        assert lines[1] == "there is room on the disk again; going on"
        assert [line.partition(" restarted")[0] for line in lines[2:]] == ["daemon", "code server"]
        # Each may die once more before it is given up.
        wait_until(partial(_is_stopped, daemon), "the daemon has ended")
        daemon.look_after(lines.append)
        assert "daemon ended" in lines[-1]
    finally:
        for each in both:
            each.stop()
            wait_until(partial(_is_gone, each), f"{each.name} is gone")


def _is_gone(child: Child) -> bool:
    return not child.alive


def _is_stopped(child: Child) -> bool:
    child.stop()
    return not child.alive


def test_a_daemon_that_does_not_end_when_asked_is_killed(
    tmp_path: Path, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "STOP_SECONDS", 0.0)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)"
    daemon = Child(
        "daemon", arguments=["timeit", "-n1", "-r1", "-s", deaf, "time.sleep(600)"], environment=os.environ,
        log=tmp_path / "daemon.log",
    )  # fmt: skip
    daemon.start()
    wait_until(lambda: "deaf" in daemon.log.read_text(), "the daemon has begun")
    room.short = "1 MB free"
    pause = Pause([tmp_path], lambda _: None)
    wait_until(lambda: pause.look(daemon, [daemon]) and not daemon.alive, "the daemon has ended")
