"""Definitions for the tests of launcher and supervisor: runs that wait for a file, and a sensor that shows its pulse.

Everything happens in the folder SCRATCH: an execution of ``patient`` or ``stubborn`` appends its pid to ``<asset>.started``
and ends when ``<asset>.go`` exists.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import dagster as dg
import psutil

from martian_moments.defs.sensors.retry_sensor import retry_sensor

SCRATCH = Path(os.environ["SCRATCH"])


def _wait_for_go(name: str) -> None:
    with (SCRATCH / f"{name}.started").open("a") as started:
        started.write(f"{os.getpid()}\n")
    while not (SCRATCH / f"{name}.go").exists():
        time.sleep(0.05)


@dg.asset
def quick() -> None:
    """Says something and ends."""
    print("quick was here")


@dg.asset
def failing() -> None:
    """Fails on its own terms."""
    raise dg.Failure("on purpose")


@dg.asset(pool="scratch")
def patient() -> None:
    """Waits, one at a time."""
    _wait_for_go("patient")


@dg.asset
def stubborn() -> None:
    """Waits, and does not listen to interrupts."""
    while not (SCRATCH / "stubborn.go").exists():
        try:
            _wait_for_go("stubborn")
        except BaseException:  # noqa: BLE001 - this is what it is for
            continue


@dg.asset(pool="scratch")
def alone() -> None:
    """Fails when another execution of it is under way."""
    lock = SCRATCH / "alone.lock"
    if lock.exists() and psutil.pid_exists(int(lock.read_text())):
        raise dg.Failure(f"at the same time as process {lock.read_text()}")
    lock.write_text(str(os.getpid()))
    time.sleep(1.5)
    lock.unlink()


@dg.sensor(asset_selection=["quick"], minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def pulse() -> dg.SkipReason:
    """Counts its evaluations."""
    with (SCRATCH / "pulse").open("a") as beats:
        beats.write(f"{os.getpid()}\n")
    return dg.SkipReason("only a pulse")


ASSETS = (quick, failing, patient, stubborn, alone)

defs = dg.Definitions(
    assets=ASSETS,
    jobs=[dg.define_asset_job(f"{asset.key.path[0]}_job", [asset]) for asset in ASSETS],
    sensors=[pulse, retry_sensor()],
    executor=dg.in_process_executor,
)
