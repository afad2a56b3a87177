"""The bucket of a lake on S3: made, versioned, its old versions expired, its uploads announced.

obstore knows objects only, so this is boto3's part. Everything here looks first and changes only what is missing; rules that
others made stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

from martian_moments.domain.documents import FOLDERS
from martian_moments.domain.errors import LakeError
from martian_moments.infrastructure.s3 import S3Options

KAFKA_TARGET: Final = "arn:minio:sqs::PRIMARY:kafka"
"""MinIO's name for the Kafka target that it gets from the environment as MINIO_NOTIFY_KAFKA_*_PRIMARY."""

_KEPT_DAYS: Final[Mapping[str, int]] = {
    **dict.fromkeys((*FOLDERS, "index/", "quarantine/", "pictures/"), 365),
    **dict.fromkeys(("published/", "moments/", "compute-logs/", "doctor/", "pauses/"), 1),
}
"""How long a version is kept after it was replaced, by folder. Published tables and movies are replaced whole: on a
busy day that is gigabytes, and all of it can be made again."""

_KEPT_VERSIONS: Final = 20
"""Of a document, this many older versions are kept for ever: they are the history that nobody can fetch again."""

_ABORT_DAYS: Final = 7
_PREFIX: Final = "martian-moments/"

_ADVICE: Final[Mapping[str, str]] = {
    "AccessDenied": "check the policy of these keys: making a bucket ready takes more rights than using it",
    "InvalidAccessKeyId": "check AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "check AWS_SECRET_ACCESS_KEY",
    "NoSuchBucket": "martian-moments init makes the bucket",
    "BucketAlreadyExists": "the name is taken by another account; choose another in MARS_LAKE_URL",
    "InvalidArgument": f"the store knows no target {KAFKA_TARGET}; start it with MINIO_NOTIFY_KAFKA_ENABLE_PRIMARY=on and "
    "its brokers and topic",
    "NotImplemented": "this store cannot do it; see which stores are tested in docs/operations.md",
}


