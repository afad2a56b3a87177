"""The real services of ``make services-up``, for tests marked ``services``: where they are. No test kills one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import pytest
from dotenv import dotenv_values

from martian_moments_tests.conftest import REPOSITORY
from services.__main__ import chosen
from services.compose import Compose
from services.environment import DATABASE, HOST, NAMES, Environment
from services.errors import ServicesError
from services.probes import PROBES


@dataclass(frozen=True)
class Postgres:
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str

    def url(self, database: str | None = None) -> str:
        """The address as SQLAlchemy and psycopg2 take it, of the database named or of the usual one."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{database or self.database}"


@dataclass(frozen=True)
class Services:
    """Where the services are. Each test has its own bucket, topic prefix, database and Redis database."""

    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: str = field(repr=False)
    kafka: str
    """``host:port``."""

    postgres: Postgres
    redis_host: str
    redis_port: int
    redis_password: str = field(repr=False)

    def redis_url(self, database: int = 0) -> str:
        return f"redis://:{self.redis_password}@{self.redis_host}:{self.redis_port}/{database}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must appear in no log."""
        return self.s3_secret_key, self.postgres.password, self.redis_password


@pytest.fixture(scope="session")
def services() -> Services:
    """The services that .env describes, all of which respond. Without them a test is skipped, and fails in CI."""
    try:
        return find_services()
    except ServicesError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


def find_services() -> Services:
    """The services that .env describes. Raises ServicesError unless all of them respond, and serve no platform."""
    environment = _environment()
    if silent := _silent(environment):
        raise ServicesError(f"no response from {', '.join(silent)}; make services-up starts them")
    how = chosen()
    if isinstance(how, Compose) and how.platform_runs():
        raise ServicesError(
            "a platform runs on the services, and tests publish to its topics: docker compose down, then make services-up"
        )
    return services_of(environment)


def services_of(environment: Environment) -> Services:
    return Services(
        s3_endpoint=environment.endpoint,
        s3_access_key=environment.access_key,
        s3_secret_key=environment.secret_key,
        kafka=f"{HOST}:{environment.kafka_port}",
        postgres=Postgres(HOST, environment.postgres_port, DATABASE, environment.postgres_password, DATABASE),
        redis_host=HOST,
        redis_port=environment.redis_port,
        redis_password=environment.redis_password,
    )


def _silent(environment: Environment) -> list[str]:
    return [name for name, responds in PROBES.items() if not responds(environment)]


def _environment() -> Environment:
    file = dotenv_values(REPOSITORY / ".env", interpolate=False)
    return Environment.of({name: os.environ.get(name) or file.get(name) for name in NAMES})
