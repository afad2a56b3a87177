"""Every error that the platform raises on purpose.

A message says what happened, to what, and what to do next. Nothing here carries a secret: addresses are redacted before
they enter a message.
"""

from __future__ import annotations

from collections.abc import Sequence


class MartianError(Exception):
    """The root: whatever the platform itself reports. Anything else that escapes is a defect."""


class SettingsError(MartianError):
    """A setting has a value that the platform does not accept. One line: the setting and what it accepts."""


class InputError(MartianError):
    """A person or a message asked for something that does not exist (a rover, a sol, a partition)."""


class UpstreamError(MartianError):
    """An upstream did not give a usable response, after every retry that could help."""


class UpstreamUnavailable(UpstreamError):
    """No response: refused, timed out, cut, rate-limited or a 5xx. Asking later helps."""


class ResponseError(UpstreamError):
    """A response arrived, and it is not the data that were asked for.

    Attributes:
        url: the address asked, without secrets.
        body: the bytes that arrived, at most the client's size limit.
    """

    def __init__(self, message: str, *, url: str, body: bytes) -> None:
        super().__init__(message)
        self.url = url
        self.body = body


class BrokenResponse(ResponseError):
    """A response that is not what its dialect promises. It is kept in the quarantine."""


class RefusedResponse(BrokenResponse):
    """A response that asking again does not change: a 4xx, a redirect, one beyond a limit, a file with less than is held."""


class FileMissing(BrokenResponse):
    """A file that is asked for by its name is not there (404)."""


class NoPicture(UpstreamError):
    """A picture could not be had, after every retry that could help.

    Attributes:
        fault: why, in the one word that its record in the lake has: see :class:`martian_moments.domain.pictures.Fault`.
    """

    def __init__(self, message: str, *, fault: str) -> None:
        super().__init__(message)
        self.fault = fault


class UnknownRover(ResponseError):
    """The upstream said, in its own words, that it does not serve this rover. Asking again does not help."""


class LakeError(MartianError):
    """The object store refused or failed: no space, no permission, not reachable."""


class ObjectMissing(LakeError):
    """The key names no object."""


class PicturesFull(MartianError):
    """The pictures of the lake take what they may take. What is held stays; metadata go on."""


class DocumentError(MartianError):
    """The bytes of an object are not a document this release can read."""


class EventLogError(MartianError):
    """The event log refused or failed."""


class EventLogUnavailable(EventLogError):
    """The event log does not respond, or not in time. Asking later helps."""


class OffsetOutOfRange(EventLogError):
    """The offset asked for lies before the log's beginning (retention passed) or beyond its end."""


class EventUnreadable(MartianError):
    """A message is not an upload event in any known shape. It belongs in the dead-letter topic."""


class WarehouseError(MartianError):
    """The warehouse refused or failed."""


class PublishingError(WarehouseError):
    """Some tables could not be published; the others are.

    Attributes:
        tables: those that were not published, as ``schema.table``.
    """

    def __init__(self, message: str, *, tables: Sequence[str]) -> None:
        super().__init__(message)
        self.tables = tables


class WarehouseBusy(WarehouseError):
    """Another writer held the warehouse for longer than this one was asked to wait."""


class PublishedDamaged(WarehouseError):
    """A published table, or the manifest of all of them, is damaged or gone. Reconcile makes it again.

    Attributes:
        name: ``schema/table``, or the manifest's file name.
    """

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


class ServingError(MartianError):
    """The service cannot respond now, and could later.

    Attributes:
        retry_after_s: in how many seconds asking again may help.
    """

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotReady(ServingError):
    """There are no published tables of this release yet, or what there is cannot be read."""


class QueryRefused(ServingError):
    """A query took longer or more memory than one may, or too many were waiting already."""


class WarehouseDamaged(WarehouseError):
    """What the warehouse held could not be read (cut, overwritten, another program's). It returns from the lake."""


class DiskFull(MartianError):
    """A disk has less room than work needs. What was done stays; work goes on by itself when there is room."""


class BookkeepingError(MartianError):
    """Dagster's own storage did not take what a run reports."""


class PlatformDown(MartianError):
    """A command needs the running platform and it does not respond."""


class PlatformRunning(MartianError):
    """A platform runs on this home already; there can be one."""


class PlatformFailed(MartianError):
    """A process that the platform needs (code server, daemon, webserver, run worker) did not start, or keeps dying."""


class MediaMissing(MartianError):
    """Pictures and movies need the extra ``media``, which is not installed."""


class PictureError(MartianError):
    """Bytes that were to be a picture cannot be used as one."""


class NotAPicture(PictureError):
    """The bytes are something else than a JPEG or PNG, a page of HTML for example. The server may have the picture later."""


class PictureDamaged(PictureError):
    """The bytes begin as a picture and do not decode to the end, or end in rows of filling."""


class PictureRefused(PictureError):
    """The picture is larger than any camera's, in pixels or in what it unpacks to."""


class MovieError(MartianError):
    """Frames could not be made into a movie or a still: none, of different sizes, or the encoder refused."""
