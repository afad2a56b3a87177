"""Every setting of the platform, in one class. Nothing else reads the environment.

Settings come from the environment and from a ``.env`` file in the working directory. A wrong value stops the start with one
line that names the setting and what it accepts.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from martian_moments.domain.errors import SettingsError
from martian_moments.domain.rovers import ROVERS
from martian_moments.infrastructure.addresses import is_aws, path_of, taken_apart, url_of
from martian_moments.settings.accepted import (
    absolute,
    endpoint,
    events_address,
    lake_address,
    redis_address,
    warehouse_address,
    web_address,
    webhook,
)
from martian_moments.settings.environment import ENV_FILE, given

BUILT_SOURCES: Final = ("m20", "msl", "pds", "v1")
"""The photo dialects that are built, in the default order of preference."""

NASA_POOL: Final = "nasa"
"""Runs that ask NASA share this pool."""

WAREHOUSE_POOL: Final = "warehouse"
"""DuckDB has one writer: bronze loads and dbt take turns."""

SCRATCH: Final = "scratch"
"""The folder of the home for what is on its way to the lake."""

_EMBEDDED_BUCKET: Final = "mars"
"""The bucket that the file store's events name; the folder itself has no bucket."""

_PATHS: Final = ("home", "dagster_home", "snowflake_private_key_path")

_PATTERNS: Final = "?*["

_OTHERS: Final = frozenset(
    {"MARS_WORKERS", "MARS_LAKE_BUCKET", "MARS_REAL_PAYLOADS"}
    | {"MARS_DBT_TARGET", "MARS_DBT_DUCKDB_PATH", "MARS_DBT_SOURCES", "MARS_DBT_PHOTO_RULES"}
)
"""What dagster.yaml, compose, dbt and the tests read."""

_KAFKA_PREFIX: Final = "mars_kafka_"

