"""Services that tests may kill: each test process that needs them starts its own, beside those of ``make services-up``."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from martian_moments_tests.services import Services, services_of
from services.__main__ import beside
from services.compose import Compose
from services.environment import Environment, complete
from services.native import Native


@dataclass(frozen=True)
class MortalServices:
    """Services of this test process alone.

    Attributes:
        at: where they are.
    """

    at: Services
    _environment: Environment
    _how: Native | Compose

    @contextmanager
    def killed(self, name: str) -> Iterator[None]:
        """``kill -9`` for ``objectstore``, ``kafka``, ``postgres`` or ``redis``; back at the end of the block."""
        self._how.kill(name)
        try:
            yield
        finally:
            self._how.up(self._environment)

    def crash(self, name: str) -> None:
        """``kill -9`` as in ``killed``, and back at once."""
        with self.killed(name):
            pass


@pytest.fixture(scope="session")
def mortal_services(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalServices]:
    """Of the same kind as the usual ones, which have to be there: so what starts them is there as well."""
    name = secrets.token_hex(4)
    env_file = tmp_path_factory.mktemp("services") / ".env"
    # A series of ports of its own: while one process has killed a server, another may be looking for ports.
    environment = complete(env_file, series=1 + secrets.randbelow(90))
    how = beside(name, env_file)
    try:
        how.up(environment)
        yield MortalServices(services_of(environment), environment, how)
    finally:
        how.down(volumes=True)
