"""What is published, in a folder and on S3."""

from __future__ import annotations

from pathlib import Path

import pytest

from martian_moments.lake.store import Lake
from martian_moments.warehouse.published import Published
from martian_moments_tests.buckets import OwnBucket


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
