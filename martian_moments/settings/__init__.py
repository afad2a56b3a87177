"""Every setting of the platform, in one class. Nothing else reads the environment.

Settings come from the environment and from a ``.env`` file in the working directory. A wrong value stops the start with one
line that names the setting and what it accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from martian_moments.domain.errors import SettingsError
from martian_moments.domain.moments import PACKAGED
from martian_moments.domain.rovers import ROVERS
from martian_moments.domain.subscriptions import Subscription, parse_subscriptions
from martian_moments.infrastructure.addresses import path_of, taken_apart, url_of
from martian_moments.infrastructure.s3 import S3Options
from martian_moments.nasa.upstream import Upstream
from martian_moments.settings.accepted import (
    absolute,
    events_address,
    lake_address,
    redis_address,
    warehouse_address,
    webhook,
)
from martian_moments.settings.environment import ENV_FILE, given
from martian_moments.settings.groups import (
    Group,
    S3Settings,
    SnowflakeSettings,
    UpstreamSettings,
    environment_name,
    is_secret,
)
from martian_moments.warehouse.open import DUCKDB_FILE
from martian_moments.warehouse.snowflake_account import SnowflakeAccount
from martian_moments_dbt import VARS

BUILT_SOURCES: Final = tuple(VARS["sources"])
"""The photo dialects that are built, in the default order of preference: as the models have them, in dbt_project.yml."""

NASA_POOL: Final = "nasa"
"""Runs that ask NASA share this pool."""

MOVIES_POOL: Final = "movies"
"""Movies are made one after the other: each takes every processor."""

IMAGES_POOL: Final = "images"
"""Runs that ask for pictures wait for each other, so that one at a time has the whole of their rate limit."""

OPEN_FORMATS_POOL: Final = "open_formats"
"""Runs that make the open formats wait for each other, and for nobody else: they read what is published."""

WAREHOUSE_POOL: Final = "warehouse"
"""DuckDB has one writer: bronze loads and dbt take turns."""

SCRATCH: Final = "scratch"
"""The folder of the home for what is on its way to the lake."""

ARRIVING_PICTURES: Final = "pictures"
"""The folder of it with pictures that are arriving, or were cut: the next process that wants them goes on with them."""

_EMBEDDED_BUCKET: Final = "mars"
"""The bucket that the file store's events name; the folder itself has no bucket."""

_NO_VARIABLE: Final = "<a group>"
"""A name that no environment can have: a group is never read as a whole, as pydantic-settings would from JSON."""

_ADDRESSES: Final[Mapping[str, Callable[[str], str]]] = {
    "lake_url": lake_address,
    "events_url": events_address,
    "warehouse_url": warehouse_address,
    "broker_url": redis_address,
    "alert_webhook_url": webhook,
}
"""What checks an address, and returns it as it is."""

_PATTERNS: Final = "?*["

_OTHERS: Final = frozenset(
    {"MARS_WORKERS", "MARS_LAKE_BUCKET", "MARS_REAL_PAYLOADS"}
    | {"MARS_DBT_TARGET", "MARS_DBT_DUCKDB_PATH", "MARS_DBT_SOURCES", "MARS_DBT_ARCHIVE_URL", "MARS_DBT_PHOTO_RULES"}
)
"""What dagster.yaml, compose, dbt and the tests read."""

_KAFKA_PREFIX: Final = "mars_kafka_"