class Bucket:
    """One bucket and its rules. Every method raises LakeError when the store refuses or cannot be reached."""

    def __init__(self, name: str, s3: S3Options) -> None:
        """Nothing is asked yet."""
        self.name = name
        self._s3 = s3

    def exists(self) -> bool:
        """Whether the bucket is there."""
        try:
            with self._asking("look at"):
                self._client.head_bucket(Bucket=self.name)
        except NoBucket:
            return False
        return True

    def create(self) -> None:
        """Make the bucket; it must be missing."""
        region = self._s3.region
        # us-east-1 is the one region that must not be named.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with self._asking("make"):
            self._client.create_bucket(Bucket=self.name, **place)

    def keeps_versions(self) -> bool:
        """Whether a replaced object stays as an older version."""
        with self._asking("read the versioning of"):
            return bool(self._client.get_bucket_versioning(Bucket=self.name).get("Status") == "Enabled")

    def keep_versions(self) -> None:
        """Switch versioning on."""
        with self._asking("switch on the versioning of"):
            self._client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})

    def lacking_expiry(self) -> list[str]:
        """The folders whose older versions never expire."""
        held = {rule.get("ID"): rule for rule in self._lifecycle()}
        return [folder for folder, days in _KEPT_DAYS.items() if not _equal(held.get(_id(folder)), _expiry(folder, days))]

    def expire_versions(self) -> None:
        """Let older versions expire, each folder's after its time; rules of others stay."""
        ours = [_expiry(folder, days) for folder, days in _KEPT_DAYS.items()]
        rules = [*_of_others(self._lifecycle(), "ID", ours), *ours]
        with self._asking("set the life cycle of"):
            self._client.put_bucket_lifecycle_configuration(Bucket=self.name, LifecycleConfiguration={"Rules": rules})

    def unannounced(self) -> list[str]:
        """The folders whose uploads the store does not announce to Kafka."""
        rules = self._notifications().get("QueueConfigurations", [])
        return [folder for folder in FOLDERS if not any(_announces(rule, folder) for rule in rules)]

    def announce(self) -> None:
        """Let the store announce the uploads that it does not announce yet; rules of others stay."""
        ours = [_notification(folder) for folder in self.unannounced()]
        found = self._notifications()
        queues = [*_of_others(found.get("QueueConfigurations", []), "Id", ours), *ours]
        with self._asking("set the notifications of"):
            self._client.put_bucket_notification_configuration(
                Bucket=self.name, NotificationConfiguration={**found, "QueueConfigurations": queues}
            )

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        s3 = self._s3
        return boto3.client(
            "s3",
            endpoint_url=s3.endpoint,
            region_name=s3.region,
            aws_access_key_id=s3.access_key_id,
            aws_secret_access_key=s3.secret,
            aws_session_token=s3.token,
            config=Config(
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "total_max_attempts": 3},
                s3={"addressing_style": "path" if s3.endpoint else "auto"},
            ),
        )

    def _lifecycle(self) -> list[dict[str, Any]]:
        try:
            with self._asking("read the life cycle of"):
                return list(self._client.get_bucket_lifecycle_configuration(Bucket=self.name)["Rules"])
        except _NoLifecycle:
            return []

    def _notifications(self) -> dict[str, Any]:
        with self._asking("read the notifications of"):
            found = self._client.get_bucket_notification_configuration(Bucket=self.name)
        return {name: value for name, value in found.items() if name != "ResponseMetadata"}

    @contextmanager
    def _asking(self, verb: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            advice = _ADVICE.get(code, "check the address and the policy of these keys")
            kind = _KINDS.get(code, LakeError)
            raise kind(f"s3://{self.name}: cannot {verb} the bucket ({error}); {advice}") from error
        except BotoCoreError as error:
            advice = "check AWS_ENDPOINT_URL_S3, the keys, and that the store responds"
            raise LakeError(f"s3://{self.name}: cannot {verb} the bucket ({error}); {advice}") from error


class NoBucket(LakeError):
    """There is no bucket of this name."""


class _NoLifecycle(LakeError):
    """The bucket has no life cycle at all, which S3 reports as an error."""


_KINDS: Final[Mapping[str, type[LakeError]]] = {
    "404": NoBucket,  # from HEAD, which has no body to say more
    "NoSuchBucket": NoBucket,
    "NoSuchLifecycleConfiguration": _NoLifecycle,
}


def _id(folder: str) -> str:
    return _PREFIX + folder.strip("/")


def _of_others(rules: list[dict[str, Any]], name: str, ours: list[dict[str, Any]]) -> list[dict[str, Any]]:
    replaced = {rule[name] for rule in ours}
    return [rule for rule in rules if rule.get(name) not in replaced]


def _expiry(folder: str, days: int) -> dict[str, Any]:
    kept = {"NewerNoncurrentVersions": _KEPT_VERSIONS} if days > 1 else {}
    return {
        "ID": _id(folder),
        "Status": "Enabled",
        "Filter": {"Prefix": folder},
        "NoncurrentVersionExpiration": {"NoncurrentDays": days, **kept},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _ABORT_DAYS},
    }


def _equal(held: dict[str, Any] | None, wanted: dict[str, Any]) -> bool:
    # MinIO takes the rule about multipart uploads and forgets it: it removes stale ones by itself after a day.
    unsaid = {"AbortIncompleteMultipartUpload": wanted["AbortIncompleteMultipartUpload"]}
    return held is not None and {**unsaid, **held} == wanted


def _notification(folder: str) -> dict[str, Any]:
    return {
        "Id": _id(folder),
        "QueueArn": KAFKA_TARGET,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": folder}]}},
    }


def _announces(rule: dict[str, Any], folder: str) -> bool:
    filters = rule.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    names = {each["Name"].lower(): each["Value"] for each in filters}
    every = "s3:ObjectCreated:*" in rule["Events"] or "s3:ObjectCreated:Put" in rule["Events"]
    return (
        rule["QueueArn"] == KAFKA_TARGET and every and folder.startswith(names.get("prefix", "")) and not names.get("suffix")
    )
