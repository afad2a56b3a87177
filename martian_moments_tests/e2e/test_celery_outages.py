"""Runs on Celery workers while Redis and PostgreSQL die: no run is lost, stuck or executed twice."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from martian_moments_tests.e2e.stage import Stage, staged
from martian_moments_tests.mortal_services import MortalServices

pytestmark = [pytest.mark.e2e, pytest.mark.services]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, mortal_services: MortalServices) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("cluster"), mortal_services.at, start_seconds=30) as running:
        yield running


def test_a_run_goes_on_while_redis_is_killed_and_what_waits_there_comes_back(
    stage: Stage, patient: tuple[str, int], mortal_services: MortalServices
) -> None:
    run, child = patient
    with mortal_services.killed("redis"):
        waiting = stage.launch("quick")
    assert stage.wait_for_status(waiting, "SUCCESS", "FAILURE") == "SUCCESS"
    assert psutil.pid_exists(child)
    stage.finish_unharmed(run)


def test_a_redis_that_lost_everything_ends_no_run_and_what_waited_there_is_repeated(
    stage: Stage, mortal_services: MortalServices
) -> None:
    run, child = stage.begin_patient_run()
    busy = stage.on.worker_of(child)
    for name in stage.on.worker_names:
        if name != busy:
            stage.on.kill(name)
    waiting = stage.launch("quick")
    stage.wait_for_status(waiting, "STARTING")
    stage.on.lose_everything_in_redis()
    mortal_services.crash("redis")
    stage.start_workers()
    assert stage.wait_for_status(waiting, "SUCCESS", "FAILURE") == "FAILURE"
    assert stage.wait_for_status(stage.retry_of(waiting), "SUCCESS", "FAILURE") == "SUCCESS"
    stage.finish_unharmed(run)


def test_a_run_goes_on_while_postgresql_is_killed(
    stage: Stage, patient: tuple[str, int], mortal_services: MortalServices
) -> None:
    run, child = patient
    mortal_services.crash("postgres")
    # The web interface meets each connection that it has kept once more; the rest opens new ones.
    stage.on.kill("web interface")
    stage.on.up()
    following = stage.launch("quick")
    assert stage.wait_for_status(following, "SUCCESS", "FAILURE") == "SUCCESS"
    assert psutil.pid_exists(child)
    stage.finish_unharmed(run)
