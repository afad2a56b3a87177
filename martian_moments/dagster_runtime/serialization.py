"""Dagster's way to write its own values as text: asset keys, automation conditions, metadata. It is not exported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg
from dagster._check import CheckError
from dagster._serdes import deserialize_value, serialize_value
from dagster_shared.serdes.errors import DeserializationError

UNREADABLE: Final = (DeserializationError, dg.DagsterError, CheckError, ValueError, KeyError, TypeError)
"""What damaged or outdated text may raise: when it is read, and when objects of Dagster are made of what was read."""


def to_text(values: Mapping[str, Any]) -> str:
    """Values as text of JSON."""
    return serialize_value(values)


def from_text(text: str) -> Mapping[str, Any]:
    """The values in a text of :func:`to_text`; raises one of :data:`UNREADABLE` for any other."""
    return deserialize_value(text, dict)
