"""Secrets on their way to who needs them."""

from __future__ import annotations

from pydantic import SecretStr


def revealed(secret: SecretStr | None) -> str | None:
    """The value of a secret, for who signs or logs in with it; None where there is none."""
    return secret.get_secret_value() if secret else None
