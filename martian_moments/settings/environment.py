"""What the environment and the ``.env`` file say, before any of it is a setting. Only the settings and this read them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from martian_moments.infrastructure.redaction import Redaction

ENV_FILE: Final = ".env"
"""In the working directory."""

_OURS: Final = ("MARS_", "AWS_", "SNOWFLAKE_", "POSTGRES_", "REDIS_")
_SECRET_NAME: Final = re.compile(r"PASSWORD|PASSPHRASE|SECRET|TOKEN|KEY$|_PEM$|SASL_OAUTHBEARER_CONFIG", re.IGNORECASE)


def given() -> dict[str, str]:
    """Every variable that has a value, those of the environment before those of the file."""
    try:
        # What is not UTF-8 is refused where settings are made.
        text = Path(ENV_FILE).read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        text = ""
    file = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value for name, value in {**file, **os.environ}.items() if value}


def given_secrets() -> Redaction:
    """What hides every secret that is given, whether it is accepted or not.

    Secrets are the values of keys and passwords, also of those that only dagster.yaml and the services read, and what
    stands in an address before its host; of a webhook everything behind the host.
    """
    return Redaction(_secrets(given()))


def _secrets(values: Mapping[str, str]) -> Iterator[str]:
    for name, value in values.items():
        upper = name.upper()
        if not upper.startswith(_OURS):
            continue
        if _SECRET_NAME.search(upper):
            yield value
        elif "URL" in upper:
            _, _, address = value.partition("://")
            user, _, _ = address.rpartition("@")
            yield user
            yield address.partition("/")[2] if "WEBHOOK" in upper else ""
