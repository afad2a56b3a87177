"""A volume's index as a run holds it: the note of it, and the label that says where the columns of its table lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from martian_moments.domain.errors import DocumentError, ObjectMissing, UpstreamError, UpstreamUnavailable
from martian_moments.nasa.pds_index import IndexFolder, Volume
from martian_moments.nasa.pds_label import Label, Row, read_label


@dataclass(frozen=True, slots=True)
class HeldIndex:
    """A volume's index as it is held; ``label`` is None for a volume that is not present, or whose files are gone."""

    folder: IndexFolder
    note: Volume
    label: Label | None

    @classmethod
    def absent(cls, folder: IndexFolder, url: str, moment: datetime) -> HeldIndex:
        """The index of a volume that is not there."""
        return cls(folder, Volume(folder.volume, url, moment), None)

    @classmethod
    def stored(cls, folder: IndexFolder) -> HeldIndex:
        """The index in the store. Raises ObjectMissing and DocumentError."""
        note = folder.read()
        return cls(folder, note, read_label(folder.label(note)) if note.present else None)

    @classmethod
    def stored_or_none(cls, folder: IndexFolder) -> HeldIndex | None:
        """The index in the store, unless there is none, or none that can be read."""
        try:
            held = cls.stored(folder)
        except (ObjectMissing, DocumentError):
            return None
        return held if held.note.present else None

    @classmethod
    def noted_or_none(cls, folder: IndexFolder) -> HeldIndex | None:
        """What was known of an index whose table or label is gone: its sols stay promised."""
        try:
            note = folder.note()
        except (ObjectMissing, DocumentError):
            return None
        return cls(folder, note, None) if note.present else None

    def failed(self, error: UpstreamError) -> HeldIndex:
        """The same index, with the reason why it could not be refreshed."""
        return replace(self, note=replace(self.note, error=str(error)))

    def kept(self) -> HeldIndex:
        """The index in the store once this one's note, which needs no files, is written."""
        self.folder.write_note(self.note)
        return self.stored(self.folder)

    def page(self, sol: int) -> dict[str, Any] | None:
        """The volume's part of a sol's document, or None where it has no line of the sol.

        Raises ObjectMissing, DocumentError, and UpstreamUnavailable where the volume's files are gone.
        """
        if sol not in self.note.sols:
            return None
        if self.label is None:
            raise UpstreamUnavailable(f"{self.note.url}: the index is gone from the lake and was not had again")
        lines: list[Row] = self.folder.rows(self.note, self.label, sol)
        page = {"volume": self.note.volume, "table_sha256": self.note.table, "label_sha256": self.note.label, "lines": lines}
        return page | ({"synthetic": True} if self.note.synthetic else {})
