"""The HTTP service as others see it: whether it responds, and of which build its tables are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from martian_moments.operations.platform import find_running
from martian_moments.serving.addresses import service_address
from martian_moments.settings import Settings

_PATIENCE_S: Final = 3.0
"""It responds within milliseconds."""


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """The service.

    Attributes:
        url: where it is.
        responds: whether it does.
        published_at: when the tables that it serves were published (UTC); None where it has none.
        reason: why it does not serve the newest tables; None where it does.
    """

    url: str
    responds: bool
    published_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Health:
    published_at: datetime | None = None
    reason: str | None = None


_HEALTH: Final = TypeAdapter(_Health)


def service_url(settings: Settings) -> str | None:
    """Where the service of this platform is, or None where there is none.

    Of an embedded platform the supervisor says so, as long as it runs; of a deployed one the settings do.
    """
    if settings.deployed:
        return service_address(settings.serve_host, settings.serve_port) if settings.serve else None
    running = find_running(settings.home)
    return running.service_url if running else None


def ask_service(url: str) -> ServiceStatus:
    """What the service says of itself."""
    import httpx

    try:
        # Of this machine, or of one beside it: no proxy, and no certificates, which would take 20 ms to read.
        response = httpx.get(f"{url}/health", timeout=_PATIENCE_S, trust_env=False, verify=False)  # noqa: S501
        health = _HEALTH.validate_json(response.raise_for_status().content)
    except (httpx.HTTPError, ValidationError):
        return ServiceStatus(url, responds=False)
    return ServiceStatus(url, responds=True, published_at=health.published_at, reason=health.reason)


def service_status(settings: Settings) -> ServiceStatus | None:
    """The service of this platform, or None where there is none."""
    url = service_url(settings)
    return None if url is None else ask_service(url)
