"""The upstream of the benchmarks: a replica in a process of its own, which responds from memory."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from martian_moments.nasa.v1 import manifest_address, photos_address
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import FaultPlan
from martian_moments.replica.running import Control, RunningReplica
from martian_moments.replica.server import serve

ROVER: Final = "curiosity"
_START_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Upstream:
    """A replica that has generated every response once.

    Attributes:
        replica: its addresses.
        sols: its sols with photos.
        photos: how many photos they have.
    """

    replica: RunningReplica
    sols: tuple[int, ...]
    photos: int

    def latency(self, milliseconds: float) -> None:
        """Delay every response from now on."""
        Control(self.replica.base_url).faults(FaultPlan(latency_ms=milliseconds))


@contextmanager
def upstream(sols: int) -> Iterator[Upstream]:
    """A replica of Curiosity's first sols with photos, with their real counts where the recorded manifest is at hand."""
    with replica_process(ReplicaConfig(rovers=(ROVER,), sols=sols, counts=real_counts())) as replica:
        manifest = httpx.get(manifest_address(replica.v1_url, ROVER), trust_env=False).json()["photo_manifest"]
        rows = [(row["sol"], row["total_photos"]) for row in manifest["photos"]]
        with httpx.Client(trust_env=False) as client:
            for sol, _ in rows:
                client.get(photos_url(replica.v1_url, sol)).raise_for_status()
        yield Upstream(replica, tuple(sol for sol, _ in rows), sum(photos for _, photos in rows))


@contextmanager
def replica_process(config: ReplicaConfig) -> Iterator[RunningReplica]:
    """A replica in a process of its own, stopped at the end of the block."""
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=serve, args=(config,), kwargs={"on_ready": sender.send}, daemon=True)
    process.start()
    try:
        if not receiver.poll(_START_SECONDS):
            raise RuntimeError(f"the replica did not start within {_START_SECONDS} s")
        yield RunningReplica(receiver.recv())
    finally:
        process.terminate()
        process.join()


def photos_url(v1_url: str, sol: int) -> str:
    """The address of a sol's photos."""
    return f"{photos_address(v1_url, ROVER)}?sol={sol}"


def real_counts() -> Path | None:
    """The folder of recorded payloads, whose manifests give the real counts; None where there is none."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "real"
    folder = Path(os.environ.get("MARS_REAL_PAYLOADS", beside))
    return folder if folder.is_dir() else None
