"""The env file: passwords and ports of the services, shared with docker compose and the platform's own settings."""

from __future__ import annotations

import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from dotenv import dotenv_values

from services.errors import ServicesError

HOST: Final = "127.0.0.1"
"""Everything listens on loopback only."""

DATABASE: Final = "dagster"
"""The name of PostgreSQL's user and of its database."""

_PORTS: Final = {"MINIO_PORT": 9000, "KAFKA_PORT": 9092, "POSTGRES_PORT": 5432, "REDIS_PORT": 6379}
_PASSWORDS: Final = ("AWS_SECRET_ACCESS_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD")
_IN_AN_ADDRESS: Final = re.compile(r"[A-Za-z0-9._~-]+")
_ACCESS_KEY: Final = "AWS_ACCESS_KEY_ID"
_ENDPOINT: Final = "AWS_ENDPOINT_URL_S3"

NAMES: Final = (_ACCESS_KEY, *_PASSWORDS, *_PORTS, _ENDPOINT)
"""What the services need in the environment, and nothing else of it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where each service listens on loopback, and what it is entered with.

    Attributes:
        access_key: user name of the object store's root.
        secret_key: its password.
        postgres_password: of the user ``dagster``, who owns the database ``dagster``.
        redis_password: of Redis' default user.
    """

    minio_port: int
    kafka_port: int
    postgres_port: int
    redis_port: int
    access_key: str
    secret_key: str = field(repr=False)
    postgres_password: str = field(repr=False)
    redis_password: str = field(repr=False)

    @property
    def endpoint(self) -> str:
        """The object store's address."""
        return f"http://{HOST}:{self.minio_port}"

    @classmethod
    def of(cls, values: Mapping[str, str | None]) -> Self:
        """The services that these variables describe.

        Raises:
            ServicesError: a variable is missing, a port is no number, or the endpoint is not the object store's own.
        """
        if absent := [name for name in NAMES if not values.get(name)]:
            raise ServicesError(f"not set: {', '.join(absent)}; make services-up writes them to .env")
        given = {name: values[name] or "" for name in NAMES}
        if not _IN_AN_ADDRESS.fullmatch(given["REDIS_PASSWORD"]):
            raise ServicesError(
                "REDIS_PASSWORD is not accepted: use letters, digits, and - . _ ~ only, because docker-compose.yml pastes "
                "it into the address of the workers' Redis; delete the line, and make services-up writes a new one"
            )
        found = cls(
            **{name.lower(): _port(name, given[name]) for name in _PORTS},
            access_key=given[_ACCESS_KEY],
            secret_key=given["AWS_SECRET_ACCESS_KEY"],
            postgres_password=given["POSTGRES_PASSWORD"],
            redis_password=given["REDIS_PASSWORD"],
        )
        if given[_ENDPOINT].rstrip("/") != found.endpoint:
            raise ServicesError(
                f"{_ENDPOINT} is {given[_ENDPOINT]}, another object store than {found.endpoint} of MINIO_PORT: "
                "set it to that in .env, or keep the settings of the other store in another checkout"
            )
        return found


def complete(file: Path, *, series: int = 0) -> Environment:
    """Reads the env file, after adding what it lacks: random passwords, and the usual ports or free ones.

    What it says is never changed; nobody but the owner can read it afterwards.

    Args:
        file: made where it is missing.
        series: added to the usual ports, for services beside the usual ones.

    Raises:
        ServicesError: it has the keys of an object store of someone else's, or a wrong value.
    """
    try:
        values = dotenv_values(file, interpolate=False, encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ServicesError(f"{file} is not UTF-8; save it in that encoding") from None
    if values.get("AWS_SECRET_ACCESS_KEY") and not values.get("MINIO_PORT"):
        raise ServicesError(
            f"{file} has AWS_SECRET_ACCESS_KEY, but no MINIO_PORT: these keys belong to another object store. "
            "Keep them in another checkout; make services-up makes its own"
        )
    added = {name: value for name, value in _defaults(values, series).items() if not values.get(name)}
    if added:
        before = file.read_text() if file.exists() else ""
        separator = "\n" if before and not before.endswith("\n") else ""
        _replace(file, before + separator + "".join(f"{name}={value}\n" for name, value in added.items()))
    file.chmod(0o600)
    return Environment.of(values | added)


def _defaults(values: Mapping[str, str | None], series: int) -> dict[str, str]:
    passwords = {name: secrets.token_urlsafe(24) for name in _PASSWORDS}
    ports = {name: values.get(name) or str(free_port(usual + series)) for name, usual in _PORTS.items()}
    endpoint = f"http://{HOST}:{ports['MINIO_PORT']}"
    return {_ACCESS_KEY: "mars", **passwords, **ports, _ENDPOINT: endpoint}


def free_port(usual: int) -> int:
    """This port, or else the next one in steps of 100 on which nothing listens.

    Never one that the system would pick: those are also given to outgoing connections, so a client that keeps asking for a
    killed server could be given the server's own port.

    Raises:
        ServicesError: all are taken.
    """
    for port in range(usual, usual + 5_000, 100):
        if is_free(port):
            return port
    raise ServicesError(f"no port is free on {HOST} in steps of 100 from {usual}")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address."""
    with socket.socket() as server:
        # As servers do, so that connections which have just been closed do not count.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, port))
        except OSError:
            return False
        return True


def _port(name: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:  # noqa: PLR2004
        raise ServicesError(f"{name}={text!r} is not accepted: use a port number, 1 to 65535")
    return int(text)


def _replace(file: Path, text: str) -> None:
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(text)
    part.replace(file)
