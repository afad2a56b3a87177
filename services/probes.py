"""Whether a service really responds, asked as its clients ask: with the password, over its own protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import httpx
import redis

from services.environment import DATABASE, HOST, Environment, is_free
from services.errors import ServicesError

_SECONDS: Final = 5


def _objectstore(environment: Environment) -> bool:
    """The object store is up and can be written to."""
    try:
        return httpx.get(f"{environment.endpoint}/minio/health/cluster", timeout=_SECONDS).is_success
    except httpx.TransportError:
        return False


def _kafka(environment: Environment) -> bool:
    """A broker describes the cluster, and names itself by the address that was asked."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    # librdkafka prints a line for each refused connection.
    if is_free(environment.kafka_port):
        return False
    client = AdminClient({"bootstrap.servers": f"{HOST}:{environment.kafka_port}", "log_level": 0})
    try:
        brokers = client.list_topics(timeout=_SECONDS).brokers.values()
    except KafkaException:
        return False
    return [broker.port for broker in brokers] == [environment.kafka_port]


def _postgres(environment: Environment) -> bool:
    """The user can log in to the database.

    Raises:
        ServicesError: the password is refused.
    """
    import psycopg2

    try:
        psycopg2.connect(
            host=HOST,
            port=environment.postgres_port,
            user=DATABASE,
            password=environment.postgres_password,
            dbname=DATABASE,
            connect_timeout=_SECONDS,
        ).close()
    except psycopg2.OperationalError as error:
        if "password authentication failed" in str(error):
            raise ServicesError(
                "postgres refuses the POSTGRES_PASSWORD of .env: its data was made with another one. "
                "Put that back, or start empty: make services-down ARGS=--volumes"
            ) from None
        return False
    return True


def _redis(environment: Environment) -> bool:
    """Redis responds to a PING with the password, and has read its data."""
    client = redis.Redis(
        host=HOST, port=environment.redis_port, password=environment.redis_password, socket_timeout=_SECONDS
    )
    try:
        return bool(client.ping())
    except redis.exceptions.RedisError:
        return False
    finally:
        client.close()


PROBES: Final[Mapping[str, Callable[[Environment], bool]]] = {
    "objectstore": _objectstore,
    "kafka": _kafka,
    "postgres": _postgres,
    "redis": _redis,
}
"""By service. Each returns whether it serves its clients; PostgreSQL's raises ServicesError when the password is refused."""