def _split(value: object) -> object:
    return tuple(part.strip().lower() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _subscriptions(value: object) -> object:
    return parse_subscriptions(value) if isinstance(value, str) else value


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(Group):
    """The settings, with the defaults of the embedded platform. Environment names carry the prefix ``MARS_``.

    Attributes:
        s3: ``AWS_…``.
        snowflake: ``SNOWFLAKE_…``.
        upstream: where NASA's servers are.
    """

    model_config = SettingsConfigDict(env_prefix="MARS_")

    home: Path = Field(default=Path(".mars"), description="folder of the embedded platform's state")
    rovers: CommaSeparated = Field(default=tuple(ROVERS), description="rovers to keep, comma-separated")
    sources: CommaSeparated = Field(default=BUILT_SOURCES, description="photo dialects in order of preference")
    requests_per_minute: int = Field(default=30, ge=1, le=1_000_000, description="upstream requests a minute in all")
    concurrency: int = Field(default=4, ge=1, le=256, description="upstream requests in flight in all")
    nasa_slots: int = Field(default=2, ge=1, le=64, description="runs that ask upstream at the same time")
    late_sols: int = Field(default=60, ge=0, le=10_000, description="sols behind the newest that are asked for again")
    moments: Path | None = Field(default=None, description="file of moments; empty: those of the package")
    images: Annotated[tuple[Subscription, ...], NoDecode, BeforeValidator(_subscriptions)] = Field(
        default=(), description="pictures to keep: ROVER CAMERA SOLS, separated by commas"
    )
    images_per_minute: int = Field(default=60, ge=1, le=1_000_000, description="requests for pictures a minute")
    images_max_gb: int = Field(default=20, ge=0, le=1_000_000, description="GB that the lake's pictures may take")
    keep_succeeded_days: int = Field(default=7, ge=0, le=36_500, description="days that logs of succeeded runs stay")
    keep_failed_days: int = Field(default=30, ge=0, le=36_500, description="days that logs of other runs stay")
    keep_history_days: int = Field(
        default=90, ge=1, le=36_500, description="days that runs stay, and what newer runs have replaced"
    )
    ui_port: int = Field(default=3000, ge=0, le=65_535, description="port of the web interface; 0 picks a free one")
    serve: bool = Field(default=True, description="whether up and demo start the service as well")
    serve_host: str = Field(default="127.0.0.1", description="address that the service listens on")
    serve_port: int = Field(default=3001, ge=0, le=65_535, description="port of the service; 0 picks a free one")
    serve_allowed_hosts: CommaSeparated = Field(
        default=(), description="names that the service is called by besides loopback; * for all"
    )

    lake_url: str = Field(default="", description="file:///folder or s3://bucket")
    events_url: str = Field(default="", description="sqlite:///file or kafka://host:port,host:port")
    warehouse_url: str = Field(default="", description="duckdb:///file or snowflake://")
    dagster_home: Path | None = Field(default=None, description="DAGSTER_HOME of a deployed platform; empty when embedded")
    broker_url: SecretStr | None = Field(
        default=None, description="Redis of the Celery workers: redis://:password@host:port/0"
    )
    alert_webhook_url: SecretStr | None = Field(default=None, description="gets a JSON message for a failed run")

    upstream: Upstream = Field(default_factory=UpstreamSettings, validation_alias=_NO_VARIABLE)
    s3: S3Options = Field(default_factory=S3Settings, validation_alias=_NO_VARIABLE)
    snowflake: SnowflakeAccount = Field(default_factory=SnowflakeSettings, validation_alias=_NO_VARIABLE)
    kafka: Annotated[dict[str, SecretStr], NoDecode] = Field(default={}, description="librdkafka's options: MARS_KAFKA_*")

    @field_validator("rovers")
    @classmethod
    def _known_rovers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _one_of(value, tuple(ROVERS))

    @field_validator("sources")
    @classmethod
    def _known_sources(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _one_of(value, BUILT_SOURCES)

    @field_validator("home", "dagster_home", "moments")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and absolute(value)

    @field_validator(*_ADDRESSES)
    @classmethod
    def _address(cls, value: str | SecretStr | None, info: ValidationInfo) -> str | SecretStr | None:
        if value:
            text = value.get_secret_value() if isinstance(value, SecretStr) else value
            _ADDRESSES[info.field_name or ""](text)
        return value

    @model_validator(mode="after")
    def _both_keys_or_none(self) -> Self:
        if self.lake_url.startswith("s3:") and bool(self.s3.access_key_id) != bool(self.s3.secret_access_key):
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
    def images_max_bytes(self) -> int:
        """What the lake's pictures may take."""
        return self.images_max_gb * 10**9

    @property
    def pools(self) -> dict[str, int]:
        """The pools' limits in runs.

        NASA's slots each get an equal share of the rate limit. All are set in the instance: Dagster knows a default limit
        only after a pool's first run.
        """
        alone = (IMAGES_POOL, WAREHOUSE_POOL, OPEN_FORMATS_POOL, MOVIES_POOL)
        return {NASA_POOL: self.nasa_slots, **dict.fromkeys(alone, 1)}

    @property
    def moments_file(self) -> Path:
        """Where the moments are written down: as set, or in the package."""
        return self.moments or PACKAGED

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
        on_other_s3 = self.lake.startswith("s3:") and not self.s3.is_aws
        return on_other_s3 and self.events.startswith("kafka:")

    @cached_property
    def events(self) -> str:
        """The event log's address: as set, or ``events.db`` under home."""
        return self.events_url or url_of("sqlite", self.home / "events.db")

    @cached_property
    def warehouse(self) -> str:
        """The warehouse's address: as set, or ``warehouse.duckdb`` under home."""
        return self.warehouse_url or url_of("duckdb", self.home / DUCKDB_FILE)

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
    known = {environment_name(group, field) for group in _GROUPS.values() for field in group.model_fields} | _OTHERS
    for name in sorted({name.upper() for name in given()}):
        if name.startswith("MARS_") and name not in known and not name.startswith(_KAFKA_PREFIX.upper()):
            near = get_close_matches(name, sorted(known), n=1)
            yield f"{name} is no setting and changes nothing{f'; did you mean {near[0]}?' if near else ''}"


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False)[0]
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    # The group that refused it gives its name to the error.
    group, field = _GROUPS[error.title], str(problem["loc"][0])
    field = next((name for name in group.model_fields if field == environment_name(group, name)), field)
    name, info = environment_name(group, field), group.model_fields.get(field)
    meaning = f" ({info.description})" if info and info.description else ""
    # An address may hold a password: before an @, or in a query.
    hidden = is_secret(group, field) or {"@", "?", "#", "\\"} & set(str(problem["input"]))
    shown = name if hidden else f"{name}={problem['input']!r}"
    return f"{shown} is not accepted: {message}{meaning}"


_GROUPS: Final[Mapping[str, type[Group]]] = {
    group.__name__: group for group in (Settings, S3Settings, SnowflakeSettings, UpstreamSettings)
}
"""By the name that an error of theirs carries."""


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
