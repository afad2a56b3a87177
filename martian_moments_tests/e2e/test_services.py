"""The services themselves: what they keep when they are killed, whom they let in, and what they give away."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.exceptions
import psutil
import psycopg2
import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from martian_moments_tests.conftest import REPOSITORY
from martian_moments_tests.mortal_services import MortalServices
from martian_moments_tests.services import Services

pytestmark = pytest.mark.services

NAMES = ("objectstore", "kafka", "postgres", "redis")


class Keepsake:
    """One value in each service, under a name that nothing else uses."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.name = f"kept-{uuid.uuid4().hex}"
        self.kafka = AdminClient({"bootstrap.servers": services.kafka})

    def s3(self, secret_key: str | None = None) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.services.s3_endpoint,
            aws_access_key_id=self.services.s3_access_key,
            aws_secret_access_key=secret_key or self.services.s3_secret_key,
            region_name="us-east-1",
        )

    def redis(self) -> Any:
        return redis.Redis.from_url(self.services.redis_url(), decode_responses=True)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.services.postgres.url())
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    def put(self) -> None:
        self.s3().create_bucket(Bucket=self.name)
        self.s3().put_object(Bucket=self.name, Key="sol", Body=b"890")
        self.redis().set(self.name, "890")
        self.query(f'CREATE TABLE "{self.name}" AS SELECT 890 AS sol')
        self.kafka.create_topics([NewTopic(self.name, 1, 1)])[self.name].result()
        producer = Producer({"bootstrap.servers": self.services.kafka})
        producer.produce(self.name, b"890")
        assert producer.flush(60) == 0

    def found(self) -> dict[str, str]:
        consumer = Consumer({"bootstrap.servers": self.services.kafka, "group.id": self.name, "enable.auto.commit": False})
        consumer.assign([TopicPartition(self.name, 0, 0)])
        message = consumer.poll(60)
        consumer.close()
        return {
            "objectstore": self.s3().get_object(Bucket=self.name, Key="sol")["Body"].read().decode(),
            "kafka": (message.value() or b"").decode() if message is not None and not message.error() else "",
            "postgres": str(self.query(f'SELECT sol FROM "{self.name}"')[0][0]),
            "redis": self.redis().get(self.name),
        }

    def remove(self) -> None:
        self.s3().delete_object(Bucket=self.name, Key="sol")
        self.s3().delete_bucket(Bucket=self.name)
        self.redis().delete(self.name)
        self.query(f'DROP TABLE "{self.name}"')
        self.kafka.delete_topics([self.name])[self.name].result()


@pytest.fixture
def keepsake(mortal_services: MortalServices) -> Iterator[Keepsake]:
    made = Keepsake(mortal_services.at)
    made.put()
    yield made
    made.remove()


@pytest.mark.parametrize("name", NAMES)
def test_what_was_kept_is_there_after_a_kill(keepsake: Keepsake, mortal_services: MortalServices, name: str) -> None:
    mortal_services.crash(name)
    assert keepsake.found() == dict.fromkeys(NAMES, "890")


def test_nobody_enters_without_the_password(services: Services) -> None:
    postgres = services.postgres
    with pytest.raises(redis.exceptions.AuthenticationError):
        redis.Redis(host=services.redis_host, port=services.redis_port).ping()
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(host=postgres.host, port=postgres.port, user=postgres.user, password="", dbname=postgres.database)
    with pytest.raises(botocore.exceptions.ClientError, match="SignatureDoesNotMatch"):
        Keepsake(services).s3(secret_key="another").list_buckets()


def test_no_password_is_on_a_command_line_or_in_a_log(services: Services) -> None:
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    logs = [file.read_text(errors="replace") for file in (REPOSITORY / ".services" / "logs").glob("*.log")]
    assert [text[:80] for text in lines + logs for secret in services.secrets if secret in text] == []


def test_a_topic_is_made_by_init_only(services: Services) -> None:
    name = f"nobody-made-{uuid.uuid4().hex}"
    metadata = AdminClient({"bootstrap.servers": services.kafka}).list_topics(name, timeout=60)
    assert metadata.topics[name].error is not None
    assert name not in AdminClient({"bootstrap.servers": services.kafka}).list_topics(timeout=60).topics
