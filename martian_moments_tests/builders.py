"""Documents for tests."""

from __future__ import annotations

from datetime import UTC, datetime

from martian_moments.domain.documents import Document, Header, Kind

FETCHED = datetime(2026, 4, 1, 12, 0, 0, 123456, tzinfo=UTC)


def photos_document(
    sol: int = 1000,
    *,
    content: str = "a",
    records: int = 3,
    promised: int | None = 3,
    fetched_at: datetime = FETCHED,
    requests: tuple[str, ...] = ("https://upstream.example/photos?sol=1000",),
    pages: tuple[bytes, ...] = (b'{"photos":[{"id":1},{"id":2},{"id":3}]}',),
) -> Document:
    """A Curiosity photos document; ``content`` stands for what its fingerprint covers."""
    complete = promised is None or records >= promised
    header = Header(Kind.PHOTOS, "curiosity", "v1", sol, fetched_at, content * 64, records, promised, complete, requests)
    return Document(header, pages)
