"""A log with topics of its own on the real Kafka for each test that needs one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient

from martian_moments.events.kafka_config import KafkaAddress
from martian_moments.events.open import open_log
from martian_moments_tests.services import Services


@pytest.fixture
def no_topics(services: Services) -> Iterator[str]:
    """The address of a log whose topics do not exist; they are removed when the test has ended."""
    url = new_log(services)
    yield url
    prefix = KafkaAddress.parse(url).prefix
    admin = AdminClient({"bootstrap.servers": services.kafka})
    if made := [name for name in admin.list_topics(timeout=10).topics if name.startswith(f"{prefix}.")]:
        for removal in admin.delete_topics(made).values():
            removal.result()


def new_log(services: Services) -> str:
    """The address of a log whose topics do not exist."""
    return f"kafka://{services.kafka}/mars-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def topics(no_topics: str) -> str:
    """The address of a log with every topic, and nothing in them."""
    log = open_log(no_topics)
    log.ensure()
    log.close()
    return no_topics
