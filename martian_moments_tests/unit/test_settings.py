from __future__ import annotations

import os
from pathlib import Path

import pytest

from martian_moments.domain.errors import SettingsError
from martian_moments.nasa.upstream import Upstream
from martian_moments.settings import Settings, unknown_settings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(("MARS_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_defaults_are_the_embedded_platform_in_one_folder(tmp_path: Path) -> None:
    settings = Settings.load()
    home = tmp_path / ".mars"
    assert settings.home == home
    assert settings.instance_home == home / "dagster"
    assert settings.lake == f"file://{home}/lake"
    assert settings.events == f"sqlite://{home}/events.db"
    assert settings.warehouse == f"duckdb://{home}/warehouse.duckdb"
    assert settings.published == f"file://{home}/published"
    assert settings.rovers == ("curiosity", "perseverance", "opportunity", "spirit")
    assert (settings.requests_per_minute, settings.late_sols) == (30, 60)
    assert settings.upstream.v1_url == "https://rovers.nebulum.one/api/v1"
    assert settings.upstream.mmgis_url == "https://mars.nasa.gov/mmgis-maps"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "MARS_ROVERS": " Spirit, curiosity ,",
        "MARS_LAKE_URL": "s3://mars",
        "MARS_V1_URL": "http://127.0.0.1:8000/api/v1/",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000",
        "AWS_ACCESS_KEY_ID": "mars",
        "AWS_SECRET_ACCESS_KEY": "hush",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    assert settings.rovers == ("spirit", "curiosity")
    assert (settings.lake, settings.published) == ("s3://mars", "s3://mars/published")
    assert settings.upstream.v1_url == "http://127.0.0.1:8000/api/v1"
    assert settings.s3.endpoint == "http://127.0.0.1:9000"
    assert settings.s3.secret_access_key is not None
    assert settings.s3.secret_access_key.get_secret_value() == "hush"


def test_settings_come_from_a_file_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("MARS_LATE_SOLS=7\nMARS_UI_PORT=3001\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("MARS_UI_PORT", "3002")
    settings = Settings.load()
    assert (settings.late_sols, settings.ui_port) == (7, 3002), "the environment wins"


def test_an_empty_value_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MARS_LAKE_URL", "MARS_V1_API_KEY", "MARS_V1_URL", "MARS_CONCURRENCY"):
        monkeypatch.setenv(name, "")
    assert Settings.load() == Settings()
    assert Settings.load().upstream.v1_api_key is None
    assert Settings.load().upstream.v1_url.startswith("https://")


@pytest.mark.parametrize(
    ("name", "value", "accepts"),
    [
        ("MARS_ROVERS", "curiosity,sojourner", "curiosity, perseverance, opportunity, spirit"),
        ("MARS_ROVERS", "spirit,spirit", "each once"),
        ("MARS_ROVERS", ",", "use one or more of"),
        ("MARS_SOURCES", "v2", "v1"),
        ("MARS_REQUESTS_PER_MINUTE", "0", "greater than or equal to 1"),
        ("MARS_CONCURRENCY", "many", "valid integer"),
        ("MARS_LATE_SOLS", "-1", "greater than or equal to 0"),
        ("MARS_UI_PORT", "70000", "less than or equal to 65535"),
        ("MARS_LAKE_URL", "/folder", "file:///folder or s3://bucket"),
        ("MARS_LAKE_URL", "file://folder", "file:///folder or s3://bucket"),
        ("MARS_LAKE_URL", "file:///", "file:///folder or s3://bucket"),
        ("MARS_LAKE_URL", "s3:///bucket", "file:///folder or s3://bucket"),
        ("MARS_LAKE_URL", "s3://bucket/lake", "a lake has its bucket to itself"),
        ("MARS_EVENTS_URL", "redis://here", "sqlite:///file"),
        ("MARS_WAREHOUSE_URL", "duckdb://file", "duckdb:///file"),
        ("MARS_V1_URL", "ftp://here", "http://host or https://host"),
        ("MARS_MMGIS_URL", "https://", "http://host or https://host"),
        ("MARS_WAREHOUSE_URL", "duckdb:///a%00b", "no path has a %00"),
        ("MARS_LATE_SOLS", "60 sols", "valid integer"),
        ("MARS_REQUESTS_PER_MINUTE", "30/min", "valid integer"),
        ("MARS_V1_URL", "http://host:70000", "a port is 1 to 65535"),
        ("MARS_V1_URL", "http://host:3O", "a port is 1 to 65535"),
        ("MARS_ROVERS", '"curiosity"', "it stands in quotes"),
        ("MARS_HOME", "'/data/mars'", "it stands in quotes"),
        ("MARS_IMAGES", "sojourner CAM all", "use one of curiosity, perseverance, opportunity, spirit"),
        ("MARS_IMAGES", "curiosity NAV_LEFT_B", "write ROVER CAMERA SOLS"),
        ("MARS_IMAGES_PER_MINUTE", "0", "greater than or equal to 1"),
        ("MARS_IMAGES_MAX_GB", "-1", "greater than or equal to 0"),
        ("SNOWFLAKE_PORT", "99999", "less than or equal to 65535"),
    ],
)
def test_a_wrong_value_is_one_line_with_its_name_and_what_is_accepted(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, accepts: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    message = str(caught.value)
    assert message.startswith(f"{name}=")
    assert accepts in message
    assert "\n" not in message


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MARS_V1_API_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hush-hush")
    monkeypatch.setenv("MARS_ALERT_WEBHOOK_URL", "https://hooks.example/hush-hush")
    settings = Settings.load()
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert "hush" not in shown
    monkeypatch.setenv("MARS_UI_PORT", "x")
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert "hush" not in str(caught.value)


def test_an_override_is_checked_like_a_setting(tmp_path: Path) -> None:
    assert Settings.load(home=tmp_path / "here").home == tmp_path / "here"
    with pytest.raises(SettingsError, match="MARS_LATE_SOLS"):
        Settings.load(late_sols=-1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL_S3", "localhost:9000"),
        ("MARS_BROKER_URL", "localhost:6379"),
        ("MARS_LAKE_URL", "s3://id:hunter2@mars"),
        ("MARS_EVENTS_URL", "kafka://bob:hunter2@127.0.0.1:9092"),
    ],
)
def test_an_address_that_no_client_takes_or_that_holds_a_password_is_one_line(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_lake_on_s3_takes_both_keys_or_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARS_LAKE_URL", "s3://mars")
    assert Settings.load().s3.access_key_id is None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mars")
    with pytest.raises(SettingsError, match="both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        Settings.load()


@pytest.mark.parametrize("name", [f"MARS_{field.upper()}" for field in Upstream.model_fields if field.endswith("_url")])
@pytest.mark.parametrize("rest", ["?feed=raw_images", "#top", "?"])
def test_an_upstream_with_a_query_of_its_own_is_one_line(name: str, rest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, f"https://mars.nasa.gov/rss/api/{rest}")
    with pytest.raises(SettingsError, match=rf"^{name} is not accepted: .*without a query"):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000/bucket"),
        ("AWS_ENDPOINT_URL_S3", "http://key:hunter2@127.0.0.1:9000"),
        ("MARS_BROKER_URL", "redis://:hunter2@127.0.0.1:6379/zero"),
        ("MARS_BROKER_URL", "redis://:hun#ter2@127.0.0.1:6379/0"),
        ("MARS_BROKER_URL", "redis://:hun/ter2@127.0.0.1:6379/0"),
        ("MARS_BROKER_URL", "redis://:12/34@127.0.0.1:6379/0"),
        ("MARS_ALERT_WEBHOOK_URL", "hooks.example/hunter2"),
        ("MARS_LAKE_URL", "s3://lake?region=hunter2"),
    ],
)
def test_an_address_that_would_be_read_in_another_way_is_one_line_without_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert str(refused.value).startswith(name)
    assert "\n" not in str(refused.value)
    for part in ("hunter2", "hun", "ter2", "34"):
        assert part not in str(refused.value)


def test_a_password_of_any_characters_is_given_percent_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("redis://:a%23b%2Fc%40d%25@127.0.0.1:6379/0", "rediss://user:a%3Ab@[::1]:6379/1?ssl_cert_reqs=required"):
        monkeypatch.setenv("MARS_BROKER_URL", address)
        broker = Settings.load().broker_url
        assert broker is not None
        assert broker.get_secret_value() == address


def test_spaces_around_a_value_are_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MARS_LAKE_URL": " s3://mars ", "MARS_LATE_SOLS": "7 ", "SNOWFLAKE_ROLE": "LOADER\t"}.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    assert (settings.lake, settings.late_sols, settings.snowflake.role) == ("s3://mars", 7, "LOADER")


@pytest.mark.parametrize(
    ("content", "line"), [(b"MARS_UI_PORT=3001\nMARS_HOME=caf\xe9\n", 2), ("MARS_UI_PORT=1\n".encode("utf-16"), 1)]
)
def test_a_file_that_is_not_utf_8_is_one_line(tmp_path: Path, content: bytes, line: int) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(SettingsError, match=rf"^\.env, line {line} is not UTF-8"):
        Settings.load()


def test_a_file_of_windows_is_read_from_its_first_line_on(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfMARS_LATE_SOLS=7\r\nMARS_UI_PORT=3001\r\n")
    assert (Settings.load().late_sols, Settings.load().ui_port) == (7, 3001)


def test_a_name_that_is_no_setting_is_reported_with_the_one_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(unknown_settings()) == []
    monkeypatch.setenv("MARS_ROVER", "spirit")
    monkeypatch.setenv("MARS_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("MARS_WORKERS", "2")
    (tmp_path / ".env").write_text("mars_lake_ulr=s3://x\nMARS_LATE_SOLS=3\nMARS_XYZZY=hush\n")
    lines = list(unknown_settings())
    assert [line.partition(" ")[0] for line in lines] == ["MARS_LAKE_ULR", "MARS_ROVER", "MARS_XYZZY"]
    assert lines[0].endswith("did you mean MARS_LAKE_URL?")
    assert lines[1].endswith("did you mean MARS_ROVERS?")
    assert not any("hush" in line or "spirit" in line for line in lines)
