"""The current snapshot, and the thread that looks for the next build and makes it ready before anybody sees it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Final, Self

from martian_moments.domain.backoff import Backoff
from martian_moments.domain.errors import MartianError, NotReady, ServingError
from martian_moments.serving.private import private_folder
from martian_moments.serving.snapshot import Preparation, Snapshot, build_of, take_snapshot
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published

_log = logging.getLogger(__name__)

_POLL_S: Final = 1.0
_FAILURES: Final = Backoff(first=1.0, longest=15.0)
"""Between two looks after one failed: a damaged table is not copied every second."""

_RETRY_S: Final = 5
_NOTHING: Final = (
    "nothing is published yet; martian-moments up publishes the tables after its first build, some minutes after its start"
)

_UNREADABLE: Final = "the published tables cannot be read now; the log of the service says why (martian-moments doctor)"


class Snapshots:
    """The source of the service. Used as a context, it looks for new builds until it is left."""

    def __init__(self, published: Published, preparations: Sequence[Preparation] = ()) -> None:
        """Nothing is read yet."""
        self._published = published
        self._preparations = tuple(preparations)
        self._current: Snapshot | None = None
        self._reason: ServingError = NotReady("the service has just started", retry_after_s=1)
        self._failures = 0
        self._numbers = count(1)
        self._stopping = threading.Event()
        self._looked = threading.Event()
        self._looking = threading.Lock()
        self._folder: Path | None = None
        self._closing = ExitStack()

    def start(self) -> None:
        """Start to look, if it does not yet; the first snapshot comes soon after (see :meth:`wait`)."""
        if self._folder is not None:
            return
        self._folder = self._closing.enter_context(private_folder())
        watcher = threading.Thread(target=self._watch, name="snapshots", daemon=True)
        self._closing.callback(self._drop)
        self._closing.callback(watcher.join)
        self._closing.callback(self._stopping.set)
        watcher.start()

    def __enter__(self) -> Self:
        """As :meth:`start`."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to look, and remove every copy."""
        self._closing.close()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it has looked for the first time; whether it has."""
        return self._looked.wait(timeout_s)

    @property
    def reason(self) -> str | None:
        """Why the newest build is not the current snapshot, None where it is."""
        return None if self._current is not None and self._failures == 0 else str(self._reason)

    @property
    def current_build(self) -> str | None:
        """The build of the current snapshot; None where there is none."""
        return None if (current := self._current) is None else current.build

    def take(self) -> Snapshot:
        """The current snapshot, to be released by the caller.

        Raises:
            NotReady: there is none, and why.
        """
        while (current := self._current) is not None:
            if current.take():
                return current
        raise NotReady(str(self._reason), retry_after_s=self._reason.retry_after_s)

    @contextmanager
    def lease(self) -> Iterator[Snapshot]:
        """The current snapshot, which stays as it is while the block lasts. Raises NotReady as :meth:`take`."""
        snapshot = self.take()
        try:
            yield snapshot
        finally:
            snapshot.release()

    def look(self) -> None:
        """Look once for a new build, and make it the current one. It has been started.

        Raises:
            NotReady: there is none that can be read.
            WarehouseError: the store refuses or fails.
        """
        with self._looking:
            manifest = self._published.manifest()
            if manifest is None or not manifest.tables or self._folder is None:
                raise NotReady(_NOTHING, retry_after_s=_RETRY_S)
            tables = published_models()
            build, before = build_of(manifest, tables), self._current
            if before is not None and before.build == build:
                return
            folder = self._folder / str(next(self._numbers))
            self._current = take_snapshot(
                self._published, manifest, tables, folder, preparations=self._preparations, before=before
            )
            if before is not None:
                before.release()
        _log.info("build %s of %s", build, manifest.published_at)

    def _watch(self) -> None:
        while True:
            try:
                self.look()
                self._failures = 0
            except MartianError as error:
                self._note(error)
            except Exception as error:  # noqa: BLE001 - logged, and looked at again
                # The current snapshot goes on; of those who ask nobody may see what a library says.
                _log.exception("the newest build cannot be read")
                self._note(MartianError(type(error).__name__))
            self._looked.set()
            if self._stopping.wait(_FAILURES.delay(self._failures) if self._failures else _POLL_S):
                return

    def _note(self, error: MartianError) -> None:
        self._failures += 1
        if self._failures == 1:
            _log.warning("%s", error)
        # What the store says names folders of this machine.
        self._reason = error if isinstance(error, ServingError) else NotReady(_UNREADABLE, retry_after_s=_RETRY_S)

    def _drop(self) -> None:
        current, self._current = self._current, None
        if current is not None:
            current.release()