CommaSeparated = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """The settings, with the defaults of the embedded platform. Environment names carry the prefix ``MARS_``."""

    model_config = SettingsConfigDict(
        env_prefix="MARS_",
        env_file=ENV_FILE,
        # As Windows writes UTF-8: its mark would be part of the first name.
        env_file_encoding="utf-8-sig",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
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

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, value: object, info: ValidationInfo) -> object:
        """Without the spaces around it; a path may end in one, and a secret may be anything."""
        name = info.field_name or ""
        if not isinstance(value, str) or _is_secret(name):
            return value
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            raise ValueError("it stands in quotes, which Docker's env files and some services keep; write it without")
        return value if name in _PATHS else value.strip()

    @field_validator(*_PATHS)
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and absolute(value)

    @field_validator("lake_url")
    @classmethod
    def _lake_address(cls, value: str) -> str:
        return value and lake_address(value)

    @field_validator("events_url")
    @classmethod
    def _events_address(cls, value: str) -> str:
        return value and events_address(value)

    @field_validator("warehouse_url")
    @classmethod
    def _warehouse_address(cls, value: str) -> str:
        return value and warehouse_address(value)

    @field_validator("v1_url", "mmgis_url", "pds_url", "mer_traverse_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        return web_address(value).rstrip("/")

    @field_validator("m20_url", "msl_url")
    @classmethod
    def _query_address(cls, value: str) -> str:
        # A query follows at once, and NASA's servers tell ".../api/" from ".../api".
        return web_address(value)

    @field_validator("aws_endpoint_url")
    @classmethod
    def _endpoint(cls, value: str | None) -> str | None:
        return value and endpoint(value)

    @field_validator("broker_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            redis_address(value.get_secret_value())
        return value

    @field_validator("alert_webhook_url")
    @classmethod
    def _webhook(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            webhook(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _both_keys_or_none(self) -> Self:
        if self.lake_url.startswith("s3:") and bool(self.aws_access_key_id) != bool(self.aws_secret_access_key):
            raise ValueError("set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither")
        return self

    @model_validator(mode="after")
    def _dagster_finds_its_home(self) -> Self:
        if found := set(_PATTERNS) & set(str(self.instance_home)):
            name = "MARS_DAGSTER_HOME" if self.deployed else "MARS_HOME"
            raise ValueError(
                f"{name} is not accepted: Dagster takes {' and '.join(sorted(found))} in the name of a folder for a "
                "pattern, and overlooks its dagster.yaml there; use another folder"
            )
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
        return self.lake_url or url_of("file", self.home / "lake")

    @property
    def lake_bucket(self) -> str:
        """The bucket that the events of the lake's uploads name."""
        address = taken_apart(self.lake)
        return address.netloc if address.scheme == "s3" else _EMBEDDED_BUCKET

    @property
    def lake_announces_itself(self) -> bool:
        """Whether the object store sends its upload events to Kafka. AWS has no such target: there the writer does."""
        on_other_s3 = self.lake.startswith("s3:") and not is_aws(self.aws_endpoint_url)
        return on_other_s3 and self.events.startswith("kafka:")

    @cached_property
    def events(self) -> str:
        """The event log's address: as set, or ``events.db`` under home."""
        return self.events_url or url_of("sqlite", self.home / "events.db")

    @cached_property
    def warehouse(self) -> str:
        """The warehouse's address: as set, or ``warehouse.duckdb`` under home."""
        return self.warehouse_url or url_of("duckdb", self.home / "warehouse.duckdb")

    @cached_property
    def published(self) -> str:
        """Where the published tables go: the folder ``published`` under home, or under the lake's bucket."""
        if self.lake.startswith("s3://"):
            return self.lake.rstrip("/") + "/published"
        return url_of("file", self.home / "published")

    @cached_property
    def folders(self) -> tuple[Path, ...]:
        """The folders of this machine that the platform writes to, which may lie on different disks."""
        folders = [path_of(each) for each in (self.lake, self.published) if each.startswith("file:")]
        files = [path_of(each) for each in (self.events, self.warehouse) if each.startswith(("sqlite:", "duckdb:"))]
        # A deployed platform only reads its DAGSTER_HOME, which may be a disk that can never be written.
        instance = [] if self.deployed else [self.instance_home]
        return tuple(dict.fromkeys([self.home, *instance, *folders, *(file.parent for file in files)]))

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
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise SettingsError(f"{ENV_FILE}, line {line} is not UTF-8; save the file in that encoding") from None
        except OSError as error:
            raise SettingsError(f"{ENV_FILE} cannot be read: {error.strerror}") from None


def unknown_settings() -> Iterator[str]:
    """A line for each variable that is called like a setting and is none.

    They are reported and not refused: another release, or another program, may know them.
    """
    fields = Settings.model_fields.items()
    known = {str(info.validation_alias or f"MARS_{name}").upper() for name, info in fields} | _OTHERS
    for name in sorted({name.upper() for name in given()}):
        if name.startswith("MARS_") and name not in known and not name.startswith(_KAFKA_PREFIX.upper()):
            near = get_close_matches(name, sorted(known), n=1)
            yield f"{name} is no setting and changes nothing{f'; did you mean {near[0]}?' if near else ''}"


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False)[0]
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    field = str(problem["loc"][0])
    name = field.upper() if field.upper().startswith(("AWS_", "SNOWFLAKE_")) else f"MARS_{field.upper()}"
    info = Settings.model_fields.get(field)
    meaning = f" ({info.description})" if info and info.description else ""
    # An address may hold a password: before an @, or in a query.
    hidden = _is_secret(field) or {"@", "?", "#", "\\"} & set(str(problem["input"]))
    shown = name if hidden else f"{name}={problem['input']!r}"
    return f"{shown} is not accepted: {message}{meaning}"


def _is_secret(field: str) -> bool:
    info = Settings.model_fields.get(field)
    return info is not None and "SecretStr" in str(info.annotation)


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
