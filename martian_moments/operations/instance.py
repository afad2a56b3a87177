"""The platform's Dagster instance, embedded or deployed: opened as it is, or made ready."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from dagster import DagsterInstance, DagsterInvalidConfigError
from dotenv import load_dotenv

from martian_moments.domain.errors import BookkeepingError, PlatformDown, SettingsError
from martian_moments.events.sqlite_file import is_damage
from martian_moments.infrastructure.space import require_least
from martian_moments.settings import Settings
from martian_moments.settings.environment import ENV_FILE

INSTANCE_CONFIG: Final = Path(__file__).with_name("dagster.yaml")
"""The dagster.yaml of an embedded platform; ``dagster dev`` finds it through the link at the root of the repository.

That of a deployed platform is where its DAGSTER_HOME is.
"""

_PREPARED: Final = "prepared"
"""Written when the embedded databases exist: who opens them while they are being created meets half of them."""


@contextmanager
def open_instance(settings: Settings) -> Iterator[DagsterInstance]:
    """The Dagster instance that the settings name, as it is.

    Before the first start of an embedded platform there is none; then what is given is empty and forgets. Also while the
    first start creates it.

    Raises:
        SettingsError: a deployed platform's dagster.yaml is missing, or a value that it takes from the environment is.
        PlatformDown: a deployed platform's storage does not respond.
        DiskFull: an embedded platform's disk has no room to open it.
        BookkeepingError: the storage refused something, now or inside the block.
    """
    home = settings.instance_home
    with storage_errors(home):
        if not instance_exists(settings):
            with DagsterInstance.local_temp() as instance:
                yield instance
            return
        if not settings.deployed:
            require_least(home)
            if _missing_module(home / "dagster.yaml"):
                # That of another release: nothing of it runs here any more.
                shutil.copyfile(INSTANCE_CONFIG, home / "dagster.yaml")
        with _deployed(home) if settings.deployed else _opened(home) as instance:
            yield instance


@contextmanager
def storage_errors(dagster_home: Path) -> Iterator[None]:
    """Whatever Dagster's storage raises inside the block as BookkeepingError."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        cause = error.orig if isinstance(error, DBAPIError) else None
        advice = "check that its disk has space and that this user may write there, or that its server responds"
        if isinstance(cause, sqlite3.DatabaseError) and is_damage(cause):
            advice = (
                f"it is damaged: stop the platform, delete {dagster_home} and start again. The history of runs is lost; "
                "everything else returns (docs/operations.md)"
            )
        raise BookkeepingError(
            f"Dagster's storage, as {dagster_home / 'dagster.yaml'} names it, failed ({_first_line(error)}); {advice}"
        ) from error


def instance_exists(settings: Settings) -> bool:
    """Whether there is an instance to open: a deployed platform's is there, an embedded one's since its first start."""
    return settings.deployed or (settings.instance_home / _PREPARED).is_file()


@contextmanager
def prepare_instance(dagster_home: Path, *, instance_config: Path, pools: Mapping[str, int]) -> Iterator[DagsterInstance]:
    """The Dagster instance of an embedded platform, made where it is missing, with its pool limits set.

    Args:
        dagster_home: its DAGSTER_HOME.
        instance_config: the dagster.yaml to use; copied to DAGSTER_HOME.
        pools: limits to set in the instance, by pool.

    Raises:
        OSError: the folder cannot be made.
        DiskFull: its disk has no room to open it.
        BookkeepingError: the storage refused something, now or inside the block.
    """
    require_least(dagster_home)
    dagster_home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(instance_config, dagster_home / "dagster.yaml")
    with storage_errors(dagster_home), _opened(dagster_home) as instance:
        set_pools(instance, pools)
        (dagster_home / _PREPARED).touch()
        yield instance


def _missing_module(instance_config: Path) -> str | None:
    """The first module that a dagster.yaml names and that is not installed here; None when all are.

    Raises:
        SettingsError: it is not YAML.
    """
    import yaml

    try:
        waiting = [yaml.safe_load(instance_config.read_bytes())]
    except yaml.YAMLError as error:
        raise SettingsError(f"{instance_config} is not YAML; that of this release is deploy/dagster.yaml") from error
    while waiting:
        match waiting.pop():
            case {"module": str(module), **others}:
                if not _is_installed(module):
                    return module
                waiting += others.values()
            case dict() as section:
                waiting += section.values()
    return None


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def set_pools(instance: DagsterInstance, pools: Mapping[str, int]) -> None:
    """Set the limits of pools, which are rows of Dagster's storage."""
    for pool, limit in pools.items():
        instance.event_log_storage.set_concurrency_slots(pool, limit)


def _opened(dagster_home: Path) -> DagsterInstance:
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    return DagsterInstance.get()


def _deployed(dagster_home: Path) -> DagsterInstance:
    from dagster_postgres.utils import DagsterPostgresException
    from sqlalchemy.exc import SQLAlchemyError

    if not (dagster_home / "dagster.yaml").is_file():
        # Dagster would make an empty instance of its own there.
        raise SettingsError(f"MARS_DAGSTER_HOME={dagster_home} has no dagster.yaml; copy deploy/dagster.yaml there")
    if missing := _missing_module(dagster_home / "dagster.yaml"):
        raise SettingsError(
            f"{dagster_home / 'dagster.yaml'} names {missing}, which is not installed here; that of this release is "
            "deploy/dagster.yaml"
        )
    # dagster.yaml takes values from the environment, and Dagster reads no .env.
    load_dotenv(ENV_FILE, encoding="utf-8-sig")
    try:
        return _opened(dagster_home)
    except DagsterInvalidConfigError as error:
        reasons = "; ".join(each.message for each in error.errors) or str(error)
        raise SettingsError(f"{dagster_home / 'dagster.yaml'} is not usable: {reasons}") from error
    except (DagsterPostgresException, SQLAlchemyError) as error:
        where = f"{os.environ.get('POSTGRES_HOST')}:{os.environ.get('POSTGRES_PORT')}"
        raise PlatformDown(f"Dagster's storage, PostgreSQL at {where}, does not respond ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    reason = error.__cause__ or error
    return str(getattr(reason, "orig", reason)).partition("\n")[0]
