"""A replica inside this process, for tests and the demo: started, steered, and stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import FaultPlan
from martian_moments.replica.server import build_server, listen

_START_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Control:
    """The controls of a running replica, in this process or another. No proxy of the environment comes between."""

    base_url: str

    def faults(self, plan: FaultPlan) -> None:
        """Misbehave by this plan from now on."""
        self._post("/control/faults", plan.to_json())

    def release(self, *, sols: int = 0, photos: bool = False) -> None:
        """Let so many withheld sols appear, and the withheld photos."""
        self._post("/control/late", {"sols": sols, "photos": photos})

    def release_everything(self) -> None:
        """Let everything appear that was withheld."""
        self._post("/control/late", {})

    def requests(self) -> dict[str, Any]:
        """``{"total", "paths": {path and query: count}, "faults": {kind: count}}`` since the last reset."""
        return dict(httpx.get(f"{self.base_url}/control/requests", trust_env=False).raise_for_status().json())

    def reset_counters(self) -> None:
        """Count from zero again."""
        self._post("/control/reset-counters", {})

    def truth(self) -> dict[str, Any]:
        """What a complete history holds now (see truth.py)."""
        return dict(httpx.get(f"{self.base_url}/truth", timeout=60, trust_env=False).raise_for_status().json())

    def ids(self, source: str, rover: str) -> dict[int, list[str]]:
        """The ids that a source gives the photos of a rover, by sol."""
        response = httpx.get(
            f"{self.base_url}/truth/ids", params={"source": source, "rover": rover}, timeout=60, trust_env=False
        )
        return {int(sol): ids for sol, ids in response.raise_for_status().json().items()}

    def observations(self, source: str, rover: str) -> list[dict[str, Any]]:
        """What a rover observed, as a source has it (see truth.py)."""
        response = httpx.get(
            f"{self.base_url}/truth/observations", params={"source": source, "rover": rover}, timeout=60, trust_env=False
        )
        return list(response.raise_for_status().json())

    def pictures(self, source: str, rover: str, sol: int) -> dict[str, Any]:
        """The truth about the pictures of a sol, as a source has them, by photo_key (see truth.py)."""
        query: dict[str, str | int] = {"source": source, "rover": rover, "sol": sol}
        response = httpx.get(f"{self.base_url}/truth/pictures", params=query, timeout=60, trust_env=False)
        return dict(response.raise_for_status().json())

    def _post(self, path: str, content: dict[str, Any]) -> None:
        httpx.post(f"{self.base_url}{path}", json=content, trust_env=False).raise_for_status()


@dataclass(frozen=True, slots=True)
class RunningReplica:
    """A replica that responds."""

    base_url: str

    @property
    def v1_url(self) -> str:
        """The value for MARS_V1_URL."""
        return f"{self.base_url}/api/v1"

    @property
    def m20_url(self) -> str:
        """The value for MARS_M20_URL."""
        return f"{self.base_url}/rss/api/"

    @property
    def msl_url(self) -> str:
        """The value for MARS_MSL_URL."""
        return f"{self.base_url}/api/v1/raw_image_items/"

    @property
    def mmgis_url(self) -> str:
        """The value for MARS_MMGIS_URL."""
        return f"{self.base_url}/mmgis-maps"

    @property
    def pds_url(self) -> str:
        """The value for MARS_PDS_URL."""
        return f"{self.base_url}/img"

    @property
    def mer_traverse_url(self) -> str:
        """The value for MARS_MER_TRAVERSE_URL."""
        return f"{self.base_url}/mer"

    @property
    def addresses(self) -> dict[str, str]:
        """Every address of it, by the name of its setting."""
        return {
            "v1_url": self.v1_url,
            "m20_url": self.m20_url,
            "msl_url": self.msl_url,
            "mmgis_url": self.mmgis_url,
            "pds_url": self.pds_url,
            "mer_traverse_url": self.mer_traverse_url,
        }

    @property
    def control(self) -> Control:
        """Its controls."""
        return Control(self.base_url)


@contextmanager
def running(config: ReplicaConfig, host: str = "127.0.0.1", port: int = 0) -> Iterator[RunningReplica]:
    """A replica in a thread of this process, stopped at the end of the block.

    A client in the same process shares the interpreter with it; measure speed against ``serve`` in a process of its own.
    """
    sock, base_url = listen(host, port)
    ready = threading.Event()
    with sock:
        server = build_server(config, ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="replica", daemon=True)
        thread.start()
        try:
            if not ready.wait(_START_SECONDS):
                raise TimeoutError(f"the replica on {base_url} did not start within {_START_SECONDS} s")
            yield RunningReplica(base_url)
        finally:
            server.should_exit = True
            thread.join()
