"""How a store is reached: the bucket in the host's name on AWS, in the path everywhere else."""

from __future__ import annotations

from datetime import timedelta

import obstore
import pytest
from obstore.store import S3Store
from pydantic import SecretStr

from martian_moments.infrastructure.object_store import open_store
from martian_moments.infrastructure.s3 import S3Options


@pytest.mark.parametrize(
    ("bucket", "endpoint", "region", "address"),
    [
        ("mars", None, "us-east-1", "https://mars.s3.us-east-1.amazonaws.com/photos/x"),
        ("mars.org", None, "eu-central-1", "https://s3.eu-central-1.amazonaws.com/mars.org/photos/x"),
        ("mars", "http://127.0.0.1:9000", "us-east-1", "http://127.0.0.1:9000/mars/photos/x"),
    ],
    ids=["AWS", "AWS, where a dot breaks the certificate", "any other"],
)
def test_the_bucket_is_in_the_host_name_on_aws_only(bucket: str, endpoint: str | None, region: str, address: str) -> None:
    store = open_store(
        f"s3://{bucket}",
        S3Options(endpoint=endpoint, access_key_id="id", secret_access_key=SecretStr("hush"), region=region),
    )
    assert isinstance(store, S3Store)
    signed = obstore.sign(store, "GET", "photos/x", timedelta(minutes=1))
    assert signed.partition("?")[0] == address


@pytest.mark.parametrize(
    ("endpoint", "is_aws"),
    [
        (None, True),
        ("https://s3.eu-central-1.amazonaws.com", True),
        ("https://s3.amazonaws.com.example.org", False),
        ("http://127.0.0.1:9000", False),
    ],
)
def test_aws_is_distinguished_from_other_stores(endpoint: str | None, is_aws: bool) -> None:
    assert S3Options(endpoint=endpoint).is_aws is is_aws
