"""Every setting of the platform, in one class. Nothing else reads the environment.

Settings come from the environment and from a ``.env`` file in the working directory. A wrong value stops the start with one
line that names the setting and what it accepts.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from martian_moments.errors import SettingsError
from martian_moments.rovers import ROVERS

BUILT_SOURCES: Final = ("m20", "msl", "pds", "v1")
"""The photo dialects that are built, in the default order of preference."""

NASA_POOL: Final = "nasa"
"""Runs that ask NASA share this pool."""

WAREHOUSE_POOL: Final = "warehouse"
"""DuckDB has one writer: bronze loads and dbt take turns."""

_KAFKA_PREFIX: Final = "mars_kafka_"

CommaSeparated = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """The settings, with the defaults of the embedded platform. Environment names carry the prefix ``MARS_``."""

    model_config = SettingsConfigDict(
        env_prefix="MARS_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    home: Path = Field(default=Path(".mars"), description="folder of the embedded platform's state")
    rovers: CommaSeparated = Field(default=tuple(ROVERS), description="rovers to keep, comma-separated")
    sources: CommaSeparated = Field(default=BUILT_SOURCES, description="photo dialects in order of preference")
    requests_per_minute: int = Field(default=30, ge=1, le=1_000_000, description="upstream requests a minute in all")
    concurrency: int = Field(default=4, ge=1, le=256, description="upstream requests in flight in all")
    nasa_slots: int = Field(default=2, ge=1, le=64, description="runs that ask upstream at the same time")
    late_sols: int = Field(default=60, ge=0, le=10_000, description="sols behind the newest that are asked for again")
    ui_port: int = Field(default=3000, ge=0, le=65_535, description="port of the web interface; 0 picks a free one")

    lake_url: str = Field(default="", description="file:///folder or s3://bucket")
    events_url: str = Field(default="", description="sqlite:///file or kafka://host:port,host:port")
    warehouse_url: str = Field(default="", description="duckdb:///file or snowflake://")
    dagster_home: Path | None = Field(default=None, description="DAGSTER_HOME of a deployed platform; empty when embedded")
    broker_url: SecretStr | None = Field(
        default=None, description="Redis of the Celery workers: redis://:password@host:port/0"
    )
    alert_webhook_url: SecretStr | None = Field(default=None, description="gets a JSON message for a failed run")

    v1_url: str = "https://rovers.nebulum.one/api/v1"
    v1_api_key: SecretStr | None = None
    m20_url: str = "https://mars.nasa.gov/rss/api/"
    msl_url: str = "https://mars.nasa.gov/api/v1/raw_image_items/"
    mmgis_url: str = "https://mars.nasa.gov/mmgis-maps"
    pds_url: str = "https://planetarydata.jpl.nasa.gov/img"
    mer_traverse_url: str = "https://an.rsl.wustl.edu/mera/AN/pages/mer"

    aws_endpoint_url: str | None = Field(default=None, validation_alias="AWS_ENDPOINT_URL_S3")
    aws_access_key_id: str | None = Field(default=None, validation_alias="AWS_ACCESS_KEY_ID")
    aws_secret_access_key: SecretStr | None = Field(default=None, validation_alias="AWS_SECRET_ACCESS_KEY")
    aws_session_token: SecretStr | None = Field(default=None, validation_alias="AWS_SESSION_TOKEN")
    aws_region: str = Field(default="us-east-1", validation_alias="AWS_REGION")

    kafka: Annotated[dict[str, SecretStr], NoDecode] = Field(default={}, description="librdkafka's options: MARS_KAFKA_*")

    snowflake_account: str | None = Field(default=None, validation_alias="SNOWFLAKE_ACCOUNT")
    snowflake_user: str | None = Field(default=None, validation_alias="SNOWFLAKE_USER")
    snowflake_private_key_path: Path | None = Field(default=None, validation_alias="SNOWFLAKE_PRIVATE_KEY_PATH")
    snowflake_private_key_passphrase: SecretStr | None = Field(
        default=None, validation_alias="SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"
    )
    snowflake_password: SecretStr | None = Field(default=None, validation_alias="SNOWFLAKE_PASSWORD")
    snowflake_trial: bool = Field(
        default=False, description="true for a trial account, which takes a password", validation_alias="SNOWFLAKE_TRIAL"
    )
    snowflake_role: str | None = Field(default=None, validation_alias="SNOWFLAKE_ROLE")
    snowflake_database: str = Field(default="MARS", validation_alias="SNOWFLAKE_DATABASE")
    snowflake_warehouse: str | None = Field(default=None, validation_alias="SNOWFLAKE_WAREHOUSE")
    snowflake_host: str | None = Field(default=None, validation_alias="SNOWFLAKE_HOST")
    snowflake_port: int = Field(default=443, ge=1, le=65_535, validation_alias="SNOWFLAKE_PORT")
    snowflake_protocol: Literal["https", "http"] = Field(default="https", validation_alias="SNOWFLAKE_PROTOCOL")

    @field_validator("rovers", "sources", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @field_validator("rovers")
    @classmethod
    def _known_rovers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _one_of(value, tuple(ROVERS))

    @field_validator("sources")
    @classmethod
    def _known_sources(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _one_of(value, BUILT_SOURCES)

    @field_validator("home", "dagster_home")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and value.expanduser().absolute()

    @field_validator("lake_url")
    @classmethod
    def _lake_scheme(cls, value: str) -> str:
        accepted = _scheme(_without_user(value, "the AWS_* settings"), "file:///folder", "s3://bucket")
        if accepted.startswith("s3://") and urlsplit(accepted).path.strip("/"):
            raise ValueError("use s3://bucket: a lake has its bucket to itself, upload events name whole keys")
        return accepted

    @field_validator("events_url")
    @classmethod
    def _events_scheme(cls, value: str) -> str:
        value = _without_user(value, "MARS_KAFKA_SASL_USERNAME and MARS_KAFKA_SASL_PASSWORD")
        return _scheme(value, "sqlite:///file", "kafka://host:port,host:port")

    @field_validator("warehouse_url")
    @classmethod
    def _warehouse_scheme(cls, value: str) -> str:
        return _scheme(value, "duckdb:///file", "snowflake://")

    @field_validator("v1_url", "mmgis_url", "pds_url", "mer_traverse_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        return _scheme(value, "http://host", "https://host").rstrip("/")

    @field_validator("m20_url", "msl_url")
    @classmethod
    def _query_address(cls, value: str) -> str:
        # A query follows at once, and NASA's servers tell ".../api/" from ".../api".
        return _scheme(value, "http://host", "https://host")

    @field_validator("aws_endpoint_url")
    @classmethod
    def _web_address_or_none(cls, value: str | None) -> str | None:
        return value and _scheme(value, "http://host:port", "https://host")

    @field_validator("broker_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value and urlsplit(value.get_secret_value()).scheme not in {"redis", "rediss"}:
            raise ValueError("use redis://:password@host:port/0 or rediss://…")
        return value

    @model_validator(mode="after")
    def _both_keys_or_none(self) -> Self:
        if self.lake_url.startswith("s3:") and bool(self.aws_access_key_id) != bool(self.aws_secret_access_key):
            raise ValueError("set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither")
        return self

    @property
    def deployed(self) -> bool:
        """Whether Dagster's storage and launcher are those of a deployment, which ``up`` neither makes nor supervises."""
        return self.instance_home != self._embedded_instance_home

    @cached_property
    def instance_home(self) -> Path:
        """DAGSTER_HOME: as set, or the folder ``dagster`` under home."""
        return self.dagster_home or self._embedded_instance_home

    @property
    def _embedded_instance_home(self) -> Path:
        return self.home / "dagster"

    @property
    def pools(self) -> dict[str, int]:
        """The pools' limits in runs.

        NASA's slots each get an equal share of the rate limit. All are set in the instance: Dagster knows a default limit
        only after a pool's first run.
        """
        return {NASA_POOL: self.nasa_slots, WAREHOUSE_POOL: 1}

    @cached_property
    def lake(self) -> str:
        """The lake's address: as set, or the folder ``lake`` under home."""
        return self.lake_url or (self.home / "lake").as_uri()

    @cached_property
    def events(self) -> str:
        """The event log's address: as set, or ``events.db`` under home."""
        return self.events_url or f"sqlite://{self.home / 'events.db'}"

    @cached_property
    def warehouse(self) -> str:
        """The warehouse's address: as set, or ``warehouse.duckdb`` under home."""
        return self.warehouse_url or f"duckdb://{self.home / 'warehouse.duckdb'}"

    @cached_property
    def published(self) -> str:
        """Where the published tables go: the folder ``published`` under home, or under the lake's bucket."""
        if self.lake.startswith("s3://"):
            return self.lake.rstrip("/") + "/published"
        return (self.home / "published").as_uri()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The usual sources, and one that collects ``MARS_KAFKA_*`` from them."""
        found = [each for each in (dotenv_settings, env_settings) if isinstance(each, EnvSettingsSource)]
        return init_settings, _KafkaOptions(settings_cls, *found), env_settings, dotenv_settings, file_secret_settings

    @classmethod
    def load(cls, **overrides: object) -> Settings:
        """The settings from the environment.

        Raises:
            SettingsError: one line naming the first wrong setting and what it accepts.
        """
        try:
            return cls(**overrides)  # type: ignore[arg-type]
        except ValidationError as error:
            raise SettingsError(_first_problem(error)) from None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False)[0]
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    field = str(problem["loc"][0])
    name = field.upper() if field.upper().startswith(("AWS_", "SNOWFLAKE_")) else f"MARS_{field.upper()}"
    info = Settings.model_fields.get(field)
    meaning = f" ({info.description})" if info and info.description else ""
    secret = info is not None and "SecretStr" in str(info.annotation)
    # An address with an @ holds a password.
    given = "" if secret or "@" in str(problem["input"]) else f"{problem['input']!r} is not accepted: "
    return f"{name}={given}{message}{meaning}"


class _KafkaOptions(PydanticBaseSettingsSource):
    """``MARS_KAFKA_SECURITY_PROTOCOL`` becomes librdkafka's ``security.protocol``, whatever options there are."""

    def __init__(self, settings_cls: type[BaseSettings], *sources: EnvSettingsSource) -> None:
        super().__init__(settings_cls)
        self._sources = sources

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        merged = {name: value for source in self._sources for name, value in source.env_vars.items() if value}
        options = {name: value for name, value in merged.items() if name.startswith(_KAFKA_PREFIX)}
        return {"kafka": {name.removeprefix(_KAFKA_PREFIX).replace("_", "."): value for name, value in options.items()}}


def _one_of(values: tuple[str, ...], allowed: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [value for value in values if value not in allowed]
    if unknown or not values or len(set(values)) != len(values):
        raise ValueError(f"use one or more of {', '.join(allowed)}, comma-separated, each once")
    return values


def _without_user(value: str, instead: str) -> str:
    if "@" in urlsplit(value).netloc:
        raise ValueError(f"an address holds no user and no password; they go into {instead}")
    return value


def _scheme(value: str, *examples: str) -> str:
    if value and not any(_same_shape(urlsplit(value), urlsplit(example)) for example in examples):
        raise ValueError(f"use {' or '.join(examples)}")
    return value


def _same_shape(given: SplitResult, example: SplitResult) -> bool:
    # file://lake names a host, not a folder: an address has a host, or else a path, where the example has one.
    if given.scheme != example.scheme or bool(given.netloc) != bool(example.netloc):
        return False
    return bool(given.netloc) or bool(given.path.strip("/")) == bool(example.path.strip("/"))
