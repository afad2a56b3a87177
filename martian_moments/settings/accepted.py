"""What settings accept: each function returns the value, or raises a ValueError that says what would be accepted.

No message repeats a value, because an address may hold a password; the settings show those that do not.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult

from martian_moments.domain.errors import EventLogError
from martian_moments.events.kafka_config import KafkaAddress
from martian_moments.infrastructure.addresses import path_of, server_of, taken_apart

_WEB: Final = ("http://host", "https://host")


def absolute(path: Path) -> Path:
    """The path of a folder or file, from the root on."""
    try:
        str(path).encode()
        return path.expanduser().absolute()
    except UnicodeEncodeError:
        raise ValueError("the names of files and folders have to be UTF-8") from None
    except RuntimeError:
        raise ValueError("there is no such user, or none with a home folder") from None


def lake_address(url: str) -> str:
    """``file:///folder`` or ``s3://bucket``."""
    accepted = "use file:///folder or s3://bucket"
    match _scheme(url):
        case "file":
            _file(url, accepted)
        case "s3":
            _without_user(url, "the AWS_* settings")
            parts = taken_apart(url)
            if not parts.netloc:
                raise ValueError(accepted)
            if parts.path.strip("/") or parts.query or parts.fragment:
                raise ValueError("use s3://bucket: a lake has its bucket to itself, upload events name whole keys")
        case _:
            raise ValueError(accepted)
    return url


def events_address(url: str) -> str:
    """``sqlite:///file`` or ``kafka://host:port,host:port[/prefix]``."""
    accepted = "use sqlite:///file or kafka://host:port,host:port"
    match _scheme(url):
        case "sqlite":
            _file(url, accepted)
        case "kafka":
            _without_user(url, "MARS_KAFKA_SASL_USERNAME and MARS_KAFKA_SASL_PASSWORD")
            try:
                KafkaAddress.parse(url)
            except EventLogError as error:
                raise ValueError(str(error)) from None
        case _:
            raise ValueError(accepted)
    return url


def warehouse_address(url: str) -> str:
    """``duckdb:///file`` or ``snowflake://``, whose account the SNOWFLAKE_* settings name."""
    accepted = "use duckdb:///file or snowflake://"
    if _scheme(url) == "duckdb":
        _file(url, accepted)
        if "?" in str(path_of(url).parent):
            raise ValueError("DuckDB puts a part of its file elsewhere when the name of a folder has a question mark")
    elif url != "snowflake://":
        raise ValueError(f"{accepted}; the account is named by the SNOWFLAKE_* settings")
    return url


def web_address(url: str) -> str:
    """Where a web service's paths begin: no query and no fragment, because what is asked for follows."""
    parts = _server(url, *_WEB)
    if parts.query or parts.fragment or url[-1:] in {"?", "#"}:
        raise ValueError(f"use {' or '.join(_WEB)}, without a query (?) and a fragment (#): the platform adds its own")
    return url


def endpoint(url: str) -> str:
    """The address of an object store, without keys, path or query."""
    _without_user(url, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    parts = _server(url, "http://host:port", "https://host")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("use http://host:port or https://host, without a path; the bucket stands in MARS_LAKE_URL")
    return url


def redis_address(url: str) -> str:
    """``redis://:password@host:port/0``, or ``rediss://`` with Celery's options for TLS as its query."""
    example = "redis://:password@host:port/0"
    parts = _server(url, example, "rediss://…")
    if parts.fragment or not re.fullmatch(r"/?\d*", parts.path):
        raise ValueError(f"use {example}: behind the host stands the number of a database")
    return url


def webhook(url: str) -> str:
    """Any web address; it is a secret as a whole."""
    _server(url, *_WEB)
    return url


def _scheme(url: str) -> str:
    return url.partition(":")[0].lower()


def _file(url: str, accepted: str) -> None:
    try:
        path_of(url)
    except ValueError as error:
        raise ValueError(f"{accepted}; {error}") from None


def _without_user(url: str, instead: str) -> None:
    if "@" in url:
        raise ValueError(f"an address holds no user and no password; they go into {instead}")


def _server(url: str, *examples: str) -> SplitResult:
    accepted = f"use {' or '.join(examples)}"
    schemes = {_scheme(example) for example in examples}
    if _scheme(url) not in schemes or "://" not in url:
        raise ValueError(accepted)
    try:
        return server_of(url)
    except ValueError as error:
        raise ValueError(f"{accepted}; {error}") from None
