"""Groups of settings, each read from the environment under its own prefix: S3, Snowflake, and where NASA's servers are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from martian_moments.infrastructure.s3 import S3Options
from martian_moments.nasa.upstream import Upstream
from martian_moments.settings.accepted import absolute, endpoint, web_address
from martian_moments.settings.environment import ENV_FILE
from martian_moments.warehouse.snowflake_account import SnowflakeAccount

_PATHS: Final = frozenset({"home", "dagster_home", "private_key_path"})


class Group(BaseSettings):
    """What every group has in common: where its values come from, and how they are trimmed."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        # As Windows writes UTF-8: its mark would be part of the first name.
        env_file_encoding="utf-8-sig",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, value: object, info: ValidationInfo) -> object:
        """Without the spaces around it; a path may end in one, and a secret may be anything."""
        name = info.field_name or ""
        if not isinstance(value, str) or is_secret(cls, name):
            return value
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            raise ValueError("it stands in quotes, which Docker's env files and some services keep; write it without")
        return value if name in _PATHS else value.strip()


class S3Settings(Group, S3Options):
    """``AWS_…``, with the names that every program for S3 knows."""

    model_config = SettingsConfigDict(env_prefix="AWS_")

    endpoint: str | None = Field(default=None, validation_alias="AWS_ENDPOINT_URL_S3")

    @field_validator("endpoint")
    @classmethod
    def _endpoint(cls, value: str | None) -> str | None:
        return value and endpoint(value)


class SnowflakeSettings(Group, SnowflakeAccount):
    """``SNOWFLAKE_…``, with the names that Snowflake's own programs know."""

    model_config = SettingsConfigDict(env_prefix="SNOWFLAKE_")

    @field_validator("private_key_path")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and absolute(value)


class UpstreamSettings(Group, Upstream):
    """``MARS_…_URL`` of each upstream, and ``MARS_V1_API_KEY``."""

    model_config = SettingsConfigDict(env_prefix="MARS_")

    @field_validator("*")
    @classmethod
    def _web_address(cls, value: object, info: ValidationInfo) -> object:
        name = info.field_name or ""
        if not isinstance(value, str) or not name.endswith("_url"):
            return value
        address = web_address(value)
        # A query follows at once where the default ends in a slash: NASA's servers distinguish ".../api/" from ".../api".
        return address if cls.model_fields[name].default.endswith("/") else address.rstrip("/")


def environment_name(group: type[BaseSettings], field: str) -> str:
    """The environment variable that a field is read from."""
    info = group.model_fields.get(field)
    alias = info.validation_alias if info else None
    return str(alias) if alias else f"{group.model_config['env_prefix']}{field}".upper()


def is_secret(group: type[BaseSettings], field: str) -> bool:
    """Whether a field's value is shown to nobody."""
    info = group.model_fields.get(field)
    return info is not None and "SecretStr" in str(info.annotation)
