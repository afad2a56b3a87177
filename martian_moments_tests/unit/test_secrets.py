"""No part of a secret on the terminal or in a log, whatever is wrong with the settings and whoever complains."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import BaseModel

from martian_moments import cli
from martian_moments.domain.errors import SettingsError
from martian_moments.settings import Settings
from martian_moments.settings.environment import given_secrets

pytestmark = pytest.mark.usefixtures("no_settings")

ADDRESSES = {
    "MARS_LAKE_URL": "s3://mars:{}@bucket",
    "MARS_EVENTS_URL": "kafka://mars:{}@127.0.0.1:9092",
    "MARS_WAREHOUSE_URL": "snowflake://mars:{}@account",
    "MARS_BROKER_URL": "redis://:{}@127.0.0.1:9/0",
    "MARS_ALERT_WEBHOOK_URL": "https://mars:{}@127.0.0.1:9/hook",
    "MARS_V1_URL": "https://127.0.0.1:9/api/v1?api_key={}",
    "MARS_M20_URL": "https://mars:{}@127.0.0.1:9/api/",
    "MARS_MSL_URL": "https://mars:{}@127.0.0.1:9/api/",
    "MARS_PDS_URL": "https://mars:{}@127.0.0.1:9",
    "MARS_MMGIS_URL": "https://mars:{}@127.0.0.1:9",
    "MARS_MER_TRAVERSE_URL": "https://mars:{}@127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://mars:{}@127.0.0.1:9",
}
KEYS = [
    "MARS_V1_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MARS_KAFKA_SASL_PASSWORD", "SNOWFLAKE_PASSWORD",
    "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "POSTGRES_PASSWORD", "REDIS_PASSWORD",
]  # fmt: skip
COMMANDS = [
    ["up"], ["demo"], ["init"], ["refresh"], ["backfill", "spirit", "1-2"], ["status"], ["dead-letters"], ["doctor"],
]  # fmt: skip
NASTY = "Zq#7/Wx?9@Vk:3[Yj%4&Uh"


def passwords(count: int, seed: int = 11) -> list[str]:
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789#/?@:%&=+;,!$*()[]{}<>|\\^`'\" ~é"
    rng = random.Random(seed)
    return ["".join(rng.choices(alphabet, k=rng.randint(8, 24))) for _ in range(count)]


def leaked(password: str, text: str) -> list[str]:
    """The pieces of four characters of a password that a text shows."""
    pieces = {password[start : start + 4] for start in range(len(password) - 3)}
    return sorted(piece for piece in pieces if piece in text)


def flat(settings: BaseModel) -> Iterator[tuple[str, object]]:
    """Every setting by the name that it has in its group."""
    for name, value in settings:
        if isinstance(value, BaseModel):
            yield from flat(value)
        else:
            yield name, value


def test_a_thousand_passwords_in_every_address_and_key_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = 0
    for number, password in enumerate(passwords(1_000)):
        name, address = list(ADDRESSES.items())[number % len(ADDRESSES)]
        with monkeypatch.context() as environment:
            for key in KEYS:
                environment.setenv(key, password)
            environment.setenv(name, address.format(password))
            try:
                said = repr([value for value in flat(Settings.load()) if value[0] not in name.lower()])
            except SettingsError as error:
                refused += 1
                said = "".join(traceback.format_exception(error))
                reported = str(error)
            else:
                reported = name
            shown = f"{password}, {password!r}, {password[3:]}, {quote(password)}"
            redacted = given_secrets().pieces(shown)
        assert name in reported
        assert "\n" not in reported
        assert not leaked(password, said + redacted), (name, password)
    assert refused > 700, "most of these are no addresses"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_every_command_refuses_an_address_with_a_password_that_is_not_encoded_in_one_line(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, address in ADDRESSES.items():
        with monkeypatch.context() as environment:
            environment.setenv(name, address.format(NASTY))
            environment.setattr(sys, "argv", ["martian-moments", *command])
            with pytest.raises(SystemExit) as ended:
                cli.main()
        out, err = capfd.readouterr()
        assert ended.value.code == 1
        assert out == ""
        (line,) = err.strip().splitlines()
        assert name in line
        assert not leaked(NASTY, line)


def test_what_escapes_from_a_command_shows_where_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ValueError(f"Port could not be cast to integer value as {NASTY.split('#')[1]!r}")

    monkeypatch.setenv("REDIS_PASSWORD", NASTY)
    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit):
        cli.main()
    err = capfd.readouterr().err
    assert "in broken" in err
    assert not leaked(NASTY, err)


def test_doctor_shows_every_finding_and_no_secret_when_all_that_is_deployed_refuses(tmp_path: Path) -> None:
    """In a process of its own, against ports where nothing listens, as a person meets it."""
    home = tmp_path / "home"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MARS_", "DAGSTER_"))}
    environment |= dict.fromkeys(KEYS, NASTY) | {
        "MARS_HOME": str(home),
        "MARS_BROKER_URL": f"redis://:{quote(NASTY, safe='')}@127.0.0.1:9/0",
        "MARS_EVENTS_URL": "kafka://127.0.0.1:9",
        "MARS_KAFKA_SASL_MECHANISM": "PLAIN",
        "MARS_KAFKA_SASL_PASSWORD": NASTY,
        "MARS_KAFKA_SECURITY_PROTOCOL": "no such protocol",
        "MARS_WAREHOUSE_URL": "snowflake://",
        "SNOWFLAKE_ACCOUNT": "mars",
        "SNOWFLAKE_USER": "mars",
    }
    code = "from martian_moments.cli import main; main()"
    command = [sys.executable, "-W", "ignore", "-c", code, "doctor"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    found = {line[5:].partition(": ")[0]: line[:4] for line in done.stdout.splitlines()}
    assert {"topics", "warehouse", "event log", "workers"} <= {what for what, mark in found.items() if mark == "fail"}, said
    assert {"disk", "lake", "published tables", "platform"} <= {what for what, mark in found.items() if mark == "ok  "}, said
    assert "Traceback" not in said
    logs = "".join(log.read_text() for log in home.rglob("*.log"))
    assert not leaked(NASTY, said + logs)
