"""What is published, in a folder and on S3; databases of PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from martian_moments.lake.store import Lake
from martian_moments.warehouse.published import Published
from martian_moments_tests.buckets import OwnBucket
from martian_moments_tests.services import Services


@pytest.fixture(params=["files", pytest.param("s3", marks=pytest.mark.services)])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """The store that the tables lie in."""
    if request.param == "files":
        return Lake((tmp_path / "store").as_uri())
    bucket: OwnBucket = request.getfixturevalue("bucket")
    return Lake(bucket.url, s3=bucket.s3)


@pytest.fixture
def published(lake: Lake, request: pytest.FixtureRequest) -> Published:
    s3 = request.getfixturevalue("bucket").s3 if lake.url.startswith("s3:") else None
    return Published(f"{lake.url}/published", s3=s3)


@pytest.fixture
def database(services: Services) -> Iterator[str]:
    """The name of a database of its own."""
    name = f"storage_{secrets.token_hex(4)}"
    administrator = psycopg2.connect(services.postgres.url())
    administrator.autocommit = True
    with administrator.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
        yield name
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    administrator.close()
