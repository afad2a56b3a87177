"""The rules of a bucket, set on the real object store: once, exactly, and beside those of others."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from martian_moments.domain.errors import LakeError
from martian_moments.lake import bucket as module
from martian_moments.lake.bucket import Bucket
from martian_moments_tests.buckets import OwnBucket

pytestmark = pytest.mark.services

EVERY_FOLDER = [
    *("manifests/", "photos/", "traverse/", "images/", "index/", "quarantine/", "pictures/"),
    *("published/", "moments/", "compute-logs/", "doctor/", "pauses/"),
]


def test_a_bucket_is_made_ready_step_by_step(no_bucket: OwnBucket) -> None:
    admin = no_bucket.admin
    assert not admin.exists()
    admin.create()
    assert admin.exists()
    assert not admin.keeps_versions()
    admin.keep_versions()
    assert admin.keeps_versions()
    assert admin.lacking_expiry() == EVERY_FOLDER
    admin.expire_versions()
    assert admin.lacking_expiry() == []
    assert admin.unannounced() == ["manifests/", "photos/", "traverse/", "images/"]
    admin.announce()
    assert admin.unannounced() == []


def lifecycle(bucket: OwnBucket) -> dict[str, dict[str, Any]]:
    return {each["ID"]: each for each in bucket.client.get_bucket_lifecycle_configuration(Bucket=bucket.name)["Rules"]}


def test_documents_keep_their_history_and_published_tables_do_not(bucket: OwnBucket) -> None:
    bucket.admin.expire_versions()
    rules = {each["Filter"]["Prefix"]: each["NoncurrentVersionExpiration"] for each in lifecycle(bucket).values()}
    assert rules["photos/"] == {"NoncurrentDays": 365, "NewerNoncurrentVersions": 20}
    assert rules["published/"] == {"NoncurrentDays": 1}
    assert not any("Expiration" in each for each in lifecycle(bucket).values()), "a current version never expires"


def test_expiry_rules_of_others_stay_and_ours_are_set_right(bucket: OwnBucket) -> None:
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 3}}
    stale = {**theirs, "ID": "martian-moments/photos", "Filter": {"Prefix": "photos/"}}
    rules = {"Rules": [theirs, stale]}
    bucket.client.put_bucket_lifecycle_configuration(Bucket=bucket.name, LifecycleConfiguration=rules)
    assert bucket.admin.lacking_expiry() == EVERY_FOLDER
    bucket.admin.expire_versions()
    found = lifecycle(bucket)
    assert found["theirs"] == theirs
    assert "Expiration" not in found["martian-moments/photos"]
    assert len(found) == 1 + len(EVERY_FOLDER)


def rule(name: str, prefix: str, event: str = "s3:ObjectCreated:*") -> dict[str, Any]:
    filters = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}
    return {"Id": name, "QueueArn": module.KAFKA_TARGET, "Events": [event], "Filter": filters}


def test_notification_rules_of_others_stay_and_count_where_they_announce_our_folders(bucket: OwnBucket) -> None:
    theirs = [
        rule("theirs", "incoming/"),
        rule("photos of theirs", "photos/"),
        rule("gone", "traverse/", "s3:ObjectRemoved:*"),
    ]
    bucket.client.put_bucket_notification_configuration(
        Bucket=bucket.name, NotificationConfiguration={"QueueConfigurations": theirs}
    )
    assert bucket.admin.unannounced() == ["manifests/", "traverse/", "images/"]
    bucket.admin.announce()
    assert bucket.admin.unannounced() == []
    found = bucket.client.get_bucket_notification_configuration(Bucket=bucket.name)["QueueConfigurations"]
    ids = [
        "gone",
        "martian-moments/images",
        "martian-moments/manifests",
        "martian-moments/traverse",
        "photos of theirs",
        "theirs",
    ]
    assert sorted(each["Id"] for each in found) == ids


def test_a_store_without_the_target_says_how_to_start_it(bucket: OwnBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KAFKA_TARGET", "arn:minio:sqs::NOWHERE:kafka")
    with pytest.raises(LakeError, match=r"cannot set the notifications.*MINIO_NOTIFY_KAFKA_ENABLE_PRIMARY=on"):
        bucket.admin.announce()


def test_keys_that_are_refused_are_named_and_not_shown(bucket: OwnBucket) -> None:
    stranger = Bucket(bucket.name, bucket.s3.model_copy(update={"secret_access_key": SecretStr("not-the-secret")}))
    with pytest.raises(LakeError, match="check AWS_SECRET_ACCESS_KEY") as caught:
        stranger.keeps_versions()
    assert "not-the-secret" not in str(caught.value)
    with pytest.raises(LakeError, match="cannot look at the bucket"):
        stranger.exists()


def test_a_missing_bucket_is_made_by_init(no_bucket: OwnBucket) -> None:
    with pytest.raises(LakeError, match="martian-moments init makes the bucket"):
        no_bucket.admin.keeps_versions()
