"""What only Snowflake has: an account to log in to, proofs that are refused, a stage, transactions of several tables."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from martian_moments.domain.errors import SettingsError, WarehouseError
from martian_moments.warehouse import snowflake, snowflake_rows
from martian_moments.warehouse.open import open_warehouse
from martian_moments.warehouse.snowflake import SnowflakeWarehouse
from martian_moments.warehouse.snowflake_account import SnowflakeAccount
from martian_moments_tests.contract.test_warehouse_contract import photos, waypoints

Accounts = Callable[[], SnowflakeAccount]

REAL = SnowflakeAccount(account="org-name", user="mars", private_key_path=Path("key.p8"))


def but(**changed: object) -> SnowflakeAccount:
    """The real account with other settings."""
    return REAL.model_copy(update=changed)


def key_file(folder: Path, passphrase: str | None = None) -> Path:
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    file = folder / "key.p8"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return file


@pytest.mark.parametrize(
    ("account", "reported"),
    [
        (but(account=None), "SNOWFLAKE_ACCOUNT is not set"),
        (but(user=""), "SNOWFLAKE_USER is not set"),
        (but(private_key_path=None), "SNOWFLAKE_PRIVATE_KEY_PATH is not set"),
        (but(private_key_path=None, password=SecretStr("hunter2")), "SNOWFLAKE_PASSWORD is refused"),
        (but(private_key_path=None, password=SecretStr("hunter2"), host="10.0.0.1"), "SNOWFLAKE_PASSWORD is refused"),
        (but(host="snowflake.example", protocol="http"), "SNOWFLAKE_PROTOCOL=http is refused"),
    ],
)
def test_a_setting_that_is_missing_or_refused_is_named_in_one_line(account: SnowflakeAccount, reported: str) -> None:
    with pytest.raises(SettingsError, match=reported) as error:
        open_warehouse("snowflake://", account)
    assert "\n" not in str(error.value)
    assert "hunter2" not in str(error.value) + repr(account)


@pytest.mark.parametrize("more", [{"trial": True}, {"host": "127.0.0.1", "protocol": "http"}, {"host": "localhost"}])
def test_a_password_is_taken_for_a_trial_account_and_a_double_on_this_machine(more: dict[str, Any]) -> None:
    account = but(private_key_path=None, password=SecretStr("hunter2"), **more)
    assert open_warehouse("snowflake://", account).dbt_environment()["DBT_ENV_SECRET_SNOWFLAKE_PASSWORD"] == "hunter2"


def test_a_key_that_cannot_be_used_is_reported_before_anything_is_sent(tmp_path: Path) -> None:
    nothing, no_key = tmp_path / "nothing.p8", tmp_path / "no_key.p8"
    no_key.write_text("-----BEGIN PRIVATE KEY-----\nmars\n-----END PRIVATE KEY-----\n")
    locked = but(private_key_path=key_file(tmp_path, "open sesame"))
    for account, reported in (
        (but(private_key_path=nothing), r"nothing\.p8 cannot be read: No such file"),
        (but(private_key_path=no_key), r"no_key\.p8 is no private key in PEM"),
        (locked, "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE does not fit"),
        (
            locked.model_copy(update={"private_key_passphrase": SecretStr("wrong words")}),
            "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE is wrong",
        ),
    ):
        with pytest.raises(SettingsError, match=reported) as error:
            SnowflakeWarehouse(account).ledger()
        assert "wrong words" not in str(error.value)


def test_a_key_pair_logs_in(fakesnow: Accounts, tmp_path: Path) -> None:
    passphrase = secrets.token_hex(8)
    key = key_file(tmp_path, passphrase)
    warehouse = SnowflakeWarehouse(
        fakesnow().model_copy(
            update={"password": None, "private_key_path": key, "private_key_passphrase": SecretStr(passphrase)}
        )
    )
    warehouse.ensure()
    assert warehouse.ledger().num_rows == 0


def test_a_warehouse_exists_from_its_making_until_it_is_dropped(fakesnow: Accounts) -> None:
    account = fakesnow()
    warehouse = SnowflakeWarehouse(account)
    assert not warehouse.exists()
    warehouse.ensure()
    assert warehouse.exists()
    with warehouse._connected() as connection:
        snowflake._run(connection, "drop schema bronze")
    dropped = SnowflakeWarehouse(account)
    assert not dropped.exists()
    assert dropped.ensure()
    assert dropped.exists()


@pytest.mark.parametrize("table", ["raw_photos", "raw_traverse", "raw_manifests"])
def test_a_table_that_was_dropped_is_noticed_and_named(fakesnow: Accounts, table: str) -> None:
    warehouse = SnowflakeWarehouse(fakesnow())
    warehouse.ensure()
    assert (warehouse.exists(), warehouse.damage()) == (True, "")
    with warehouse._connected() as connection:
        snowflake._run(connection, f"drop table {table}")
    assert warehouse.damage() == f"{table} of schema bronze is gone"
    warehouse.mend()
    assert not warehouse.exists(), "dbt has failed: nobody waits ten minutes to look again"


def test_an_account_that_does_not_respond_is_reported_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snowflake, "_LOGIN_SECONDS", 1)
    account = but(private_key_path=None, password=SecretStr("hunter2"), host="127.0.0.1", port=9, protocol="http")
    with pytest.raises(WarehouseError, match=r"Snowflake account org-name.*check the SNOWFLAKE_") as error:
        SnowflakeWarehouse(account).ensure()
    assert "hunter2" not in str(error.value)


def test_a_batch_that_fails_in_one_table_is_in_none(fakesnow: Accounts) -> None:
    warehouse = SnowflakeWarehouse(fakesnow())
    warehouse.ensure()
    with warehouse._connected() as connection:
        snowflake._run(connection, "alter table raw_traverse rename column document to hidden")
    with pytest.raises(WarehouseError, match="database MARS_"):
        warehouse.load([photos(), waypoints()])
    assert warehouse.ledger().num_rows == 0
    assert warehouse.load([photos()]).loaded == [photos().key], "nothing was left in the landing table"


def test_a_table_that_was_emptied_is_filled_again_although_copy_remembers_its_files(fakesnow: Accounts) -> None:
    warehouse = SnowflakeWarehouse(fakesnow())
    warehouse.ensure()
    assert warehouse.load([photos()]).loaded
    with warehouse._connected() as connection:
        snowflake._run(connection, "delete from raw_photos")
    assert warehouse.load([photos()]).loaded == [photos().key]


def test_a_file_that_is_not_in_the_stage_fails_the_load(fakesnow: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = SnowflakeWarehouse(fakesnow())
    warehouse.ensure()
    monkeypatch.setattr(snowflake, "_upload", lambda connection, batch: "lost.parquet")
    with pytest.raises(WarehouseError, match=r"lost\.parquet is not whole"):
        warehouse.load([photos()])


def test_documents_keep_what_sql_and_parquet_might_change(fakesnow: Accounts) -> None:
    warehouse = SnowflakeWarehouse(fakesnow())
    warehouse.ensure()
    moment = datetime(2026, 11, 1, 12, 0, 0, 1, tzinfo=UTC) + timedelta(hours=1)
    warehouse.load([photos(fetched_at=moment, fingerprint="it's 100% \\ ok")])
    (row,) = warehouse.ledger().to_pylist()
    assert (row["fetched_at"], row["fingerprint"]) == (moment, "it's 100% \\ ok")


def test_the_same_rows_make_the_same_file_in_whatever_pieces_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snowflake_rows, "ROWS_OF_A_GROUP", 100)
    rows = pa.table({"n": range(1_000), "name": [f"sol {n}" for n in range(1_000)]})
    written = []
    for size in (1_000, 333, 7):
        file = tmp_path / f"{size}.parquet"
        snowflake_rows._write(file, rows.schema, (rows.slice(start, size) for start in range(0, 1_000, size)))
        written.append(file.read_bytes())
    assert written[0] == written[1] == written[2]
    assert pq.read_table(tmp_path / "7.parquet").equals(rows)
