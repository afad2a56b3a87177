"""What Snowflake is sent: logins, statements and staged bytes, by loads and builds, counted by its double.

Credits are paid for the time that the warehouse is awake, and it is woken by statements that compute; the others are
answered by the cloud services alone.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

import dagster as dg

from bench import history_steps
from bench.report import Line
from bench.snowflake_double import FILE, LOGIN
from martian_moments.definitions import build_defs
from martian_moments.defs.assets.models import BY_CONDITION
from martian_moments.operations.baking import bake
from martian_moments.pipelines.load import load
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments.warehouse.base import LEDGER
from martian_moments.warehouse.snowflake_account import SnowflakeAccount
from martian_moments_tests.snowflakes import double

_WITHOUT_WAREHOUSE: Final = frozenset(
    {"show", "describe", "use", "alter", "begin", "commit", "rollback", "put", "comment", "create", "drop"}
)
"""Beginnings of statements that no warehouse executes."""

_QUIET: Final = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent: logins, statements, those of them that a warehouse executes, and bytes put into the stage."""

    logins: int
    statements: int
    computing: int
    staged: int


def measure(*, quick: bool) -> Iterator[Line]:
    """The lines of Snowflake."""
    bake()
    sols = 2 if quick else 150
    with tempfile.TemporaryDirectory() as folder, _double(Path(folder) / "sent.jsonl") as (account, counted):
        home = Path(folder) / "home"
        history_steps.generate(home, str(sols))
        history_steps.hold_back(home)
        settings = Settings.load(home=home, sources=("v1",), warehouse_url="snowflake://", snowflake=account)
        platform = _Platform(Resources(settings))
        steps: list[tuple[str, Callable[[], None]]] = [
            (f"first load of {platform.objects} objects", platform.load),
            ("first build", platform.build),
            ("load of one new sol", lambda: _arrived(home, platform)),
            ("build after it", platform.build),
            ("load without news", platform.load),
            ("build without news", platform.build),
        ]
        for name, step in steps:
            counted()
            step()
            yield from _lines(name, counted())


def _arrived(home: Path, platform: _Platform) -> None:
    history_steps.arrive(home)
    platform.load()


class _Platform:
    """Loads and builds, as the runs of the platform do them."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._instance = dg.DagsterInstance.ephemeral()
        self._definitions = build_defs(resources.settings, resources)

    @property
    def objects(self) -> int:
        """Documents in the lake."""
        return len(self._resources.lake.list())

    def load(self) -> None:
        """Load what bronze does not hold, and publish the ledger."""
        warehouse, published = self._resources.warehouse, self._resources.published
        load(self._resources.lake, warehouse, self._resources.lake.list(), published)
        warehouse.publish(published, [LEDGER])

    def build(self) -> None:
        """All models, as the automation condition asks for them."""
        graph = self._definitions.resolve_asset_graph()
        models = {key for key in graph.materializable_asset_keys if key.path[0] in ("silver", "gold")}
        job = self._definitions.resolve_implicit_global_asset_job_def().get_subset(asset_selection=models)
        # What dbt prints is no line of the benchmark.
        with redirect_stdout(StringIO()) as printed:
            done = job.execute_in_process(
                instance=self._instance, tags={BY_CONDITION: "true"}, run_config=_QUIET, raise_on_error=False
            )
        if not done.success:
            raise RuntimeError(printed.getvalue()[-3_000:])


@contextmanager
def _double(file: Path) -> Iterator[tuple[SnowflakeAccount, Callable[[], Sent]]]:
    """An account on a double, and what was sent to it since that was asked last."""
    file.touch()
    with double("bench.snowflake_double", str(file), log=file.with_name("double.log")) as accounts, file.open() as notes:
        yield accounts(), lambda: _sent(notes.readlines())


def _sent(lines: list[str]) -> Sent:
    notes = [json.loads(line) for line in lines]
    kinds = Counter(str(each["kind"]) for each in notes)
    logins = kinds.pop(LOGIN, 0)
    del kinds[FILE]
    computing = sum(count for kind, count in kinds.items() if kind not in _WITHOUT_WAREHOUSE)
    return Sent(logins, kinds.total(), computing, sum(int(each.get("bytes", 0)) for each in notes))


def _lines(what: str, sent: Sent) -> Iterator[Line]:
    without_news = what == "build without news"
    yield Line(name=f"{what}: logins", ours=sent.logins, unit="", at_most=1 if without_news else None)
    yield Line(name=f"{what}: statements", ours=sent.statements, unit="", at_most=1 if without_news else None)
    yield Line(name=f"{what}: of these for the warehouse", ours=sent.computing, unit="")
    if sent.staged:
        yield Line(name=f"{what}: staged", ours=sent.staged / 1e3, unit="kB")
