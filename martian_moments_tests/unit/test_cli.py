"""The commands as people meet them: one clear line when something is wrong, and JSON that programs can read."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from martian_moments import cli, terminal
from martian_moments.dagster_runtime.processes import ProcessId
from martian_moments.definitions import build_defs
from martian_moments.domain.rovers import ROVERS
from martian_moments.events.dead_letters import dead_letter
from martian_moments.events.log import INGESTION_REQUESTS, UPLOADS, UPLOADS_DEAD, Record
from martian_moments.events.messages import parse_request
from martian_moments.nasa.upstream import Upstream
from martian_moments.operations import doctor
from martian_moments.operations.demo import Verdict
from martian_moments.operations.platform import RunningPlatform, write_state
from martian_moments.operations.status import RoverStatus, Status
from martian_moments.replica.config import ReplicaConfig
from martian_moments.settings import Settings
from martian_moments_dbt import PROJECT
from martian_moments_tests.platforms import Platform

Run = Callable[..., tuple[int, str, str]]
COMMANDS = [
    *(
        "up",
        "demo",
        "init",
        "refresh",
        "backfill",
        "status",
        "dead-letters",
        "doctor",
        "replica",
        "movie",
        "moments",
        "serve",
    )
]


@pytest.fixture
def run(platform: Platform, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on the platform's home; returns exit code, output and errors."""
    monkeypatch.setenv("MARS_HOME", str(platform.settings.home))
    monkeypatch.setenv("DAGSTER_HOME", "")

    def command(*arguments: str, **environment: str) -> tuple[int, str, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["martian-moments", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return command


@pytest.fixture
def up(platform: Platform) -> Platform:
    """This process passes for a running platform."""
    platform.settings.home.mkdir(parents=True, exist_ok=True)
    write_state(platform.settings.home, RunningPlatform(str(ProcessId.mine()), grpc_port=1, url=None, ready=True))
    return platform


@pytest.mark.parametrize("command", ["status", "up", "init", "doctor", "demo"])
def test_a_wrong_setting_is_one_line_that_names_it_and_what_it_accepts(run: Run, command: str) -> None:
    code, out, err = run(command, MARS_ROVERS="curiosity,sojourner")
    assert code == 1
    assert out == ""
    (line,) = err.strip().splitlines()
    assert "MARS_ROVERS" in line
    assert "curiosity, perseverance, opportunity, spirit" in line


@pytest.mark.parametrize("command", [["refresh"], ["backfill", "curiosity", "1-2"]])
def test_commands_that_need_the_platform_say_how_to_start_it(run: Run, command: list[str]) -> None:
    code, _, err = run(*command)
    assert code == 1
    (line,) = err.strip().splitlines()
    assert "is not running; start it with martian-moments up" in line


def test_up_refuses_to_start_what_is_deployed(run: Run, tmp_path: Path) -> None:
    code, _, err = run("up", MARS_DAGSTER_HOME=str(tmp_path / "deployed"))
    assert code == 1
    (line,) = err.strip().splitlines()
    assert "names a deployed platform" in line


@pytest.mark.parametrize("command", [["refresh", "sojourner"], ["backfill", "sojourner", "1-2"]])
def test_an_unknown_rover_is_answered_with_the_known_ones(run: Run, command: list[str]) -> None:
    code, _, err = run(*command)
    assert code == 1
    (line,) = err.strip().splitlines()
    assert "sojourner is no rover; use one of curiosity, perseverance, opportunity, spirit" in line


def test_a_rover_that_is_not_kept_is_distinguished_from_none(run: Run) -> None:
    code, _, err = run("refresh", "spirit", MARS_ROVERS="curiosity")
    assert code == 1
    assert "spirit is not in MARS_ROVERS" in err


@pytest.mark.parametrize(("sols", "message"), [("x", "write FIRST-LAST"), ("1-9", "no sols are known yet")])
def test_sols_that_do_not_exist_are_one_line(up: Platform, run: Run, sols: str, message: str) -> None:
    code, _, err = run("backfill", "curiosity", sols)
    assert code == 1
    (line,) = err.strip().splitlines()
    assert message in line


def test_the_demonstration_says_where_mars_and_dagster_are(capsys: pytest.CaptureFixture[str]) -> None:
    verdict = Verdict("spirit", "pds", (1, 1, 1, 1), identical=True, distance_m=None)
    cli._show_verdicts([verdict], {"Mars": "http://127.0.0.1:3001", "Dagster": "http://127.0.0.1:3000"})
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "Mars is at http://127.0.0.1:3001, Dagster is at http://127.0.0.1:3000; Ctrl-C stops it."


def test_a_refresh_is_on_its_way_before_the_command_returns(up: Platform, run: Run) -> None:
    code, out, _ = run("refresh", "spirit")
    assert code == 0
    assert "asked for a refresh of spirit" in out
    (record,) = up.events(INGESTION_REQUESTS)
    request = parse_request(record.value)
    assert request.model_dump() == {"schema_version": 1, "refresh": ("spirit",), "young": True}


def test_the_status_is_one_json_object(platform: Platform, run: Run) -> None:
    platform.manifest("spirit", {1: 3, 2: 4})
    platform.photos("spirit", [2], count=1, promised=4)
    code, out, _ = run("status", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["settled"] is False
    assert found["dead_letters"] == 0
    assert list(found["rovers"]) == ["curiosity", "perseverance", "opportunity", "spirit"]
    (short,) = found["rovers"]["spirit"]["short"]
    moment = short["next_attempt_at"]
    assert moment is None or (datetime.fromisoformat(moment).tzinfo is not None and "T" in moment)


def test_the_status_for_people_names_every_rover_and_why_it_is_not_settled(run: Run) -> None:
    code, out, _ = run("status")
    assert code == 0
    assert all(title in out for title in ("Curiosity", "Perseverance", "Opportunity", "Spirit"))
    assert "not settled:" in out
    assert "the platform is not running" in out


FULL_HISTORY = RoverStatus(
    sols_expected=4_811,
    sols_in_lake=4_811,
    photos_expected=1_192_103,
    photos_in_lake=1_192_102,
    photos_in_bronze=1_192_101,
    photos_in_silver=1_192_100,
)


def test_the_tables_fit_into_80_columns_and_cut_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_status(Status(dict.fromkeys(ROVERS, FULL_HISTORY), 0, {}, settled=True, waiting_for=[]))
    shown = capsys.readouterr().out
    for number in ("4,811/4,811", "1,192,103", "1,192,102", "1,192,101", "1,192,100"):
        assert shown.count(number) == len(ROVERS), number
    photos = (1_192_103, 1_192_102, 1_192_101, 1_192_100)
    driven = (45_079.4, 45_079.3)
    terminal.print_verdicts([Verdict(rover, "m20", photos, identical=True, distance_m=driven) for rover in ROVERS])
    compared = capsys.readouterr().out
    for text in ("1,192,103", "1,192,100", "identical", "45.079", "differs"):
        assert compared.count(text) >= len(ROVERS), text
    assert "…" not in shown + compared
    assert max(map(len, (shown + compared).splitlines())) <= 80


def test_the_definitions_are_made_without_a_warning() -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        build_defs(Settings.load())
    assert [str(each.message) for each in heard if issubclass(each.category, dg.BetaWarning)] == []


def test_dead_letters_are_shown_and_replayed(platform: Platform, run: Run) -> None:
    assert run("dead-letters")[:2] == (0, "0 dead letters\n")
    platform.resources.event_log.publish(
        UPLOADS_DEAD, [dead_letter(Record(UPLOADS, 2, 41, "mars/[x]", b"v", 0), "no known shape")]
    )
    code, out, _ = run("dead-letters")
    assert code == 0
    assert re.fullmatch(r"minio-events-dlq 0 0  \S+Z  mars/\[x\]: no known shape\n1 dead letters\n", out)
    (shown,) = json.loads(run("dead-letters", "--json")[1])
    assert (shown["offset"], shown["letter"]["offset"], shown["letter"]["value"]) == (0, 41, "v")
    assert run("dead-letters", "replay", "minio-events-dlq", "0", "0")[:2] == (0, "replayed: 1 to minio-events\n")
    assert run("dead-letters", "replay", "--all")[0] == 0
    assert [record.value for record in platform.events(UPLOADS)] == [b"v", b"v"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name one letter by TOPIC PARTITION OFFSET, or all of them by --all"),
        (["minio-events-dlq", "0"], "name one letter by TOPIC PARTITION OFFSET, or all of them by --all"),
        (["minio-events-dlq", "0", "0", "--all"], "name one letter by TOPIC PARTITION OFFSET, or all of them by --all"),
        (["minio-events-dlq", "0", "0"], "there is no letter minio-events-dlq 0 0"),
    ],
)
def test_a_letter_that_is_not_named_or_not_there_is_one_line(run: Run, arguments: list[str], message: str) -> None:
    code, _, err = run("dead-letters", "replay", *arguments)
    assert code == 1
    (line,) = err.strip().splitlines()
    assert message in line


def test_init_prepares_and_repeating_it_changes_nothing(platform: Platform, run: Run) -> None:
    home: Path = platform.settings.home
    code, out, _ = run("init")
    assert code == 0
    assert f"made    warehouse: duckdb://{home}/warehouse.duckdb (no tables yet)" in out.splitlines()
    assert (home / "warehouse.duckdb").is_file()
    code, out, _ = run("init")
    assert code == 0
    assert out.splitlines() == [
        f"already topics: sqlite://{home}/events.db",
        f"already warehouse: duckdb://{home}/warehouse.duckdb",
        f"already dbt project: {PROJECT}",
        f"already Dagster storage: {home}/dagster",
        f"already pools: {home}/dagster",
    ]


def test_init_goes_on_after_a_part_that_fails_and_says_so_in_the_end(platform: Platform, run: Run) -> None:
    (platform.settings.home.parent / "file").write_text("no folder")
    code, out, _ = run("init", MARS_WAREHOUSE_URL=f"duckdb://{platform.settings.home.parent}/file/warehouse.duckdb")
    assert code == 1
    lines = out.splitlines()
    assert [line for line in lines if line.startswith("failed")] == [line for line in lines if " warehouse: " in line]
    assert any(line.startswith("made") and " pools: " not in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--unrecorded", "maybe"], "use refuse, generate or omit"),
        (["--sols", "0"], "use 1 or more"),
        (["--recorded", "/nonexistent"], "is no folder"),
        (["--faulty", "3"], "share from 0 to 1"),
    ],
)
def test_a_replica_that_cannot_be_is_one_line(run: Run, arguments: list[str], message: str) -> None:
    code, _, err = run("replica", *arguments)
    assert code == 1
    assert message in err


def test_a_replica_prints_a_setting_for_every_upstream(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def ready_at_once(config: ReplicaConfig, host: str, port: int, on_ready: Callable[[str], None]) -> None:
        assert config.seed == 1
        on_ready(f"http://{host}:{port}")

    monkeypatch.setattr("martian_moments.replica.server.serve", ready_at_once)
    code, out, _ = run("replica", "--port", "8123")
    assert code == 0
    reported = dict(line.split("=", 1) for line in out.split())
    assert reported.keys() == {f"MARS_{field.upper()}" for field in Upstream.model_fields if field.endswith("_url")}
    assert reported["MARS_M20_URL"] == "http://127.0.0.1:8123/rss/api/"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"martian-moments {command}" in out


def test_help_lists_every_command(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for command in COMMANDS:
        assert command in out


def test_doctor_prints_what_it_has_found_when_a_later_part_never_responds(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(resources: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "_lake", interrupted)

    _, out, err = run("doctor")

    assert "free at" in out
    assert "event log" not in out
    assert "Traceback" not in out + err
