"""Definitions for the tests of launcher and supervisor: runs that wait for a file, and a sensor that shows its pulse.

Everything happens in the folder SCRATCH: a run of ``patient`` or ``stubborn`` appends its pid to ``<run>.started``. It ends
when ``<run>.go`` exists, and so do its repetitions: one that an earlier test left behind holds up no later test.
"""

import os
import time
from pathlib import Path

import dagster as dg
import psutil

from martian_moments.defs.sensors.retry_sensor import retry_sensor

SCRATCH = Path(os.environ["SCRATCH"])


def _wait_for_go(run: dg.DagsterRun) -> None:
    with (SCRATCH / f"{run.run_id}.started").open("a") as started:
        started.write(f"{os.getpid()}\n")
    go = SCRATCH / f"{run.root_run_id or run.run_id}.go"
    while not go.exists():
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
def patient(context: dg.AssetExecutionContext) -> None:
    """Waits, one at a time."""
    _wait_for_go(context.run)


@dg.asset
def stubborn(context: dg.AssetExecutionContext) -> None:
    """Waits, and does not listen to interrupts."""
    while True:
        try:
            return _wait_for_go(context.run)
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
