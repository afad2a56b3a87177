"""Bronze and the models as Dagster runs them, on a Snowflake that is logged in to with a key pair."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from snowflake.connector import SnowflakeConnection
from snowflake.connector.cursor import SnowflakeCursor

from martian_moments.operations.baking import bake
from martian_moments.pipelines.differences import silver_lags
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments.warehouse.snowflake_account import SnowflakeAccount
from martian_moments_tests.platforms import Platform, build, follow
from martian_moments_tests.unit.warehouse.test_snowflake import key_file

# Half a minute of dbt: with the tests of the deployed platform, although the double needs no service.
pytestmark = [pytest.mark.timeout(900), pytest.mark.services]


def noted(call: Callable[..., Any], sent: list[str], what: str) -> Callable[..., Any]:
    """A method that notes its calls."""

    def noting(*args: Any, **more: Any) -> Any:
        sent.append(what)
        return call(*args, **more)

    return noting


def test_a_run_loads_and_builds_on_snowflake_and_shows_no_secret(
    fakesnow: Callable[[], SnowflakeAccount], tmp_path: Path, no_settings: None, capfd: pytest.CaptureFixture[str]
) -> None:
    bake()
    account, passphrase = fakesnow(), secrets.token_hex(16)
    key = key_file(tmp_path, passphrase)
    settings = Settings.load(
        home=tmp_path / "home",
        warehouse_url="snowflake://",
        snowflake=account.model_copy(
            update={"password": None, "private_key_path": key, "private_key_passphrase": SecretStr(passphrase)}
        ),
    )
    platform = Platform(settings, Resources(settings))
    platform.manifest("spirit", {1: 3, 2: 3})
    platform.photos("spirit", [1, 2])

    loads = [platform.execute(request) for request in platform.tick("upload_events").run_requests or ()]
    result = build(platform)

    assert loads
    assert all(load.success for load in loads)
    assert result.success
    assert [each.check_name for each in result.get_asset_check_evaluations() if not each.passed] == []
    photos = platform.resources.published.read("silver", "fact_photos")
    assert photos is not None
    assert photos.num_rows == 6
    assert not silver_lags(platform.resources.published, platform.settings.sources)

    sent: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SnowflakeConnection, "__init__", noted(SnowflakeConnection.__init__, sent, "login"))
        patch.setattr(SnowflakeCursor, "execute", noted(SnowflakeCursor.execute, sent, "query"))
        following = follow(platform)
    assert following.success
    assert sent == ["login", "query"], "nothing has changed"

    reported = [repr(platform.instance.all_logs(run.run_id)) for run in platform.instance.get_runs()]
    reported += (
        [repr(run) for run in platform.instance.get_runs()] + list(capfd.readouterr()) + [repr(platform.resources.settings)]
    )
    assert any("Materialized" in text for text in reported)
    files = [file for file in settings.home.rglob("*") if file.is_file()]
    assert any(file.name == "dbt.log" for file in files)
    secret = (passphrase, key.read_text().splitlines()[1])
    assert [text[:100] for text in reported if any(each in text for each in secret)] == []
    assert [file for file in files if any(each.encode() in file.read_bytes() for each in secret)] == []
