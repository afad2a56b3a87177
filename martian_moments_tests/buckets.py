"""A bucket of its own for each test that needs S3."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import pytest
from pydantic import SecretStr

from martian_moments.infrastructure.s3 import S3Options
from martian_moments.lake.bucket import Bucket
from martian_moments_tests.services import Services


@dataclass(frozen=True)
class OwnBucket:
    """A versioned bucket on the real object store.

    Attributes:
        admin: what is tested.
        client: boto3's, to look past what is tested.
    """

    url: str
    s3: S3Options
    admin: Bucket
    client: Any

    @property
    def name(self) -> str:
        return self.admin.name


@pytest.fixture
def no_bucket(services: Services) -> Iterator[OwnBucket]:
    """The name of a bucket that does not exist; it is removed with all its versions when the test has ended."""
    name = f"mars-{uuid.uuid4().hex[:12]}"
    s3 = S3Options(
        endpoint=services.s3_endpoint,
        access_key_id=services.s3_access_key,
        secret_access_key=SecretStr(services.s3_secret_key),
    )
    client = _session(services).client("s3", endpoint_url=services.s3_endpoint)
    yield OwnBucket(f"s3://{name}", s3, Bucket(name, s3), client)
    remove_bucket(services, name)


def remove_bucket(services: Services, name: str) -> None:
    """Remove a bucket with all its versions, if it is there."""
    bucket = _session(services).resource("s3", endpoint_url=services.s3_endpoint).Bucket(name)
    if bucket.creation_date:
        bucket.object_versions.delete()
        bucket.delete()


def announce_nothing(services: Services, name: str) -> None:
    """Remove every notification rule of a bucket."""
    client = _session(services).client("s3", endpoint_url=services.s3_endpoint)
    client.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={})


@cache
def _session(services: Services) -> boto3.session.Session:
    """Once for all tests: each session reads its description of S3 anew, 0.2 s of CPU."""
    keys = {"aws_access_key_id": services.s3_access_key, "aws_secret_access_key": services.s3_secret_key}
    return boto3.session.Session(region_name="us-east-1", **keys)


@pytest.fixture
def bucket(no_bucket: OwnBucket) -> OwnBucket:
    """A bucket with versioning and nothing in it."""
    no_bucket.admin.create()
    no_bucket.admin.keep_versions()
    return no_bucket
