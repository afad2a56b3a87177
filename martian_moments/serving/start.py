"""The start of the service: the tables are copied and prepared while the application is imported."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

from martian_moments.domain.errors import PlatformFailed
from martian_moments.infrastructure.without_pandas import do_without_pandas
from martian_moments.resources import Resources
from martian_moments.serving.addresses import names_of, service_address
from martian_moments.serving.preparations import PREPARATIONS
from martian_moments.serving.snapshots import Snapshots
from martian_moments.settings.environment import given_secrets


def serve(resources: Resources, *, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; call it from the main thread.

    Args:
        resources: what the settings name.
        on_ready: gets the address as soon as it responds.

    Raises:
        PlatformFailed: the address cannot be listened on.
    """
    do_without_pandas()
    settings = resources.settings
    host = settings.serve_host
    with listening(host, settings.serve_port) as sock, suppress(KeyboardInterrupt):
        snapshots = Snapshots(resources.published, PREPARATIONS)
        snapshots.start()
        # Its thread works while this one imports, for as long: the import stands here.
        from martian_moments.serving.app import create_app
        from martian_moments.serving.server import Server

        app = create_app(
            snapshots,
            lake=resources.lake,
            published=resources.published,
            hosts=(*settings.serve_allowed_hosts, *names_of(host)),
            redaction=given_secrets(),
        )
        Server(app, lambda: on_ready(service_address(host, sock.getsockname()[1]))).run(sockets=[sock])


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 picks a free one. Raises PlatformFailed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise PlatformFailed(
            f"port {port} on {host} cannot be used ({error.strerror or error}); stop what uses it, or set MARS_SERVE_PORT "
            "to another one (0 picks a free one) and MARS_SERVE_HOST to an address of this machine"
        ) from error
