"""The Snowflake account: where it is, who we are there, and which proofs of that are accepted."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from martian_moments.domain.errors import SettingsError
from martian_moments.infrastructure.secret_values import revealed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


class SnowflakeAccount(BaseModel):
    """The account and a key pair. Without ``host`` the connector finds the host by the account's name.

    A password is accepted on a loopback host (a test double) and for a trial account only: Snowflake itself ends
    single-factor passwords for every other account in 2026.
    """

    model_config = ConfigDict(frozen=True)

    account: str | None = None
    user: str | None = None
    private_key_path: Path | None = None
    private_key_passphrase: SecretStr | None = None
    password: SecretStr | None = None
    trial: bool = Field(default=False, description="true for a trial account, which takes a password")
    role: str | None = None
    database: str = "MARS"
    warehouse: str | None = None
    host: str | None = None
    port: int = Field(default=443, ge=1, le=65_535)
    protocol: Literal["https", "http"] = "https"

    def check(self) -> None:
        """Raise SettingsError, one line, for the first setting that is missing or refused. Nothing is read or opened."""
        for name, value in (("SNOWFLAKE_ACCOUNT", self.account), ("SNOWFLAKE_USER", self.user)):
            if not value:
                raise SettingsError(f"{name} is not set; a warehouse on snowflake:// needs it")
        if self.protocol != "https" and not self._is_loopback:
            raise SettingsError(
                f"SNOWFLAKE_PROTOCOL={self.protocol} is refused: what is sent could be read on the way; use https"
            )
        if self.private_key_path is not None:
            return
        if self.password is None:
            raise SettingsError(
                "SNOWFLAKE_PRIVATE_KEY_PATH is not set; it names the private key of SNOWFLAKE_USER (docs/snowflake.md)"
            )
        if not (self._is_loopback or self.trial):
            raise SettingsError(
                "SNOWFLAKE_PASSWORD is refused: use a key pair (SNOWFLAKE_PRIVATE_KEY_PATH), or say SNOWFLAKE_TRIAL=true if "
                "the account is a trial"
            )

    def connect_arguments(self) -> dict[str, Any]:
        """What the connector needs to find the account and to log in.

        Raises:
            SettingsError: the private key cannot be read.
        """
        where: dict[str, Any] = {"account": self.account, "user": self.user, "role": self.role}
        where |= {"database": self.database, "warehouse": self.warehouse}
        if self.host:
            where |= {"host": self.host, "port": self.port, "protocol": self.protocol}
        if self.private_key_path is not None:
            return where | {"authenticator": "SNOWFLAKE_JWT", "private_key": self._private_key(self.private_key_path)}
        return where | {"password": revealed(self.password)}

    def dbt_environment(self) -> dict[str, str]:
        """The variables that profiles.yml reads. dbt keeps what is called ``DBT_ENV_SECRET_…`` out of its logs."""
        values = {
            "SNOWFLAKE_ACCOUNT": self.account,
            "SNOWFLAKE_USER": self.user,
            "SNOWFLAKE_PRIVATE_KEY_PATH": self.private_key_path,
            "DBT_ENV_SECRET_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": revealed(self.private_key_passphrase),
            "DBT_ENV_SECRET_SNOWFLAKE_PASSWORD": None if self.private_key_path else revealed(self.password),
            "SNOWFLAKE_ROLE": self.role,
            "SNOWFLAKE_DATABASE": self.database,
            "SNOWFLAKE_WAREHOUSE": self.warehouse,
            "SNOWFLAKE_HOST": self.host,
            "SNOWFLAKE_PORT": self.port,
            "SNOWFLAKE_PROTOCOL": self.protocol,
        }
        return {name: "" if value is None else str(value) for name, value in values.items()}

    @property
    def _is_loopback(self) -> bool:
        try:
            return self.host == "localhost" or ip_address(self.host or "").is_loopback
        except ValueError:
            return False

    def _private_key(self, path: Path) -> PrivateKeyTypes:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        passphrase = (revealed(self.private_key_passphrase) or "").encode() or None
        try:
            return load_pem_private_key(path.read_bytes(), passphrase)
        except OSError as error:
            raise SettingsError(f"SNOWFLAKE_PRIVATE_KEY_PATH={path} cannot be read: {error.strerror}") from error
        except TypeError as error:
            # The library's words for a passphrase that is missing, or given for a key that has none.
            raise SettingsError(f"SNOWFLAKE_PRIVATE_KEY_PASSPHRASE does not fit {path}: {error}") from error
        except ValueError as error:
            raise SettingsError(
                f"SNOWFLAKE_PRIVATE_KEY_PATH={path} is no private key in PEM, or SNOWFLAKE_PRIVATE_KEY_PASSPHRASE is wrong"
            ) from error
